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
	CSeqOffset int16         // the IPBX knows the INVITE by CSeqBase + CSeqOffset: the challenges we answered; 0: it numbers as the server does
	CSeqBase   uint32        // CSeq of the server's INVITE; with an offset only
	IPBX       uint8         // index of the IPBX
	From       string        // URI of the server's own From, where another one stands towards the IPBX; empty: the same one stands
}

const (
	tokenMAC = 12 // bytes: 96 bits, forged once in 2^96 tries
	maxToken = 4 + binary.MaxVarintLen16 + binary.MaxVarintLen64 + binary.MaxVarintLen32

	// MaxTokenFrom is the longest Token.From that is carried, in bytes. Our choice:
	// with it a Record-Route of ours stays below 400 bytes.
	MaxTokenFrom = 160

	flagFromIPBX = 0x80
	flagFrom     = 0x40
	tokenFlags   = flagFromIPBX | flagFrom
)

// CSeqStride is how many numbers each request of the server has at the IPBX, in a
// dialog whose INVITE was challenged: its own, and those under which it is sent
// again when it is challenged too. Our choice, instead of an offset that grows:
// what a later request is numbered follows from the token alone, so a node that
// just started numbers on (RFC 3261 §12.2.1.1 wants the numbers to rise, not to be
// contiguous).
const CSeqStride = 4

// Number is the CSeq at the IPBX of the server's request number cseq.
func (t *Token) Number(cseq uint32) uint32 {
	switch {
	case t.CSeqOffset == 0:
		return cseq
	case cseq <= t.CSeqBase:
		return cseq + uint32(int32(t.CSeqOffset))
	}
	return t.CSeqBase + uint32(int32(t.CSeqOffset)) + CSeqStride*(cseq-t.CSeqBase)
}

// Numbered is the server's own CSeq of what has number cseq at the IPBX: of any of
// its attempts.
func (t *Token) Numbered(cseq uint32) uint32 {
	first := t.Number(t.CSeqBase)
	switch {
	case t.CSeqOffset == 0:
		return cseq
	case cseq <= first:
		return min(cseq, t.CSeqBase) // of an attempt before the one that was taken
	}
	return t.CSeqBase + (cseq-first)/CSeqStride
}

// AppendToken appends t, signed by the current key, as URL-safe text of 26 to
// 46 characters that needs no escaping in a URI's user part or parameter; From
// makes it longer by 4 for each 3 bytes. A From beyond MaxTokenFrom is left out.
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
	fields := t.append(b[:0]) // grows for a From
	mac := k.tokenMAC(key, fields, callID)
	return base64.RawURLEncoding.AppendEncode(dst, append(fields, mac[:tokenMAC]...))
}

func (k *Keys) tokenMAC(key *key, fields, callID []byte) []byte {
	k.start(forToken)
	k.field(fields)
	k.field(callID)
	return k.mac(key)
}

// append writes the fields: key, flags, entry, IPBX, CSeq offset, epoch; with an
// offset its base; with the flag the length of From, and From.
func (t Token) append(b []byte) []byte {
	first := byte(t.Server)
	if t.FromIPBX {
		first |= flagFromIPBX
	}
	carried := t.From != "" && len(t.From) <= MaxTokenFrom
	if carried {
		first |= flagFrom
	}
	b = append(b, t.KeyID, first, t.Entry, t.IPBX)
	b = binary.AppendVarint(b, int64(t.CSeqOffset))
	b = binary.AppendUvarint(b, t.Epoch)
	if t.CSeqOffset != 0 {
		b = binary.AppendUvarint(b, uint64(t.CSeqBase))
	}
	if carried {
		b = append(append(b, byte(len(t.From))), t.From...)
	}
	return b
}

// VerifyToken reads a token that AppendToken made for this Call-ID with the
// current or the previous key; false for anything else.
func (k *Keys) VerifyToken(text, callID []byte) (Token, bool) {
	var room [maxToken + tokenMAC]byte
	b := room[:]
	switch n := base64.RawURLEncoding.DecodedLen(len(text)); {
	case n < 6+tokenMAC || n > len(room)+1+MaxTokenFrom:
		return Token{}, false
	case n > len(room):
		b = make([]byte, n)
	}
	n, err := base64.RawURLEncoding.Strict().Decode(b, text)
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
	t = Token{
		KeyID: b[0], Server: router.Server(b[1] &^ tokenFlags), FromIPBX: b[1]&flagFromIPBX != 0, Entry: b[2], IPBX: b[3],
	}
	r := fieldReader{b: b, read: 4}
	offset, n := binary.Varint(b[4:])
	r.skip(n)
	t.CSeqOffset = int16(offset)
	t.Epoch = r.uvarint()
	if t.CSeqOffset != 0 {
		base := r.uvarint()
		r.bad = r.bad || base > 1<<32-1
		t.CSeqBase = uint32(base)
	}
	if b[1]&flagFrom != 0 {
		t.From = r.text()
	}
	return t, r.read, !r.bad && int64(t.CSeqOffset) == offset && t.Server < router.Servers
}

// fieldReader reads one field after the other; bad once one was not there.
type fieldReader struct {
	b    []byte
	read int
	bad  bool
}

func (r *fieldReader) skip(n int) {
	if r.bad = r.bad || n <= 0; !r.bad {
		r.read += n
	}
}

func (r *fieldReader) uvarint() uint64 {
	v, n := binary.Uvarint(r.b[r.read:])
	r.skip(n)
	return v
}

func (r *fieldReader) text() string {
	if r.bad || r.read == len(r.b) {
		r.bad = true
		return ""
	}
	n := int(r.b[r.read])
	r.read++
	if r.bad = n == 0 || n > len(r.b)-r.read || n > MaxTokenFrom; r.bad {
		return ""
	}
	v := string(r.b[r.read : r.read+n])
	r.read += n
	return v
}
