package message

import (
	"encoding/binary"
	"strconv"
)

// loopParam is the Via parameter that carries the loop hash. Our choice: a
// parameter of its own, not part of the branch, so that the branch stays the
// same on both nodes whatever each adds to the request.
const loopParam = "rlp"

// LoopHash names the routing-relevant part of a request as it was received: a
// request that passes us again with the same hash loops; with another one it
// spirals (RFC 3261 §16.3(4), §16.6(8), RFC 5393 §4.2.2). It covers the
// Request-URI, the tags, Call-ID, CSeq number, every Route value, Proxy-Require
// and Proxy-Authorization; neither Via nor the method, so that the CANCEL of a
// request has its hash. It is keyed: nobody can forge a Via that makes us
// refuse. Route values beyond the first four are read from raw.
func LoopHash(raw []byte, h *Head, k *Keys) uint64 {
	k.start(forLoop)
	k.field(h.URI.Of(raw))
	k.field(h.FromTag.Of(raw))
	k.field(h.ToTag.Of(raw))
	k.field(h.CallID.Of(raw))
	k.buf = binary.BigEndian.AppendUint32(k.buf, h.CSeq)
	if h.Routes > 0 || !h.ProxyRequire.Empty() || h.Authorized {
		k.loopLines(raw, h)
	}
	return binary.BigEndian.Uint64(k.mac(&k.keys[0]))
}

func (k *Keys) loopLines(raw []byte, h *Head) {
	var l line
	for pos := h.firstLine(raw); h.more(raw, &pos, &l); {
		switch l.kind {
		case kindRoute, kindProxyRequire, kindProxyAuthorization:
			k.buf = append(k.buf, byte(l.kind))
			k.field(l.val(raw))
		}
	}
}

// AppendViaLoop appends the Via parameter that carries hash, ";rlp=" and 16 hex
// digits, for the end of Edit.PushVia.
func AppendViaLoop(dst []byte, hash uint64) []byte {
	dst = append(append(append(dst, ';'), loopParam...), '=')
	var b [16]byte
	digits := strconv.AppendUint(b[:0], hash, 16)
	for range 16 - len(digits) {
		dst = append(dst, '0')
	}
	return append(dst, digits...)
}

// HasOwnVia finds the topmost Via value that we wrote, by its sent-by (host
// without case, port 5060 when absent), and returns its loop hash; 0 when it
// carries none. After a spiral there may be several: Looped looks at all.
func HasOwnVia(raw []byte, h *Head, sentBy []byte) (hash uint64, ok bool) {
	for v := range ownVias(raw, h, sentBy) {
		return v, true
	}
	return 0, false
}

// Looped reports whether any Via value of ours carries hash: the request has
// been here with the same routing-relevant part (RFC 3261 §16.3(4)).
func Looped(raw []byte, h *Head, sentBy []byte, hash uint64) bool {
	for v := range ownVias(raw, h, sentBy) {
		if v == hash {
			return true
		}
	}
	return false
}

// ownVias yields the loop hash of each Via value with our sent-by.
func ownVias(raw []byte, h *Head, sentBy []byte) func(func(uint64) bool) {
	return func(yield func(uint64) bool) {
		host, port := hostPort(sentBy)
		for v := range Values(raw, h, "via") {
			at := viaSentBy(v)
			end, _ := hostAt(v, at, len(v))
			e, _ := portAt(v, end, len(v))
			its, itsPort := hostPort(v[at:e])
			if !equalFold(its, host) || orDefault(itsPort) != orDefault(port) {
				continue
			}
			_, text, _, _ := param(v, e, len(v), loopParam)
			hash, err := strconv.ParseUint(string(text), 16, 64)
			if err != nil {
				hash = 0
			}
			if !yield(hash) {
				return
			}
		}
	}
}

// viaSentBy is the offset of the sent-by in a Via value.
func viaSentBy(v []byte) int {
	_, p := tokenAt(v, 0, len(v))
	_, p = slashToken(v, p, len(v))
	_, p = slashToken(v, p, len(v))
	return skipLWS(v, p, len(v))
}

func orDefault(port int) int {
	if port == 0 {
		return 5060
	}
	return port
}
