package dialog

import "releve/router"

// Numbering is what is remembered of a dialog in which a challenge of the IPBX was
// answered in the server's place, or whose From was replaced. What a later request
// is numbered and named follows from the Record-Route token; here is what the token
// cannot say.
type Numbering struct {
	Tag    uint64 // hash of the server's tag: another dialog may have its Call-ID
	Server router.Server
	IPBX   uint8

	// Of the token, for an IPBX that ignores Record-Route.
	Offset int16
	Base   uint32
	From   string

	// Of a dialog whose INVITE was not challenged, and a later request was: requests
	// of the server from number First on are Shift higher at the IPBX.
	First, Shift uint32

	// The server's INVITE answered last: its number, the one at the IPBX, and the
	// credentials that its ACK repeats (RFC 3261 §22.1).
	Invited     bool
	Invite, Got uint32
	Lines       [][]byte
}

// Number is the CSeq at the IPBX of request cseq of the server in a dialog without
// an offset.
func (n *Numbering) Number(cseq uint32) uint32 {
	if n.Shift == 0 || cseq < n.First {
		return cseq
	}
	return cseq + n.Shift
}

// numbered is a Numbering and how long it is kept.
type numbered struct {
	Numbering
	touched router.Instant
}

// Note keeps n for the dialog of k; false: there is no room. Its slices must not
// change any more.
func (t *Table) Note(k Key, n Numbering, now router.Instant) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, known := t.numbered[k]; !known && len(t.numbered) >= t.limit.Calls {
		return false
	}
	if t.numbered == nil {
		t.numbered = make(map[Key]numbered)
	}
	t.numbered[k] = numbered{n, now}
	return true
}

// Noted returns what Note kept for the dialog of k in which the server has tag.
func (t *Table) Noted(k Key, tag uint64) (Numbering, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	n, ok := t.numbered[k]
	return n.Numbering, ok && n.Tag == tag
}

// forget drops what was noted before limit, of calls that ended unseen.
func (t *Table) forget(limit router.Instant) {
	for k, n := range t.numbered {
		if n.touched < limit {
			delete(t.numbered, k)
		}
	}
}
