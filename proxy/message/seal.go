package message

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"
)

// Seal signs a text that is kept: the current key's ID and an HMAC-SHA256.
func (k *Keys) Seal(text []byte) string {
	return strconv.Itoa(int(k.keys[0].id)) + "-" + hex.EncodeToString(k.sealOf(&k.keys[0], text))
}

// Sealed reports whether Seal made this seal of text, with the current or the
// previous key.
func (k *Keys) Sealed(text []byte, seal string) bool {
	id, sum, _ := strings.Cut(seal, "-")
	n, err := strconv.ParseUint(id, 10, 8)
	if err != nil {
		return false
	}
	want, err := hex.DecodeString(sum)
	key := k.find(uint8(n))
	return err == nil && key != nil && hmac.Equal(k.sealOf(key, text), want)
}

func (k *Keys) sealOf(key *key, text []byte) []byte {
	sum := sha256.Sum256(text)
	k.start(forSeal)
	k.field(sum[:])
	return k.mac(key)
}
