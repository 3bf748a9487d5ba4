package proxy

import (
	"bytes"
	"strconv"

	"releve/proxy/fork"
	"releve/proxy/message"
	"releve/router"
)

// marks are the lines by which an overflowed call says so.
type marks struct {
	diversion []byte // a whole line (RFC 5806); nil: none
	history   []byte // value of a History-Info line (RFC 7044); nil: none
}

// mark prepares the marks of a branch that stands in for the primary: the leg to
// the secondary, and to the desk. Our choices: the primary's own leg is never
// marked, nor is any entry that came with the call touched.
func (c *context) mark(w *way, e *fork.Effect) {
	m := c.s.p.mannersOf(c.from)
	if m == nil || !e.Overflown || serverOf(e.Target) == router.Primary || !m.Diversion && !m.HistoryInfo {
		return
	}
	was, ok := withoutHeaders(c.head.URI.Of(c.raw))
	if !ok {
		return
	}
	why := diversionOf(e.Reason)
	if m.Diversion {
		// Made by Line: what stands in it cannot be a second header.
		w.marks.diversion, _ = message.Line("Diversion", "<"+string(was)+">;reason="+why.diversion+";counter=1")
	}
	if m.HistoryInfo {
		w.marks.history = c.history(was, w, why)
	}
}

// cause is why a call went elsewhere: as Diversion says it (RFC 5806 §4.1) and
// as a cause of RFC 4458 §2.
type diverted struct{ diversion, cause string }

func diversionOf(r router.Reason) diverted {
	switch r {
	case router.ReasonNoAnswer, router.ReasonNoProgress, router.ReasonHoldBudget:
		return diverted{"no-answer", "408"}
	case router.ReasonServerBusy, router.ReasonLinesFull, router.ReasonUnexplainedBusy, router.ReasonVerdictBusy,
		router.ReasonWaitingFull, router.ReasonSpared:
		return diverted{"user-busy", "486"}
	case router.ReasonPortRefused, router.ReasonTLSFailed, router.ReasonBothDown, router.ReasonConfirmed:
		return diverted{"out-of-service", "503"}
	case router.ReasonServerFailed:
		return diverted{"unavailable", "503"}
	}
	return diverted{"unavailable", "480"}
}

// history is the value of our History-Info line: the target that was asked for,
// if no entry says it yet; the server that was tried, with the Reason of its
// failure; and where the call goes now, with the cause (RFC 7044 §9.2, §10.3,
// RFC 4458 §2). nil when the entries that came cannot be continued.
func (c *context) history(was []byte, w *way, why diverted) []byte {
	base, known := c.lastIndex()
	if base == "" {
		return nil
	}
	reason := "?Reason=SIP%3Bcause%3D" + why.cause
	tried := c.triedServer()
	var out []byte
	entry := func(uri, headers, index, mark string) {
		if len(out) > 0 {
			out = append(out, ", "...)
		}
		out = append(append(append(out, '<'), uri...), headers...)
		out = append(append(append(out, ">;index="...), index...), mark...)
	}
	changed := func(uri []byte) string { // by whom the target was set: RFC 7044 §5
		kind := "mp"
		if u, ok := message.ParseURI(uri); ok && bytes.Equal(u.User, c.head.UserOf.Of(c.raw)) {
			kind = "rc"
		}
		return ";" + kind + "=" + base
	}
	if !known {
		asked := ""
		if tried == nil {
			asked = reason
		}
		entry(string(was), asked, base, "")
	}
	next := 1
	if tried != nil {
		entry(string(tried), reason, base+".1", changed(tried))
		next = 2
	}
	entry(string(w.uri)+";cause="+why.cause, "", base+"."+strconv.Itoa(next), changed(w.uri))
	return out
}

// triedServer is the Request-URI that the server went by which did not take the
// call; nil: none was tried.
func (c *context) triedServer() []byte {
	for i := range c.branches {
		if s := serverOf(c.branches[i].target); s != router.NoServer && i < len(c.branches)-1 {
			return c.s.p.uriAt(c.userAt(s), &c.s.p.cfg().Servers[s].Peer, false)
		}
	}
	return nil
}

// userAt is the user part of the Request-URI towards a server.
func (c *context) userAt(s router.Server) []byte {
	if name := c.s.p.cfg().Servers[s].User; name != "" {
		return []byte(name)
	}
	return c.head.UserOf.Of(c.raw)
}

// lastIndex is the index that our entries continue; known: of an entry that
// came with the call. Empty: that one cannot be read.
func (c *context) lastIndex() (base string, known bool) {
	var last []byte
	for v := range message.Values(c.raw, &c.head, "History-Info") {
		last, known = v, true
	}
	if !known {
		return "1", false
	}
	i := bytes.LastIndexByte(last, '>')
	if i < 0 {
		return "", true
	}
	for param := range bytes.SplitSeq(last[i+1:], []byte(";")) {
		name, value, _ := bytes.Cut(bytes.TrimSpace(param), []byte("="))
		if message.EqualFold(bytes.TrimSpace(name), "index") && numbered(bytes.TrimSpace(value)) {
			return string(bytes.TrimSpace(value)), true
		}
	}
	return "", true
}

// maxIndex bounds the index that is continued, in bytes.
const maxIndex = 64

// numbered reports the form of an index: "1.1.2" (RFC 7044 §10.2).
func numbered(b []byte) bool {
	digit := false
	for _, ch := range b {
		switch {
		case '0' <= ch && ch <= '9':
			digit = true
		case ch == '.' && digit:
			digit = false
		default:
			return false
		}
	}
	return digit && len(b) <= maxIndex
}

// withoutHeaders is a URI without its header part; false: it is none that we
// could write between brackets.
func withoutHeaders(uri []byte) ([]byte, bool) {
	u, ok := message.ParseURI(uri)
	return uri[:len(uri)-len(u.Headers)], ok
}
