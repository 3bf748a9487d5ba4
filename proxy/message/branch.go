package message

import (
	"crypto/hmac"
	"encoding/base64"
	"encoding/binary"
)

// Cookie begins every branch of RFC 3261 (§8.1.1.7).
const Cookie = "z9hG4bK"

// A branch of ours: cookie, one character for target, one for attempt, then 12
// bytes that name the transaction and 6 that prove the rest ours, in base64url.
const (
	branchID    = 12
	branchCheck = 6
	branchLen   = len(Cookie) + 2 + (branchID+branchCheck)*4/3
	// BranchRange is the number of targets, and of attempts, that a branch
	// names in clear; larger ones come back modulo it (the branch still differs).
	BranchRange = 64
)

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

// AppendBranch appends the branch for one attempt to forward a request to one
// target. It depends only on its arguments and the current key (RFC 3261
// §16.11), so that a second node builds the same one; the method is no part of
// it, so that CANCEL and the ACK of a non-2xx carry the branch of their INVITE
// (RFC 3261 §16.6(8), §17.1.1.3); a retry takes another attempt and so another
// branch. sentBy is that of the received top Via.
func (k *Keys) AppendBranch(dst []byte, receivedBranch, sentBy, callID []byte, cseq uint32, target, attempt uint8) []byte {
	k.start(forBranch)
	k.field(receivedBranch)
	k.field(sentBy)
	k.field(callID)
	k.buf = binary.BigEndian.AppendUint32(k.buf, cseq)
	k.buf = append(k.buf, target, attempt)
	var b [branchID + branchCheck]byte
	copy(b[:branchID], k.mac(&k.keys[0]))
	t, a := alphabet[target%BranchRange], alphabet[attempt%BranchRange]
	copy(b[branchID:], k.branchCheck(&k.keys[0], t, a, b[:branchID]))
	dst = append(append(dst, Cookie...), t, a)
	return base64.RawURLEncoding.AppendEncode(dst, b[:])
}

func (k *Keys) branchCheck(key *key, target, attempt byte, id []byte) []byte {
	k.start(forCheck)
	k.buf = append(k.buf, target, attempt)
	k.buf = append(k.buf, id...)
	return k.mac(key)[:branchCheck]
}

// OursBranch reports whether our current or previous key made this branch, and
// for which target and attempt. A node without the transaction's context relays
// a response on this proof alone.
func (k *Keys) OursBranch(branch []byte) (target, attempt uint8, ok bool) {
	if len(branch) != branchLen || string(branch[:len(Cookie)]) != Cookie {
		return 0, 0, false
	}
	var b [branchID + branchCheck]byte
	text := branch[len(Cookie):]
	if _, err := base64.RawURLEncoding.Strict().Decode(b[:], text[2:]); err != nil {
		return 0, 0, false
	}
	for i := range k.keys[:k.n] {
		if hmac.Equal(k.branchCheck(&k.keys[i], text[0], text[1], b[:branchID]), b[branchID:]) {
			return place(text[0]), place(text[1]), true
		}
	}
	return 0, 0, false
}

// place is the index of c in alphabet.
func place(c byte) uint8 {
	for i := range len(alphabet) {
		if alphabet[i] == c {
			return uint8(i)
		}
	}
	return 0
}
