package proxy

import (
	"fmt"
	"strings"
	"testing"
)

// Messages as foreign stacks build and read them: text, with none of package
// message.

// invite is an initial INVITE of the IPBX for the service number; id makes its
// branch and Call-ID.
func invite(id string) string {
	return text(
		"INVITE sip:5000@10.0.0.5:5060 SIP/2.0",
		"Via: SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bK-"+id,
		"Max-Forwards: 70",
		"From: \"Dr. Noé <chef>\" <sip:0612345678@10.0.0.1;x=1>;tag=from-"+id,
		"To: <sip:5000@10.0.0.5:5060>",
		"Call-ID: "+id+"@10.0.0.1",
		"CSeq: 1 INVITE",
		"Contact: <sip:0612345678@10.0.0.1:5060>",
		"X-Odd:   kept  as  it is ;a=\"b,c\"",
		"Content-Type: application/sdp",
		"Content-Length: 5",
		"", "v=0\r\n")
}

// outgoing is an initial INVITE of a server to the outside.
func outgoing(id, host string) string {
	return text(
		"INVITE sip:0145000000@10.0.0.5:5060 SIP/2.0",
		"Via: SIP/2.0/UDP "+host+":5060;branch=z9hG4bK-"+id,
		"Max-Forwards: 70",
		"From: <sip:5001@"+host+">;tag=from-"+id,
		"To: <sip:0145000000@10.0.0.5:5060>",
		"Call-ID: "+id+"@"+host,
		"CSeq: 1 INVITE",
		"Contact: <sip:5001@"+host+":5060>",
		"Content-Length: 0",
		"", "")
}

// plainRequest is a request outside a dialog.
func plainRequest(method, id string) string {
	r := with(invite(id), "INVITE sip", method+" sip", "1 INVITE", "1 "+method, "Content-Length: 5", "Content-Length: 0")
	return strings.TrimSuffix(r, "v=0\r\n")
}

func text(lines ...string) string { return strings.Join(lines, "\r\n") }

// with replaces parts of a message; each must be there.
func with(raw string, pairs ...string) string {
	for i := 0; i < len(pairs); i += 2 {
		if !strings.Contains(raw, pairs[i]) {
			panic("no " + pairs[i] + " in\n" + raw)
		}
		raw = strings.Replace(raw, pairs[i], pairs[i+1], 1)
	}
	return raw
}

// adding puts header lines after the CSeq line.
func adding(raw string, lines ...string) string {
	i := strings.Index(raw, "CSeq:")
	j := i + strings.Index(raw[i:], "\r\n") + 2
	return raw[:j] + strings.Join(lines, "\r\n") + "\r\n" + raw[j:]
}

func startLine(raw string) string {
	line, _, _ := strings.Cut(raw, "\r\n")
	return line
}

// headers are the values of a header, line by line.
func headers(raw, name string) (out []string) {
	head, _, _ := strings.Cut(raw, "\r\n\r\n")
	for _, l := range strings.Split(head, "\r\n")[1:] {
		if n, v, ok := strings.Cut(l, ":"); ok && strings.EqualFold(strings.TrimSpace(n), name) {
			out = append(out, strings.TrimSpace(v))
		}
	}
	return out
}

func header(raw, name string) string {
	if v := headers(raw, name); len(v) > 0 {
		return v[0]
	}
	return ""
}

// vias are the Via values, comma-joined ones apart.
func vias(raw string) (out []string) {
	for _, l := range headers(raw, "Via") {
		for _, v := range strings.Split(l, ",") {
			out = append(out, strings.TrimSpace(v))
		}
	}
	return out
}

func body(raw string) string {
	_, b, _ := strings.Cut(raw, "\r\n\r\n")
	return b
}

// parameter is the value of ";name=" in a header value.
func parameter(value, name string) string {
	for _, p := range strings.Split(value, ";")[1:] {
		if n, v, _ := strings.Cut(p, "="); strings.TrimSpace(n) == name {
			return v
		}
	}
	return ""
}

func branchOf(raw string) string { return parameter(vias(raw)[0], "branch") }

// uriIn is the URI between angle brackets.
func uriIn(value string) string {
	_, v, _ := strings.Cut(value, "<")
	u, _, _ := strings.Cut(v, ">")
	return u
}

// answer builds the response of a UAS to a request (RFC 3261 §8.2.6); contact
// is its host.
func answer(req string, status int, tag string, extra ...string) string {
	lines := []string{fmt.Sprintf("SIP/2.0 %d Whatever", status)}
	for _, v := range headers(req, "Via") {
		lines = append(lines, "Via: "+v)
	}
	for _, v := range headers(req, "Record-Route") {
		lines = append(lines, "Record-Route: "+v)
	}
	to := header(req, "To")
	if status > 100 && !strings.Contains(to, ";tag=") {
		to += ";tag=" + tag
	}
	lines = append(lines, "From: "+header(req, "From"), "To: "+to,
		"Call-ID: "+header(req, "Call-ID"), "CSeq: "+header(req, "CSeq"))
	lines = append(lines, extra...)
	return text(append(lines, "Content-Length: 0", "", "")...)
}

// carrying gives a message an SDP body.
func carrying(raw, sdp string) string {
	return with(raw, "Content-Length: 0\r\n\r\n",
		fmt.Sprintf("Content-Type: application/sdp\r\nContent-Length: %d\r\n\r\n%s", len(sdp), sdp))
}

// accept is the 2xx of a server at host.
func accept(req, tag, host string) string {
	return answer(req, 200, tag, "Contact: <sip:ivr@"+host+":5060>")
}

// ackNon2xx is the UAC's ACK for a non-2xx final (RFC 3261 §17.1.1.3).
func ackNon2xx(req, resp string) string {
	return text(
		with(startLine(req), "INVITE", "ACK"),
		"Via: "+vias(req)[0],
		"From: "+header(req, "From"), "To: "+header(resp, "To"), "Call-ID: "+header(req, "Call-ID"),
		"CSeq: "+number(req)+" ACK", "Max-Forwards: 70", "Content-Length: 0", "", "")
}

// number is the CSeq number.
func number(raw string) string {
	n, _, _ := strings.Cut(header(raw, "CSeq"), " ")
	return n
}

// cancelOf is the UAC's CANCEL (RFC 3261 §9.1).
func cancelOf(req string, extra ...string) string {
	lines := []string{
		with(startLine(req), "INVITE", "CANCEL"),
		"Via: " + vias(req)[0],
		"From: " + header(req, "From"), "To: " + header(req, "To"), "Call-ID: " + header(req, "Call-ID"),
		"CSeq: " + number(req) + " CANCEL", "Max-Forwards: 70",
	}
	return text(append(append(lines, extra...), "Content-Length: 0", "", "")...)
}

// uac builds a request of the caller within the dialog that resp made, with the
// route set in reverse (RFC 3261 §12.1.2, §12.2.1.1).
func uac(resp, method, branch string, cseq int, host string) string {
	lines := []string{
		method + " " + uriIn(header(resp, "Contact")) + " SIP/2.0",
		"Via: SIP/2.0/UDP " + host + ":5060;branch=z9hG4bK-" + branch,
		"Max-Forwards: 70",
	}
	rr := headers(resp, "Record-Route")
	for i := len(rr) - 1; i >= 0; i-- {
		lines = append(lines, "Route: "+rr[i])
	}
	return text(append(lines, "From: "+header(resp, "From"), "To: "+header(resp, "To"), "Call-ID: "+header(resp, "Call-ID"),
		fmt.Sprintf("CSeq: %d %s", cseq, method), "Contact: "+"<sip:0612345678@"+host+":5060>", "Content-Length: 0", "", "")...)
}

// uas builds a request of the callee at host within the dialog of req, which it
// answered with tag (RFC 3261 §12.1.1).
func uas(req, method, branch, tag string, cseq int, host string) string {
	lines := []string{
		method + " " + uriIn(header(req, "Contact")) + " SIP/2.0",
		"Via: SIP/2.0/UDP " + host + ":5060;branch=z9hG4bK-" + branch,
		"Max-Forwards: 70",
	}
	for _, v := range headers(req, "Record-Route") {
		lines = append(lines, "Route: "+v)
	}
	return text(append(lines, "From: "+header(req, "To")+";tag="+tag, "To: "+header(req, "From"), "Call-ID: "+header(req, "Call-ID"),
		fmt.Sprintf("CSeq: %d %s", cseq, method), "Contact: <sip:ivr@"+host+":5060>", "Content-Length: 0", "", "")...)
}

// ring offers a call and lets the primary ring; the INVITE as it received it.
func (b *bed) ring(id string) (up, down string) {
	b.Helper()
	up = invite(id)
	b.ibx.send(up)
	b.ibx.take("100")
	down = b.primary.take("INVITE")
	b.primary.send(answer(down, 180, "p-"+id, "Contact: <sip:ivr@10.0.1.1:5060>"))
	b.ibx.take("180")
	return up, down
}

// establish offers a call that the primary answers; ok is the 200 as the IPBX got it.
func (b *bed) establish(id string) (down, ok string) {
	b.Helper()
	_, down = b.ring(id)
	b.primary.send(accept(down, "p-"+id, "10.0.1.1"))
	ok = b.ibx.take("200")
	b.ibx.send(uac(ok, "ACK", "ack-"+id, 1, "10.0.0.1"))
	b.primary.take("ACK")
	return down, ok
}

// hangUp ends an established call by the caller's BYE.
func (b *bed) hangUp(ok string) {
	b.Helper()
	b.ibx.send(uac(ok, "BYE", "bye-"+header(ok, "Call-ID"), 2, "10.0.0.1"))
	bye := b.primary.take("BYE")
	b.primary.send(answer(bye, 200, "x"))
	b.ibx.take("200")
}

func TestHarness(t *testing.T) {
	run(t, func(b *bed) {
		down, ok := b.establish("a")
		b.lines(1, 0)
		want(b, "body", body(down), "v=0\r\n")
		b.hangUp(ok)
		b.lines(0, 0)
		want(b, "outcome", b.record().Outcome, "answered")
	})
}
