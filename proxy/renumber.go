package proxy

import (
	"bytes"

	"releve/proxy/dialog"
	"releve/proxy/message"
)

// An answered challenge takes a CSeq of its own, so from then on the server and the
// IPBX number the server's requests apart. The IPBX's own requests are never
// touched: each side numbers its own (RFC 3261 §12.2.1.1).
//
// Where the INVITE was challenged, the token in our Record-Route says its number at
// both ends, and each later request of the server has message.CSeqStride numbers at
// the IPBX, to be challenged again: nothing that grows has to be remembered, and a
// node that just started numbers on. What it cannot know is under which of these
// numbers a re-INVITE was accepted, should it start between that 2xx and its ACK.
//
// Where the INVITE was not challenged and a later request is, the growth is kept
// with the dialog. A node that just started does not have it: the first challenge
// that it meets in such a dialog leads it restartGap further, beyond what the node
// before it has used. Our choice, since no IPBX that we know of does this: to number
// all calls otherwise for it would be a change in each.

// restartGap is that jump, more than the challenges of any dialog we have seen.
const restartGap = 32

// change is what becomes of a request within a dialog of ours that is numbered or
// named otherwise at the IPBX; most have none.
type change struct {
	numbered bool   // cseq stands
	cseq     uint32 // of its first attempt
	acked    bool   // rack stands
	rack     uint32
	from, to []byte   // URIs in From and To
	lines    [][]byte // added: credentials of the INVITE that this ACK acknowledges, or those of an attempt
	drop     []string // names of headers that make room for them
}

// renumber finds out how an in-dialog request changes on its way.
func (s *shard) renumber(from side, raw []byte, h *message.Head, w *way) {
	t := &w.token
	own := h.FromTag
	if from.kind == fromIPBX {
		own = h.ToTag
	}
	var kept dialog.Numbering
	known := false
	if s.p.cfg().stands {
		kept, known = s.p.Dialogs.Noted(s.p.callKey(h.CallID.Of(raw)), s.p.hash(own.Of(raw)))
	}
	if known && !w.signed {
		t.CSeqOffset, t.CSeqBase, t.From = kept.Offset, kept.Base, kept.From
		t.Server, t.IPBX = kept.Server, kept.IPBX
	}
	if t.CSeqOffset == 0 && t.From == "" && !known {
		return
	}
	ch := &change{}
	switch {
	case from.kind == fromIPBX && t.From != "":
		ch.to = []byte(t.From)
	case from.kind == fromServer:
		s.p.rename(t, ch)
		ch.number(t, &kept, raw, h)
	default:
		return
	}
	if known && h.Method == message.INVITE && from.kind == fromServer {
		kept.Invited, kept.Invite, kept.Got, kept.Lines = true, h.CSeq, ch.cseq, nil
		s.p.Dialogs.Note(s.p.callKey(h.CallID.Of(raw)), kept, s.p.Now())
	}
	w.change = ch
}

// number sets the numbers of a server's request.
func (ch *change) number(t *message.Token, kept *dialog.Numbering, raw []byte, h *message.Head) {
	at := func(cseq uint32) uint32 {
		if t.CSeqOffset != 0 {
			return t.Number(cseq)
		}
		return kept.Number(cseq)
	}
	invite := func(cseq uint32) uint32 {
		if kept.Invited && kept.Invite == cseq {
			return kept.Got
		}
		return at(cseq)
	}
	ch.numbered, ch.cseq = true, at(h.CSeq)
	if h.Method == message.ACK {
		ch.cseq = invite(h.CSeq)
		if kept.Invited && kept.Invite == h.CSeq {
			ch.lines = kept.Lines
		}
	}
	if r, ok := message.RAckCSeq(raw, h); ok {
		ch.acked, ch.rack = true, invite(r)
	}
}

// numberOr is the number of the request, cseq when it stays.
func (ch *change) numberOr(cseq uint32) uint32 {
	if ch == nil || !ch.numbered {
		return cseq
	}
	return ch.cseq
}

// into enters a change into what is forwarded.
func (ch *change) into(e *message.Edit) {
	e.SetCSeq, e.CSeq = ch.numbered, ch.cseq
	e.SetRAck, e.RAck = ch.acked, ch.rack
	e.FromURI, e.ToURI = ch.from, ch.to
	e.Drop = ch.drop
	if ch.lines != nil {
		e.Add = ch.lines
	}
}

// changes is what becomes of the request of c on its way w: its number, its
// credentials, its identity, and for one that opens a dialog the token that says
// so. False: it goes as it came.
func (c *context) changes(w *way) (ch change, some bool) {
	if !c.s.p.cfg().stands && w.change == nil || c.from.kind == fromStranger {
		return change{}, false
	}
	if w.change != nil {
		ch = *w.change
	}
	asserted := c.identify(&ch, w)
	if a := w.answers; a != nil {
		ch.numbered, ch.cseq = true, ch.numberOr(c.head.CSeq)+a.added()
		ch.lines = append(ch.lines, a.lines...)
		if c.opens() {
			w.token.CSeqOffset, w.token.CSeqBase = int16(a.times), c.head.CSeq
		}
	}
	if ch.lines != nil && w.marks.diversion != nil {
		ch.lines = append(ch.lines, w.marks.diversion)
	}
	c.altered = c.altered || ch.numbered || ch.from != nil || ch.to != nil
	return ch, asserted || w.change != nil || w.answers != nil
}

// added is what the attempt adds to the number of its request.
func (a *answers) added() uint32 {
	if a == nil {
		return 0
	}
	return a.times + a.gap
}

// opens: the request is outside a dialog, and makes one if any.
func (c *context) opens() bool { return c.head.ToTag.Empty() && !c.way.signed }

// numberOf is the number of the present attempt of b.
func (c *context) numberOf(b *branch) uint32 {
	return c.way.change.numberOr(c.head.CSeq) + b.answers.added()
}

// maxCSeq is the highest number there is (RFC 3261 §8.1.1.5).
const maxCSeq = 1<<31 - 1

// noteAnswer remembers an answered challenge within a dialog: the number and the
// credentials of an INVITE for its ACK, the growth where the token has none.
func (c *context) noteAnswer(i uint8) {
	p, b := c.s.p, &c.branches[i]
	if c.opens() || c.head.Method == message.BYE {
		return // outside a dialog the 2xx makes it known; after a BYE nothing comes
	}
	key := p.callKey(c.head.CallID.Of(c.raw))
	n, known := p.Dialogs.Noted(key, p.hash(c.head.FromTag.Of(c.raw)))
	t := &c.way.token
	if !known {
		n = dialog.Numbering{
			Tag: p.hash(c.head.FromTag.Of(c.raw)), Server: c.from.server(), IPBX: t.IPBX,
			Offset: t.CSeqOffset, Base: t.CSeqBase, From: t.From,
		}
	}
	number := c.numberOf(b)
	if t.CSeqOffset == 0 {
		if n.Shift == 0 {
			n.First = c.head.CSeq + 1
		}
		n.Shift = number - c.head.CSeq
	}
	if c.head.Method == message.INVITE {
		n.Invited, n.Invite, n.Got, n.Lines = true, c.head.CSeq, number, b.answers.lines
	}
	p.keepNumbering(key, n)
	p.Dialogs.Used(key, dialog.AtIPBX, number)
}

func (p *Proxy) keepNumbering(k dialog.Key, n dialog.Numbering) {
	if !p.Dialogs.Note(k, n, p.Now()) {
		p.refused(BoundDialogs)
	}
}

// gap is what the first answer jumps over, in a dialog that an earlier run of
// Relève may have numbered on.
func (c *context) gap() uint32 {
	if c.opens() || c.way.token.CSeqOffset != 0 {
		return 0
	}
	p, key := c.s.p, c.s.p.callKey(c.head.CallID.Of(c.raw))
	_, inProgress := p.Dialogs.Owner(key)
	_, known := p.Dialogs.Noted(key, p.hash(c.head.FromTag.Of(c.raw)))
	if inProgress || known {
		return 0
	}
	return restartGap
}

// agreed remembers what a 2xx to a server's INVITE outside a dialog settled: by
// which number and with which credentials the IPBX took it.
func (c *context) agreed(b *branch, raw []byte, h *message.Head) {
	p := c.s.p
	if !c.altered || c.from.kind != fromServer || c.head.Method != message.INVITE {
		return
	}
	n := dialog.Numbering{
		Tag: p.hash(c.head.FromTag.Of(c.raw)), Server: c.from.server(), IPBX: p.side(b.flow).index, From: string(c.renamed(raw, h)),
		Invited: true, Invite: c.head.CSeq, Got: h.CSeq,
	}
	if b.answers != nil {
		n.Offset, n.Base, n.Lines = int16(b.answers.times), c.head.CSeq, b.answers.lines
	}
	p.keepNumbering(p.callKey(c.head.CallID.Of(c.raw)), n)
}

// restored enters what makes a response the answer to the request as its sender
// wrote it (RFC 3261 §8.2.6.2).
func (c *context) restored(e *message.Edit, raw []byte, h *message.Head) {
	if h.CSeq != c.head.CSeq {
		e.SetCSeq, e.CSeq = true, c.head.CSeq
	}
	e.FromURI = c.renamed(raw, h)
	if ch := c.way.change; ch != nil && ch.to != nil {
		e.ToURI = uriOf(c.head.To.Of(c.raw))
	}
}

// restoredAlone does so for a response that has no context any more, by the token
// in our Record-Route.
func (s *shard) restoredAlone(e *message.Edit, from side, raw []byte, h *message.Head) {
	if from.kind != fromIPBX && from.kind != fromServer || h.RecordRoutes == 0 {
		return
	}
	var w way
	for v := range message.Values(raw, h, "Record-Route") {
		uri := uriOf(v)
		if s.p.ours(uri) && s.tokenOf(uri, raw, h, &w) {
			break
		}
	}
	switch t := &w.token; {
	case !w.signed:
	case from.kind == fromServer && t.From != "":
		if u := s.p.identity(t.Server, t.IPBX); u != "" {
			e.ToURI = []byte(u)
		}
	case from.kind == fromIPBX:
		if n := t.Numbered(h.CSeq); n != h.CSeq {
			e.SetCSeq, e.CSeq = true, n
		}
		if t.From != "" && bytes.Equal(uriOf(h.From.Of(raw)), []byte(s.p.identity(t.Server, t.IPBX))) {
			e.FromURI = []byte(t.From)
		}
	}
}
