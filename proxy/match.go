package proxy

import (
	"bytes"

	"releve/proxy/message"
)

// serverKey matches a request to its server transaction: branch, sent-by and
// method, ACK and CANCEL as INVITE (RFC 3261 §17.2.3, §9.2). Without the magic
// cookie: Request-URI, From tag, Call-ID, CSeq number and top Via.
func (s *shard) serverKey(raw []byte, h *message.Head, m message.Method) uint64 {
	class := byte(m)
	if m == message.ACK || m == message.CANCEL {
		class = byte(message.INVITE)
	}
	if m == message.Other {
		class = otherClass + byte(s.p.hash(h.CSeqMethod.Of(raw))%otherClasses)
	}
	return s.serverKeyOf(raw, h, class)
}

// The classes of methods that have no number of their own.
const (
	otherClass   = 128
	otherClasses = 127
)

func (s *shard) serverKeyOf(raw []byte, h *message.Head, class byte) uint64 {
	b := s.buf[:0]
	if branch := h.Branch.Of(raw); len(branch) > len(message.Cookie) && bytes.EqualFold(branch[:len(message.Cookie)], []byte(message.Cookie)) {
		b = appendLower(b, branch)
		b = append(b, 0)
		b = appendLower(b, h.SentBy.Of(raw))
	} else {
		b = append(b, h.URI.Of(raw)...)
		b = append(b, h.FromTag.Of(raw)...)
		b = append(b, h.CallID.Of(raw)...)
		b = append(b, h.CSeqValue.Of(raw)...)
		b = append(b, h.Via.Of(raw)...)
	}
	b = append(b, 0, class)
	s.buf = b[:0]
	return s.p.hash(b)
}

// cancelsOther reports whether a CANCEL that matches no INVITE matches another
// request, whose method it does not tell (RFC 3261 §9.2).
func (s *shard) cancelsOther(raw []byte, h *message.Head) bool {
	for class := range byte(otherClass + otherClasses) {
		if key := s.serverKeyOf(raw, h, class); s.servers[key] != nil || s.tails.ofServer(key) != nil {
			return true
		}
	}
	return false
}

// clientKey matches a response to its branch and CSeq method (RFC 3261 §17.1.3).
func (s *shard) clientKey(branch []byte, cancel bool) uint64 {
	var lower [64]byte
	k := s.p.hash(appendLower(lower[:0], branch))
	if cancel {
		k = ^k
	}
	return k
}

// appendLower appends b in small letters: a branch and a sent-by compare without
// case (RFC 3261 §7.3.1).
func appendLower(dst, b []byte) []byte {
	for _, c := range b {
		if 'A' <= c && c <= 'Z' {
			c |= 0x20
		}
		dst = append(dst, c)
	}
	return dst
}

// Transactions is the number of requests in progress, with the tails of those
// that ended. It takes each shard's lock in turn.
func (p *Proxy) Transactions() (n int) {
	for _, s := range p.shards {
		s.mu.Lock()
		n += len(s.servers) + s.tails.len()
		s.mu.Unlock()
	}
	return n
}
