package message

import (
	"crypto/hmac"
	"encoding/base64"
)

// MaxRemote is the longest remote target that AppendRemote carries, in bytes.
// Our choice: with it a Contact of ours stays well below a header line's limit.
const MaxRemote = 512

// AppendRemote appends t and a remote target (a URI), signed by the current key
// for this Call-ID, as URL-safe text that needs no escaping in a URI's user
// part: what our Contact carries towards an IPBX that ignores Record-Route, so
// that a node which knows nothing of the call routes by it. dst comes back
// unchanged when the target is longer than MaxRemote or empty.
func (k *Keys) AppendRemote(dst []byte, t Token, target, callID []byte) []byte {
	if len(target) == 0 || len(target) > MaxRemote {
		return dst
	}
	key := &k.keys[0]
	t.KeyID = key.id
	var b [maxToken + 1 + MaxTokenFrom + MaxRemote + tokenMAC]byte
	all := append(t.append(b[:0]), target...)
	mac := k.remoteMAC(key, all, callID)
	return base64.RawURLEncoding.AppendEncode(dst, append(all, mac[:tokenMAC]...))
}

// VerifyRemote reads what AppendRemote made for this Call-ID with the current or
// the previous key; false for anything else. target is a copy.
func (k *Keys) VerifyRemote(text, callID []byte) (t Token, target []byte, ok bool) {
	n := base64.RawURLEncoding.DecodedLen(len(text))
	if n > maxToken+1+MaxTokenFrom+MaxRemote+tokenMAC || n < 6+tokenMAC {
		return Token{}, nil, false
	}
	b := make([]byte, n)
	if n, err := base64.RawURLEncoding.Strict().Decode(b, text); err != nil || n != len(b) {
		return Token{}, nil, false
	}
	all, mac := b[:n-tokenMAC], b[n-tokenMAC:]
	key := k.find(all[0])
	if key == nil || !hmac.Equal(k.remoteMAC(key, all, callID)[:tokenMAC], mac) {
		return Token{}, nil, false
	}
	t, read, ok := readFields(all)
	if !ok || read == len(all) || !clean(all[read:]) {
		return Token{}, nil, false
	}
	return t, all[read:], true
}

func (k *Keys) remoteMAC(key *key, all, callID []byte) []byte {
	k.start(forRemote)
	k.field(all)
	k.field(callID)
	return k.mac(key)
}
