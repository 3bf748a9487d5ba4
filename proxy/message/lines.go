package message

import (
	"bytes"
	"iter"
)

// line is one header line: its extent with the CRLF, its name and its value
// without surrounding white space.
type line struct {
	off, next        int // whole, "Name: value\r\n"
	nameEnd          int
	value, valueEnd  int
	kind             kind
	folded, unending bool // spans several physical lines; not ended by CRLF
	bareCR           bool
	noColon          bool
}

func (l *line) name(raw []byte) []byte { return raw[l.off:l.nameEnd] }
func (l *line) val(raw []byte) []byte  { return raw[l.value:l.valueEnd] }

func isWSP(c byte) bool { return c == ' ' || c == '\t' }

// isLWS takes the CR and LF of a fold for white space too.
func isLWS(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

// readLine reads the header line that begins at off. A CRLF followed by white
// space continues the line (RFC 3261 §7.3.1).
func readLine(raw []byte, off int, l *line) {
	*l = line{off: off}
	end := off
	for {
		i := bytes.IndexByte(raw[end:], '\r')
		if i < 0 {
			end, l.next, l.unending = len(raw), len(raw), true
			break
		}
		end += i
		if end+1 >= len(raw) || raw[end+1] != '\n' {
			l.bareCR = true
			end++
			continue
		}
		if end+2 < len(raw) && isWSP(raw[end+2]) {
			l.folded = true
			end += 2
			continue
		}
		l.next = end + 2
		break
	}
	l.split(raw, end)
}

// split finds name and value in the line that ends at end.
func (l *line) split(raw []byte, end int) {
	colon := bytes.IndexByte(raw[l.off:end], ':')
	if colon < 0 {
		l.noColon, l.nameEnd, l.value, l.valueEnd = true, end, end, end
		return
	}
	l.nameEnd, l.value, l.valueEnd = l.off+colon, l.off+colon+1, end
	for l.nameEnd > l.off && isWSP(raw[l.nameEnd-1]) {
		l.nameEnd--
	}
	for l.value < l.valueEnd && isLWS(raw[l.value]) {
		l.value++
	}
	for l.valueEnd > l.value && isLWS(raw[l.valueEnd-1]) {
		l.valueEnd--
	}
	l.kind = kindOf(raw[l.off:l.nameEnd])
}

// firstLine is the offset of the first header line.
func (h *Head) firstLine(raw []byte) int {
	if i := bytes.Index(raw[h.Start:h.Body], []byte(crlf)); i >= 0 {
		return h.Start + i + 2
	}
	return h.Body
}

const crlf = "\r\n"

// more reads the line at *pos and moves on; false at the end of the headers.
func (h *Head) more(raw []byte, pos *int, l *line) bool {
	if *pos >= h.Body || raw[*pos] == '\r' {
		return false
	}
	readLine(raw[:h.Body], *pos, l)
	*pos = l.next
	return true
}

// valueEnd returns the end of the list element that begins at p: the next
// comma outside quotes and angle brackets, else end. ok is false when a quote
// or bracket stays open.
func valueEnd(raw []byte, p, end int) (comma int, ok bool) {
	if v := raw[p:end]; bytes.IndexByte(v, ',') < 0 && bytes.IndexByte(v, '"') < 0 {
		return end, closed(v)
	}
	angle := false
	for p < end {
		switch raw[p] {
		case '"':
			q := quoteEnd(raw, p, end)
			if q < 0 {
				return end, false
			}
			p = q
			continue
		case '<':
			angle = true
		case '>':
			angle = false
		case ',':
			if !angle {
				return p, true
			}
		}
		p++
	}
	return end, !angle
}

// closed reports whether every '<' has its '>'.
func closed(v []byte) bool {
	for {
		i := bytes.IndexByte(v, '<')
		if i < 0 {
			return true
		}
		v = v[i+1:]
		if i = bytes.IndexByte(v, '>'); i < 0 {
			return false
		}
		v = v[i+1:]
	}
}

// quoteEnd returns the offset after the quoted string that begins at p, -1
// when it does not end.
func quoteEnd(raw []byte, p, end int) int {
	for p++; p < end; p++ {
		switch raw[p] {
		case '\\':
			p++
		case '"':
			return p + 1
		}
	}
	return -1
}

func skipLWS(raw []byte, p, end int) int {
	for p < end && isLWS(raw[p]) {
		p++
	}
	return p
}

func trimEnd(raw []byte, off, end int) int {
	for end > off && isLWS(raw[end-1]) {
		end--
	}
	return end
}

// trim cuts white space off both ends.
func trim(b []byte) []byte {
	off := skipLWS(b, 0, len(b))
	return b[off:trimEnd(b, off, len(b))]
}

// Fields yields the value of every header line called name, long or compact
// form, any case, in order; a line with several comma-separated values is one.
// Values of headers the scanner does not read may hold folds (CRLF and white
// space). The slices point into raw.
func Fields(raw []byte, h *Head, name string) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		var l line
		want := []byte(name)
		for pos := h.firstLine(raw); h.more(raw, &pos, &l); {
			if sameName(l.name(raw), want) && !yield(l.val(raw)) {
				return
			}
		}
	}
}

// Values yields every comma-separated value of the header called name, in
// order, over all its lines (RFC 3261 §7.3.1). Commas inside quotes and angle
// brackets do not separate. Not for the headers whose grammar has commas of
// its own (WWW-Authenticate, Authorization and their Proxy forms): use Fields.
func Values(raw []byte, h *Head, name string) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for v := range Fields(raw, h, name) {
			for p := 0; p < len(v); {
				end, _ := valueEnd(v, p, len(v))
				if b := trim(v[p:end]); len(b) > 0 && !yield(b) {
					return
				}
				p = end + 1
			}
		}
	}
}

// HeaderValue returns the value of the first header line called name, long or
// compact form, any case; false when there is none.
func HeaderValue(raw []byte, h *Head, name string) ([]byte, bool) {
	for v := range Fields(raw, h, name) {
		return v, true
	}
	return nil, false
}
