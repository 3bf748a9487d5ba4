package transport

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

const (
	invite = "INVITE sip:5000@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/TCP 192.0.2.9;branch=z9hG4bK1\r\nContent-Length: 4\r\n\r\nv=0\n"
	bye    = "BYE sip:l:1@192.0.2.1 SIP/2.0\r\nCall-ID: a\r\nl : 0\r\n\r\n"
	folded = "ACK sip:x SIP/2.0\r\nSubject: one\r\n two: l: 9\r\ncontent-length:\r\n\t 3\r\nCall-ID: b\r\n\r\nabc"
	broken = "INVITE no version\r\n: nothing\r\nVia SIP\r\nCONTENT-LENGTH: 2\r\n\r\n\r\n"
	bare   = "OPTIONS sip:x SIP/2.0\nl:1\n\nZ"
)

// feed shows the framer a stream in pieces, as a reading loop does.
func feed(f *framer, pieces ...string) (got []string, end frame) {
	var buf []byte
	for _, p := range pieces {
		buf = append(buf, p...)
		for {
			kind, skip, size := f.next(buf)
			buf = buf[skip:]
			switch kind {
			case needMore:
			case message:
				got = append(got, string(buf[:size]))
				buf = buf[size:]
				continue
			case keepAlive:
				got = append(got, "ping")
				continue
			case lengthless, badLength:
				return append(got, string(buf[:size])), kind
			default:
				return got, kind
			}
			break
		}
	}
	return got, needMore
}

func TestFramerAtEveryOffset(t *testing.T) {
	stream := "\r\n" + invite + bye + "\r\n\r\n" + folded + "\r\n" + broken + "\n" + bare + "\r\n\r\n\r\n" + invite
	want := []string{invite, bye, "ping", folded, broken, bare, "ping", invite}
	check := func(name string, pieces ...string) {
		t.Helper()
		f := newFramer(64<<10, maxDatagram)
		got, end := feed(&f, pieces...)
		if end != needMore || !slices.Equal(got, want) {
			t.Fatalf("%s: end %d, got %q\nwant %q", name, end, got, want)
		}
	}
	check("whole", stream)
	check("byte by byte", strings.Split(stream, "")...)
	for i := range stream {
		check(fmt.Sprintf("cut at %d", i), stream[:i], stream[i:])
		for j := i; j < len(stream); j += 7 {
			check(fmt.Sprintf("cut at %d and %d", i, j), stream[:i], stream[i:j], stream[j:])
		}
	}
}

func TestFramerEnds(t *testing.T) {
	head := "OPTIONS sip:x SIP/2.0\r\n"
	for _, c := range []struct {
		name, stream string
		end          frame
		messages     int
	}{
		{"no length: the head is handed over", head + "Call-ID: a\r\n\r\n", lengthless, 1},
		{"no length behind a good message", bye + head + "\r\n", lengthless, 2},
		{"length only on the start line", "l: 5\r\nl2: 5\r\n\r\n", lengthless, 1},
		{"not a number", head + "Content-Length: many\r\n\r\n", badLength, 1},
		{"negative", head + "Content-Length: -1\r\n\r\n", badLength, 1},
		{"empty", head + "Content-Length:\r\n\r\n", badLength, 1},
		{"two that differ", head + "Content-Length: 1\r\nl: 2\r\n\r\n", badLength, 1},
		{"two that agree", head + "Content-Length: 1\r\nl: 01\r\n\r\nx", needMore, 1},
		{"number without end", head + "l: 99999999999999999999999999\r\n\r\n", tooLong, 0},
		{"just fits", head + "l: 967\r\n\r\n" + strings.Repeat("x", 967), needMore, 1},
		{"one too long", head + "l: 968\r\n\r\n", tooLong, 0},
		{"head without end", head + strings.Repeat("x", 600), headTooLong, 0},
		{"head whose last line is over", head + strings.Repeat("x", 500) + "\r\n\r\n", headTooLong, 0},
		{"head of many lines", head + strings.Repeat("a: b\r\n", 100), headTooLong, 0},
	} {
		for _, pieces := range [][]string{{c.stream}, strings.Split(c.stream, "")} {
			f := newFramer(512, 1000)
			got, end := feed(&f, pieces...)
			if end != c.end || len(got) != c.messages {
				t.Errorf("%s: end %d with %d messages %q, want %d with %d", c.name, end, len(got), got, c.end, c.messages)
			}
		}
	}
}

func TestFramerWant(t *testing.T) {
	f := newFramer(512, 1000)
	if f.next([]byte("A\r\n")); !f.begun() || f.want() != 0 {
		t.Fatalf("begun %v want %d after part of a head", f.begun(), f.want())
	}
	if f.next([]byte("A\r\nl: 100\r\n\r\n")); f.want() != 113 {
		t.Fatalf("want %d after the head, want 113", f.want())
	}
	f = newFramer(512, 1000)
	if f.next([]byte("\r\n")); f.begun() {
		t.Fatal("a line end between messages begins one")
	}
}

func FuzzFramer(f *testing.F) {
	for _, s := range []string{invite + bye, folded, broken + bare, "\r\n\r\n" + invite} {
		f.Add(s, 3)
	}
	f.Fuzz(func(t *testing.T, stream string, cut int) {
		whole := newFramer(512, 1000)
		want, wantEnd := feed(&whole, stream)
		if cut < 0 || cut > len(stream) {
			return
		}
		parts := newFramer(512, 1000)
		got, end := feed(&parts, stream[:cut], stream[cut:])
		if end != wantEnd || !slices.Equal(got, want) {
			t.Fatalf("cut at %d: %d %q, whole: %d %q", cut, end, got, wantEnd, want)
		}
	})
}
