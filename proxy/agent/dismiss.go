package agent

import (
	"bytes"

	"releve/proxy/message"
	"releve/proxy/transport"
)

// Dismiss ends a call that nobody wants: it ACKs the 2xx, refusing an offer it
// carries (RFC 3261 §13.2.2.4, RFC 3264 §6), and sends BYE with a Reason. f is
// the flow that the 2xx came by, invite the INVITE as received, ok the 2xx; ours
// reports our own Record-Route values, where the route set ends. Nothing is kept
// of the slices. again says that the 2xx is a repeat: its ACK was lost, and only
// that is sent once more; the BYE repeats by itself (RFC 3261 §17.1.2). answer makes
// the credentials of that BYE to uri, as in Request; nil: nobody does.
func (a *Agent) Dismiss(f transport.Flow, invite, ok []byte, again bool, ours func(value []byte) bool, answer func(uri string, r Result) [][]byte) {
	var h, ih message.Head
	ok, r, _ := message.Scan(ok, &h)
	if r != message.OK || h.Request {
		return
	}
	_, r, _ = message.Scan(invite, &ih)
	offered := r == message.OK && ih.Body < ih.End
	target := h.ContactURI.Of(ok)
	if len(target) == 0 {
		return // no remote target: its own repeats will end (64*T1)
	}
	base := message.Request{
		URI: string(target), From: string(h.From.Of(ok)), To: string(h.To.Of(ok)),
		CallID: string(h.CallID.Of(ok)), CSeq: h.CSeq, MaxForwards: 70, Routes: message.RouteSet(ok, &h, ours),
	}
	ack := base
	ack.Method, ack.Via = "ACK", a.via(f, newBranch())
	if !offered && h.Body < h.End {
		ack.Body, ack.ContentType = refuseOffer(ok[h.Body:h.End]), "application/sdp"
	}
	_ = a.wire.Send(f, message.AppendRequest(nil, &ack))
	if again {
		return
	}
	a.Do(Request{
		Method: "BYE", URI: base.URI, From: base.From, To: base.To, CallID: base.CallID, CSeq: base.CSeq + 1,
		Routes: base.Routes, Flow: f, Extra: [][]byte{[]byte("Reason: SIP;cause=487;text=\"Call was answered elsewhere\"\r\n")},
		Answer: func(r Result) [][]byte {
			if answer == nil {
				return nil
			}
			return answer(base.URI, r)
		},
	}, nil)
}

// refuseOffer answers an SDP offer with every stream refused: port 0
// (RFC 3264 §6).
func refuseOffer(offer []byte) []byte {
	var out []byte
	for line := range bytes.SplitSeq(offer, []byte("\n")) {
		line = bytes.TrimRight(line, "\r")
		if len(line) < 2 {
			continue
		}
		switch line[0] {
		case 'm':
			fields := bytes.Fields(line[2:])
			if len(fields) < 3 {
				continue
			}
			fields[1] = []byte("0")
			out = append(append(append(out, "m="...), bytes.Join(fields, []byte(" "))...), "\r\n"...)
		case 'v', 'o', 's', 'c', 't':
			out = append(append(out, line...), "\r\n"...)
		}
	}
	return out
}
