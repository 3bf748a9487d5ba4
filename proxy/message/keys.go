package message

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"strconv"
)

// MinSecret is the shortest secret of a key in bytes (the output of SHA-256,
// RFC 2104 §3).
const MinSecret = 32

// Keys signs and checks tokens and branches with up to two HMAC-SHA256 keys:
// the current one signs, the previous one is still accepted, so that dialogs
// live through a change of keys. A Keys keeps its hash states keyed and reuses
// them; it is not safe for concurrent use: each shard owns one (Clone).
type Keys struct {
	keys [2]key
	n    int
	buf  []byte // what is being hashed; reused
	sum  [sha256.Size]byte
}

type key struct {
	id     uint8
	secret []byte
	mac    hash.Hash // after the first Reset it starts from the stored inner state
}

// ParseKeys reads a key file: one key a line, "ID HEX", ID 0–255, HEX a secret
// of at least MinSecret bytes; the first line is the current key, a second one
// the previous. Empty lines and lines that begin with # are skipped. AppendKey
// writes such a line.
func ParseKeys(text []byte) (*Keys, error) {
	k := &Keys{}
	for n, ln := range bytes.Split(text, []byte("\n")) {
		ln = bytes.TrimSpace(ln)
		if len(ln) == 0 || ln[0] == '#' {
			continue
		}
		if k.n == len(k.keys) {
			return nil, fmt.Errorf("read keys: line %d: more than two keys; keep the current and the previous one", n+1)
		}
		if err := k.parse(ln); err != nil {
			return nil, fmt.Errorf("read keys: line %d: %w", n+1, err)
		}
	}
	if k.n == 0 {
		return nil, errors.New("read keys: no key; write one line \"1 <64 hex digits>\"")
	}
	return k, nil
}

func (k *Keys) parse(ln []byte) error {
	f := bytes.Fields(ln)
	if len(f) != 2 {
		return errors.New("want \"ID HEX\"")
	}
	id, err := strconv.ParseUint(string(f[0]), 10, 8)
	if err != nil {
		return errors.New("the ID is a number from 0 to 255")
	}
	secret, err := hex.DecodeString(string(f[1]))
	if err != nil || len(secret) < MinSecret {
		return fmt.Errorf("the secret is at least %d bytes in hex", MinSecret)
	}
	if k.n == 1 && k.keys[0].id == uint8(id) {
		return fmt.Errorf("two keys with the ID %d; give each its own", id)
	}
	k.add(uint8(id), secret)
	return nil
}

func (k *Keys) add(id uint8, secret []byte) {
	k.keys[k.n] = key{id: id, secret: secret, mac: hmac.New(sha256.New, secret)}
	k.n++
}

// Clone returns Keys with the same secrets and states of its own, for another
// shard.
func (k *Keys) Clone() *Keys {
	c := &Keys{}
	for _, key := range k.keys[:k.n] {
		c.add(key.id, key.secret)
	}
	return c
}

// AppendKey appends one line of a key file.
func AppendKey(dst []byte, id uint8, secret []byte) []byte {
	dst = append(strconv.AppendUint(dst, uint64(id), 10), ' ')
	return append(hex.AppendEncode(dst, secret), '\n')
}

// find returns the key called id.
func (k *Keys) find(id uint8) *key {
	for i := range k.keys[:k.n] {
		if k.keys[i].id == id {
			return &k.keys[i]
		}
	}
	return nil
}

// Purposes keep a MAC made for one use from passing in another.
const (
	forToken  = 't'
	forBranch = 'b'
	forCheck  = 'c'
	forLoop   = 'l'
	forRemote = 'r'
	forSeal   = 's'
)

// start begins what is to be signed; field adds one part, its length first, so
// that no two lists of parts look the same.
func (k *Keys) start(purpose byte) { k.buf = append(k.buf[:0], purpose) }

func (k *Keys) field(b []byte) {
	k.buf = append(k.buf, byte(len(b)>>8), byte(len(b)))
	k.buf = append(k.buf, b...)
}

// mac returns the HMAC of what was collected, valid until the next call.
func (k *Keys) mac(key *key) []byte {
	key.mac.Reset()
	key.mac.Write(k.buf)
	return key.mac.Sum(k.sum[:0])
}
