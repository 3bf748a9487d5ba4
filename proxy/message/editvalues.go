package message

// numbers edits Max-Forwards and CSeq.
func (e *Edit) numbers(cs []cut, raw []byte, h *Head) []cut {
	if e.MaxForwards >= 0 {
		c := cut{off: at(h.MaxFwdValue), end: upto(h.MaxFwdValue), num: uint32(e.MaxForwards), what: isNumber}
		if h.MaxFwdValue.Empty() {
			c.off, c.end, c.pre, c.post = h.ViaEnd, h.ViaEnd, "Max-Forwards: ", crlf
		}
		cs = addCut(cs, c)
	}
	if e.SetCSeq && !h.CSeqValue.Empty() {
		cs = addCut(cs, cut{off: at(h.CSeqValue), end: upto(h.CSeqValue), num: e.CSeq, what: isNumber})
	}
	if !e.SetRAck {
		return cs
	}
	if s, _, ok := rackNumber(raw, h); ok {
		cs = addCut(cs, cut{off: at(s), end: upto(s), num: e.RAck, what: isNumber})
	}
	return cs
}

// parties edits the URIs of From and To; tags and display names stay.
func (e *Edit) parties(cs []cut, raw []byte, h *Head) []cut {
	if e.FromURI != nil {
		cs = partyCut(cs, raw, h.From, isFrom)
	}
	if e.ToURI != nil {
		cs = partyCut(cs, raw, h.To, isTo)
	}
	return cs
}

// partyCut replaces the URI of a From or To value. One without brackets gets
// them: a parameter of the new URI would be read as the header's (RFC 3261 §20).
func partyCut(cs []cut, raw []byte, value Span, what content) []cut {
	uri, _, ok := address(raw, at(value), upto(value))
	if !ok || uri.Empty() {
		return cs
	}
	c := cut{off: at(uri), end: upto(uri), what: what}
	if c.off == 0 || raw[c.off-1] != '<' {
		c.pre, c.post = "<", ">"
	}
	return addCut(cs, c)
}

// RAckCSeq is the CSeq number in RAck (RFC 3262 §7.2); false: there is none.
func RAckCSeq(raw []byte, h *Head) (uint32, bool) {
	_, n, ok := rackNumber(raw, h)
	return n, ok
}

// rackNumber finds the CSeq number in "RAck: 776656 1 INVITE" (RFC 3262 §7.2).
func rackNumber(raw []byte, h *Head) (Span, uint32, bool) {
	v, end := at(h.RAck), upto(h.RAck)
	for v < end && !isLWS(raw[v]) {
		v++
	}
	off := skipLWS(raw, v, end)
	e := off
	for e < end && !isLWS(raw[e]) {
		e++
	}
	n, ok := number(raw[off:e])
	return sp(off, e), uint32(n), ok && n < 1<<32
}
