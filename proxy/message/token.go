package message

import (
	"crypto/hmac"
	"encoding/base64"
	"encoding/binary"

	"releve/router"
)

// Token is what our Record-Route URI carries: enough to send any later request
// of the dialog to the right side by a node that knows nothing of the call.
type Token struct {
	Server     router.Server // who has the call
	FromIPBX   bool          // this token stands on the side that faces the IPBX; else on the server's
	Entry      uint8         // listener
	Epoch      uint64        // counts role changes
	KeyID      uint8         // which key signed; set by AppendToken
	CSeqOffset int16         // added to CSeq towards the IPBX (a challenge we answered)
	IPBX       uint8         // index of the IPBX
}

const (
	tokenMAC = 12 // bytes: 96 bits, forged once in 2^96 tries
	maxToken = 5 + binary.MaxVarintLen16 + binary.MaxVarintLen64
)

// AppendToken appends t, signed by the current key, as URL-safe text of 26 to
// 40 characters that needs no escaping in a URI's user part or parameter.
//
// The MAC covers the token and the Call-ID. The tags are left out on purpose:
// when the token is made the dialog has no To tag yet, and From and To change
// places in requests of the callee; the Call-ID is the only part of a dialog's
// name that is the same in every request from both sides. A token is therefore
// bound to a call, and cannot be moved to another one.
func (k *Keys) AppendToken(dst []byte, t Token, callID []byte) []byte {
	key := &k.keys[0]
	t.KeyID = key.id
	var b [maxToken + tokenMAC]byte
	fields := t.append(b[:0])
	mac := k.tokenMAC(key, fields, callID)
	return base64.RawURLEncoding.AppendEncode(dst, append(fields, mac[:tokenMAC]...))
}

func (k *Keys) tokenMAC(key *key, fields, callID []byte) []byte {
	k.start(forToken)
	k.field(fields)
	k.field(callID)
	return k.mac(key)
}

// append writes the fields: key, flags, entry, IPBX, CSeq offset, epoch.
func (t Token) append(b []byte) []byte {
	flags := byte(t.Server)
	if t.FromIPBX {
		flags |= 0x80
	}
	b = append(b, t.KeyID, flags, t.Entry, t.IPBX)
	b = binary.AppendVarint(b, int64(t.CSeqOffset))
	return binary.AppendUvarint(b, t.Epoch)
}

// VerifyToken reads a token that AppendToken made for this Call-ID with the
// current or the previous key; false for anything else.
func (k *Keys) VerifyToken(text, callID []byte) (Token, bool) {
	var b [maxToken + tokenMAC]byte
	if n := base64.RawURLEncoding.DecodedLen(len(text)); n > len(b) || n < 6+tokenMAC {
		return Token{}, false
	}
	n, err := base64.RawURLEncoding.Strict().Decode(b[:], text)
	if err != nil {
		return Token{}, false
	}
	fields, mac := b[:n-tokenMAC], b[n-tokenMAC:n]
	key := k.find(fields[0])
	if key == nil || !hmac.Equal(k.tokenMAC(key, fields, callID)[:tokenMAC], mac) {
		return Token{}, false
	}
	t, read, ok := readFields(fields)
	return t, ok && read == len(fields)
}

// readFields reads the fields at the front of b and how many bytes they take.
func readFields(b []byte) (t Token, read int, ok bool) {
	t = Token{KeyID: b[0], Server: router.Server(b[1] &^ 0x80), FromIPBX: b[1]&0x80 != 0, Entry: b[2], IPBX: b[3]}
	offset, n := binary.Varint(b[4:])
	if n <= 0 {
		return Token{}, 0, false
	}
	epoch, m := binary.Uvarint(b[4+n:])
	t.CSeqOffset, t.Epoch = int16(offset), epoch
	return t, 4 + n + m, m > 0 && int64(t.CSeqOffset) == offset && t.Server < router.Servers
}
