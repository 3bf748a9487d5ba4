package transport

import "bytes"

// frame is what a framer found at the start of the bytes it was shown.
type frame uint8

// needMore: no whole message yet. message: one whole message. keepAlive: a
// CRLFCRLF ping, to be answered by CRLF (RFC 5626 §4.4.1). lengthless: a header
// part without Content-Length; its end is not known, so nothing after it can be
// framed (RFC 3261 §18.3: 400). badLength: the same, for Content-Length is
// unreadable or two of them differ. tooLong: over the limit of one message. headTooLong: over the
// limit of one header part.
const (
	needMore frame = iota
	message
	keepAlive
	lengthless
	badLength
	tooLong
	headTooLong
)

// framer cuts a stream into messages by Content-Length (RFC 3261 §18.3). It
// reads line ends and that one header, nothing else: whatever else is wrong
// with a message is the Handler's to answer, and the stream goes on. A bare LF
// ends a line too (our choice: harmless here, and a peer that writes it would
// otherwise stall its trunk).
//
// Pure but for its own progress: not safe for concurrent use.
type framer struct {
	maxHead    int
	maxMessage int

	line   int  // offset of the first line not yet read whole
	seen   int  // bytes already searched for the end of that line
	lines  int  // lines read of this header part
	value  int  // offset of a Content-Length value being read; 0: none
	length int  // Content-Length; -1: none yet
	total  int  // size of the message once its head is read; 0: not yet
	bad    bool // Content-Length unreadable, or two that differ
	ping   int  // bytes of CRLFCRLF seen between messages
}

func newFramer(maxHead, maxMessage int) framer {
	return framer{maxHead: min(maxHead, maxMessage), maxMessage: maxMessage, length: -1}
}

// next examines buf, the bytes not yet consumed. The caller consumes skip bytes,
// then (message, lengthless) the message of size bytes behind them, then calls
// again with what is left, prefixed by nothing else.
func (f *framer) next(buf []byte) (kind frame, skip, size int) {
	if f.lines == 0 && f.line == 0 && f.seen == 0 {
		var ping bool
		if skip, ping = f.blank(buf); ping {
			return keepAlive, skip, 0
		}
		buf = buf[skip:]
	}
	if f.total == 0 {
		if kind := f.head(buf); kind != message {
			return kind, skip, f.line
		}
	}
	if len(buf) < f.total {
		return needMore, skip, 0
	}
	size = f.total
	f.reset()
	return message, skip, size
}

// begun reports whether part of a message has been seen and its rest has not.
func (f *framer) begun() bool { return f.seen > 0 || f.line > 0 }

// want is the size of the message being read; 0 while its head is incomplete.
func (f *framer) want() int { return f.total }

func (f *framer) reset() {
	*f = newFramer(f.maxHead, f.maxMessage)
}

// blank counts the line ends before a start line (RFC 3261 §7.5 has them
// ignored) and stops behind a whole ping.
func (f *framer) blank(buf []byte) (n int, ping bool) {
	const pattern = "\r\n\r\n"
	for ; n < len(buf) && (buf[n] == '\r' || buf[n] == '\n'); n++ {
		switch {
		case buf[n] == pattern[f.ping]:
			f.ping++
		case buf[n] == '\r':
			f.ping = 1
		default:
			f.ping = 0
		}
		if f.ping == len(pattern) {
			f.ping = 0
			return n + 1, true
		}
	}
	if n < len(buf) {
		f.ping = 0
	}
	return n, false
}

// head reads lines until the empty one; message means that f.total is known.
func (f *framer) head(buf []byte) frame {
	for {
		at := bytes.IndexByte(buf[f.seen:], '\n')
		if at < 0 {
			f.seen = len(buf)
			if len(buf) > f.maxHead {
				return headTooLong
			}
			return needMore
		}
		end := f.seen + at + 1
		if end > f.maxHead {
			return headTooLong
		}
		start := f.line
		f.line, f.seen = end, end
		f.lines++
		if f.read(buf, start, end) {
			return f.measure()
		}
	}
}

// read takes the line buf[start:end] and reports whether it is the empty one.
func (f *framer) read(buf []byte, start, end int) (last bool) {
	line := bytes.TrimRight(buf[start:end], "\r\n")
	if len(line) > 0 && (line[0] == ' ' || line[0] == '\t') {
		return false // folded: part of the value above (RFC 3261 §7.3.1)
	}
	if f.value > 0 {
		f.keep(buf[f.value:start])
		f.value = 0
	}
	if len(line) == 0 {
		return true
	}
	if f.lines > 1 {
		if n := lengthName(line); n > 0 {
			f.value = start + n
		}
	}
	return false
}

// keep stores one Content-Length value.
func (f *framer) keep(value []byte) {
	n, ok := decimal(bytes.Trim(value, " \t\r\n"))
	if !ok || (f.length >= 0 && f.length != n) {
		f.bad = true
		return
	}
	f.length = n
}

// measure decides what the complete header part says about the message's size.
func (f *framer) measure() frame {
	switch {
	case f.bad:
		return badLength
	case f.length < 0:
		return lengthless
	case f.length > f.maxMessage-f.line:
		return tooLong
	}
	f.total = f.line + f.length
	return message
}

// lengthName returns the offset behind the colon when the line is a
// Content-Length header in its long or compact form, else 0.
func lengthName(line []byte) int {
	colon := bytes.IndexByte(line, ':')
	if colon < 1 {
		return 0
	}
	name := bytes.TrimRight(line[:colon], " \t") // HCOLON allows space before it
	if len(name) == 1 && name[0]|0x20 == 'l' {
		return colon + 1
	}
	if len(name) == len("content-length") && bytes.EqualFold(name, []byte("content-length")) {
		return colon + 1
	}
	return 0
}

// decimal reads digits; what exceeds any limit of ours stays a number that does.
func decimal(b []byte) (n int, ok bool) {
	if len(b) == 0 {
		return 0, false
	}
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = min(n*10+int(c-'0'), 1<<30)
	}
	return n, true
}
