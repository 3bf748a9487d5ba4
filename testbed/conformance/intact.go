package conformance

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// passage is how a message was forwarded: from whom, by which of Relève's
// addresses, to whom.
type passage struct {
	us, sink netip.AddrPort
	stream   bool
}

// intact says what is wrong with got, the message as it arrived behind Relève:
// nothing when it is sent with one Via more, Max-Forwards one less, Record-Route
// where the request may form a dialog, received and rport in the Via below, the
// Request-URI at the sink, Content-Length on a stream, Routes to others removed, and
// no other byte changed (RFC 3261 §16.6(1)).
func (p passage) intact(sent, got *message) error {
	if want := p.startLine(sent); got.start != want {
		return fmt.Errorf("start line %q, want %q", got.start, want)
	}
	if string(got.body) != string(sent.body) {
		return fmt.Errorf("body %q, want %q", got.body, sent.body)
	}
	rest, err := p.additions(sent, got)
	if err != nil {
		return err
	}
	kept := slices.DeleteFunc(slices.Clone(sent.lines), func(l string) bool { return nameOf(l) == "route" }) // choice R05
	if len(rest) != len(kept) {
		return fmt.Errorf("%d header lines, want %d:\n%s", len(rest), len(kept), got.raw)
	}
	topVia := true
	for i, want := range kept {
		name := nameOf(want)
		switch {
		case name == "via" && topVia:
			topVia = false
			if !sameVia(want, rest[i]) {
				return fmt.Errorf("line %q, want %q with received and rport at most", rest[i], want)
			}
		case name == "max-forwards":
			if err := oneLess(want, rest[i]); err != nil {
				return err
			}
		case rest[i] != want && (!readByProxies[name] || rest[i] != unfolded(want)):
			return fmt.Errorf("line %q, want %q", rest[i], want)
		}
	}
	return nil
}

// readByProxies: their folded lines leave unfolded, a choice of the page (V02).
var readByProxies = map[string]bool{
	"via": true, "from": true, "to": true, "call-id": true, "cseq": true, "max-forwards": true, "content-length": true,
	"route": true, "record-route": true, "contact": true, "proxy-require": true, "require": true, "expires": true,
}

// startLine: the user of the Request-URI at the sink.
func (p passage) startLine(sent *message) string {
	method, rest, _ := strings.Cut(sent.start, " ")
	uri, _, _ := strings.Cut(rest, " ")
	_, uri, _ = strings.Cut(uri, ":")
	user, _, has := strings.Cut(uri, "@")
	user, _, _ = strings.Cut(user, ":") // a password stays behind
	line := method + " sip:"
	if has {
		line += user + "@"
	}
	line += p.sink.String()
	if p.stream {
		line += ";transport=tcp"
	}
	return line + " SIP/2.0"
}

// additions takes the lines that Relève adds out of got and checks each.
func (p passage) additions(sent, got *message) (rest []string, err error) {
	added := map[string]int{}
	for i, l := range got.lines {
		name := nameOf(l)
		ours := strings.Contains(l, p.us.String())
		switch {
		case name == "via" && added[name] == 0:
			if !ours || !strings.HasPrefix(l, "Via: SIP/2.0/"+p.network()+" ") || !strings.Contains(l, ";branch=z9hG4bK") {
				return nil, fmt.Errorf("%q on top is not Relève's", l)
			}
		case name == "record-route" && ours:
			if !strings.Contains(l, ";lr") {
				return nil, fmt.Errorf("%q without lr", l)
			}
		case name == "max-forwards" && sent.value(name) == "":
			if l != "Max-Forwards: 70" {
				return nil, fmt.Errorf("%q was added", l)
			}
		case name == "content-length" && len(sent.all(name)) == 0:
			if !p.stream || valueOf(l) != strconv.Itoa(len(sent.body)) {
				return nil, fmt.Errorf("%q was added", l)
			}
		default:
			rest = append(rest, got.lines[i])
			continue
		}
		added[name]++
	}
	if want := recordRouted(sent.method()); (added["record-route"] == 1) != want || added["record-route"] > 1 {
		return nil, fmt.Errorf("%d Record-Route of Relève on %s", added["record-route"], sent.method())
	}
	return rest, nil
}

func (p passage) network() string {
	if p.stream {
		return "TCP"
	}
	return "UDP"
}

// recordRouted are the methods of choice F04.
func recordRouted(method string) bool {
	switch method {
	case "MESSAGE", "OPTIONS", "INFO", "PUBLISH", "PRACK", "BYE":
		return false
	}
	return true
}

// sameVia: got is want but for received and rport of its first value, which
// Relève writes whatever the sender put there (RFC 3261 §18.2.1, RFC 3581 §4).
func sameVia(want, got string) bool {
	return unstamped(want) == unstamped(got) || unstamped(unfolded(want)) == unstamped(got)
}

// unstamped is a Via line without received and rport in its first value.
func unstamped(line string) string {
	first, others, joined := strings.Cut(line, ",")
	var out []string
	for i, part := range strings.Split(first, ";") {
		name, _, _ := strings.Cut(part, "=")
		if name = strings.ToLower(strings.TrimSpace(name)); i > 0 && (name == "received" || name == "rport") {
			continue
		}
		out = append(out, part)
	}
	line = strings.Join(out, ";")
	if joined {
		line += "," + others
	}
	return line
}

func oneLess(sent, got string) error {
	before, err := strconv.Atoi(valueOf(sent))
	if err != nil {
		return err
	}
	if after, err := strconv.Atoi(valueOf(got)); err != nil || after != before-1 {
		return fmt.Errorf("%q after %q", got, sent)
	}
	return nil
}
