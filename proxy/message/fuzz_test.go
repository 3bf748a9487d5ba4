package message

import (
	"bytes"
	"net/netip"
	"strings"
	"testing"

	"github.com/emiago/sipgo/sip"
)

// meaning is what must survive forwarding.
type meaning struct {
	request                                    bool
	method                                     Method
	status                                     uint16
	cseq                                       uint32
	uri, callID, from, to, fromTag, toTag, via string
	body, route                                string
	routes, vias, recordRoutes                 uint16
}

func meaningOf(raw []byte, h *Head) meaning {
	return meaning{
		request: h.Request, method: h.Method, status: h.Status, cseq: h.CSeq,
		uri: string(h.URI.Of(raw)), callID: string(h.CallID.Of(raw)), from: string(h.From.Of(raw)), to: string(h.To.Of(raw)),
		fromTag: string(h.FromTag.Of(raw)), toTag: string(h.ToTag.Of(raw)), via: string(h.Via.Of(raw)),
		body: string(raw[h.Body:h.End]), route: string(h.RouteValue[0].Of(raw)),
		routes: h.Routes, vias: h.Vias, recordRoutes: h.RecordRoutes,
	}
}

// FuzzScan: nothing panics; what is forwarded scans again to the same meaning,
// with our Via on top and without it again; what is Bad can be answered without
// a byte that breaks the framing.
func FuzzScan(f *testing.F) {
	for _, b := range torturous() {
		f.Add(b)
	}
	f.Add([]byte(invite))
	f.Add([]byte(ringing))
	src := netip.MustParseAddrPort("192.0.2.1:5060")
	f.Fuzz(func(t *testing.T, in []byte) {
		var h Head
		raw, r, fault := Scan(in, &h)
		switch r {
		case OK:
			forwardAndBack(t, raw, &h, src)
			touchAll(raw, &h)
		case Bad:
			answer := Stamp{src, true, true}.AppendResponse(nil, raw, &h, int(fault.Status), fault.Reason, "t")
			head, _, _ := bytes.Cut(answer, []byte("\r\n\r\n"))
			for ln := range strings.SplitSeq(string(head), crlf) {
				// A NUL in a quoted-pair is legal and may be echoed.
				if strings.ContainsAny(ln, "\r\n") || h.dirty && strings.Contains(ln, "\x00") {
					t.Errorf("answer breaks the framing: %q", ln)
				}
			}
		}
	})
}

func forwardAndBack(t *testing.T, raw []byte, h *Head, src netip.AddrPort) {
	e := KeepAll()
	e.PushVia = []byte("SIP/2.0/UDP 10.0.0.1;branch=z9hG4bKx")
	e.StampReceived, e.SetReceived, e.SetRPort = src, true, true
	fwd := AppendForward(nil, raw, h, &e)
	if len(fwd) > MaxMessage {
		return
	}
	var fh, bh Head
	out, r, f := Scan(fwd, &fh)
	if r != OK {
		// One line and one CRLF more can only break the bound on lines.
		if f.Reason == "Too Many Header Lines" {
			return
		}
		t.Fatalf("forwarded: %+v\n%q\n%q", f, raw, fwd)
	}
	if string(fh.Via.Of(out)) != string(e.PushVia) {
		t.Fatalf("our Via is not on top: %q", out)
	}
	strip := KeepAll()
	strip.StripVia = true
	back, r, f := Scan(AppendForward(nil, out, &fh, &strip), &bh)
	if r != OK {
		t.Fatalf("back: %+v", f)
	}
	if bh.SentBy.Len != h.SentBy.Len || string(bh.Received.Of(back)) != "192.0.2.1" || string(bh.RPort.Of(back)) != "5060" {
		t.Fatalf("stamp: %q", bh.Via.Of(back))
	}
	want, got := meaningOf(raw, h), meaningOf(back, &bh)
	want.via, got.via = "", ""
	if want != got {
		t.Fatalf("meaning changed\n%+v\n%+v", want, got)
	}
}

// touchAll runs every reader over the message; they must not panic.
func touchAll(raw []byte, h *Head) {
	for range ContactList(raw, h) {
	}
	k, err := ParseKeys(AppendKey(nil, 1, make([]byte, MinSecret)))
	if err == nil {
		LoopHash(raw, h, k)
	}
	HasOwnVia(raw, h, []byte("10.0.0.1"))
	SameURI(h.URI.Of(raw), h.ContactURI.Of(raw))
	AddrPort(h.SentBy.Of(raw))
	e := Edit{
		DropRoutes: 2, DropLastRoute: true, LastRoute: []byte("<sip:x>"), PushRoute: []byte("<sip:y>"), StripVia: true, SetContentLength: true,
		SetCSeq: true, CSeq: 5, Contact: []byte("sip:z"), Drop: []string{"subject", "Via", "contact"}, URI: []byte("sip:u"),
	}
	AppendForward(nil, raw, h, &e)
	AppendACK(nil, raw, h, raw, h)
	AppendCancel(nil, raw, h, nil)
}

// FuzzURI: parsing and comparing never panic, and every URI is the same as itself.
func FuzzURI(f *testing.F) {
	f.Add("sip:a:b@[::1]:5060;transport=udp?x=y", "tel:+33-1")
	f.Fuzz(func(t *testing.T, a, b string) {
		u, ok := ParseURI([]byte(a))
		u.Param("lr")
		if ok && !SameURI([]byte(a), []byte(a)) {
			t.Errorf("%q is not the same as itself", a)
		}
		if SameURI([]byte(a), []byte(b)) != SameURI([]byte(b), []byte(a)) {
			t.Errorf("%q and %q: not symmetric", a, b)
		}
		Unescape([]byte(a))
	})
}

func tagOf(p sip.HeaderParams) string {
	v, _ := p.Get("tag")
	return v
}
