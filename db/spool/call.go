package spool

import (
	"encoding/binary"
	"time"

	"releve/router"
)

// A call record is written in binary: reading and writing its JSON was a third of
// what the spool cost. Strings and numbers follow each other in the order of
// the fields of router.CallRecord, a string as its length and its bytes, a
// number as a varint. Segments of earlier versions hold kindCallJSON, which is
// still read.

// appendCall appends the body of a kindCall frame.
func appendCall(dst []byte, c *router.CallRecord) []byte {
	dst = appendString(dst, c.CallID)
	dst = appendString(dst, c.From)
	dst = appendString(dst, c.To)
	dst = appendBool(dst, c.Outgoing)
	dst = appendString(dst, c.Entry)
	dst = appendString(dst, c.Server)
	dst = binary.AppendUvarint(dst, c.Epoch)
	dst = appendString(dst, c.Outcome)
	dst = appendString(dst, string(c.Reason))
	dst = binary.AppendUvarint(dst, uint64(c.Status))
	dst = binary.AppendVarint(dst, int64(c.Held))
	dst = binary.AppendVarint(dst, int64(c.Setup))
	dst = binary.AppendVarint(dst, int64(c.Duration))
	dst = appendTime(dst, c.Started)
	dst = appendString(dst, c.Verdict)
	dst = appendString(dst, string(c.WouldHave))
	dst = binary.AppendUvarint(dst, uint64(c.Attempts))
	return appendString(dst, c.EndedBy)
}

func appendString(dst []byte, s string) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(s))), s...)
}

func appendBool(dst []byte, b bool) []byte {
	if b {
		return append(dst, 1)
	}
	return append(dst, 0)
}

// appendTime writes seconds and nanoseconds: every time.Time fits, the zero one too.
func appendTime(dst []byte, t time.Time) []byte {
	return binary.AppendUvarint(binary.AppendVarint(dst, t.Unix()), uint64(t.Nanosecond()))
}

// readCall reads the body of a kindCall frame; false when it is not exactly one.
func readCall(body []byte) (c router.CallRecord, ok bool) {
	r := fields{text: string(body)} // one copy, shared by all strings of the record
	c.CallID, c.From, c.To = r.string(), r.string(), r.string()
	c.Outgoing = r.uint(1) == 1
	c.Entry, c.Server = r.string(), r.string()
	c.Epoch = r.uint(1<<64 - 1)
	c.Outcome, c.Reason = r.string(), router.Reason(r.string())
	c.Status = uint16(r.uint(1<<16 - 1))
	c.Held, c.Setup, c.Duration = time.Duration(r.int()), time.Duration(r.int()), time.Duration(r.int())
	seconds := r.int()
	c.Started = time.Unix(seconds, int64(r.uint(999_999_999))).UTC()
	c.Verdict, c.WouldHave = r.string(), router.Reason(r.string())
	c.Attempts = uint8(r.uint(1<<8 - 1))
	c.EndedBy = r.string()
	return c, !r.bad && r.at == len(r.text)
}

// fields reads one field after the other; bad once one was none.
type fields struct {
	text string
	at   int
	bad  bool
}

// uint reads a number from 0 to most.
func (r *fields) uint(most uint64) uint64 {
	var v uint64
	for shift := uint(0); shift < 64 && r.at < len(r.text); shift += 7 {
		b := r.text[r.at]
		r.at++
		if shift == 63 && b > 1 {
			break // beyond 64 bits
		}
		v |= uint64(b&0x7f) << shift
		if b < 0x80 {
			r.bad = r.bad || v > most
			return v
		}
	}
	r.bad = true
	return 0
}

func (r *fields) int() int64 {
	v := r.uint(1<<64 - 1)
	return int64(v>>1) ^ -int64(v&1) // zigzag, as encoding/binary
}

func (r *fields) string() string {
	n := r.uint(1<<64 - 1)
	if r.bad || n > uint64(len(r.text)-r.at) {
		r.bad = true
		return ""
	}
	s := r.text[r.at : r.at+int(n)]
	r.at += int(n)
	return s
}
