package proxy

import (
	"bytes"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"releve/proxy/message"
	"releve/proxy/transport"
	"releve/router"
	"releve/testbed/conformance/corpus"
	"releve/testbed/conformance/protos"
)

// tape is a proxy whose timers stand still, and all that it sent: one message
// more is one call of Receive, and what it leads to is there when that returns.
type tape struct {
	testing.TB
	p      *Proxy
	out    []sentMessage
	faults []string

	compared int // forwarded messages that were compared with what came
}

type sentMessage struct {
	flow transport.Flow
	raw  []byte
}

func (t *tape) Send(f transport.Flow, raw []byte) error {
	t.out = append(t.out, sentMessage{f, bytes.Clone(raw)})
	return nil
}

// The ways into the proxy: UDP and TCP, from each side, and from outside.
var ways = [...]transport.Flow{
	{Remote: addrIBX},
	{Remote: addrPrimary},
	{Remote: addrIBX, Listener: 1, Network: transport.TCP, Conn: 1},
	{Remote: addrPrimary, Listener: 1, Network: transport.TCP, Conn: 2},
	{Remote: addrStranger},
}

const fromOutside = len(ways) - 1

// newTape is a proxy with one call that rings and one that is established; the
// users of Request-URIs stay as received, so that they can be compared.
func newTape(tb testing.TB) *tape {
	cfg := testConfig()
	cfg.Servers[router.Primary].User, cfg.Servers[router.Secondary].User = "", ""
	cfg.Servers[router.Primary].Lines = 1000
	t := &tape{TB: tb}
	t.p = New(cfg, t, normalView(), Hooks{Fault: func(what, _ string) { t.faults = append(t.faults, what) }})
	return t
}

// from gives the proxy one message and takes what it sent.
func (t *tape) from(way int, raw string) []sentMessage {
	t.out = nil
	in := []byte(raw)
	t.p.Receive(ways[way], in)
	if string(in) != raw {
		t.Errorf("what was received was written to: %q", raw)
	}
	return t.out
}

// to are the messages for one address whose start line begins so.
func to(out []sentMessage, at netip.AddrPort, prefix string) (found []string) {
	for _, m := range out {
		if m.flow.Remote == at && strings.HasPrefix(string(m.raw), prefix) {
			found = append(found, string(m.raw))
		}
	}
	return found
}

// calls opens the two calls: their INVITEs as the primary got them, and the 200
// of the established one as the IPBX got it.
func (t *tape) calls() (ringing, established, ok string) {
	t.Helper()
	ringing = to(t.from(0, invite("ring")), addrPrimary, "INVITE")[0]
	established = to(t.from(0, invite("est")), addrPrimary, "INVITE")[0]
	t.from(1, answer(ringing, 180, "r"))
	ok = to(t.from(1, accept(established, "e", "10.0.1.1")), addrIBX, "SIP/2.0 200")[0]
	t.from(0, uac(ok, "ACK", "ack", 1, "10.0.0.1"))
	return ringing, established, ok
}

// most is how many messages one message may lead to. Our choice: 100, the
// forwarded one, a CANCEL for each branch, an answer, and room for one more each.
const most = 8

// check gives the proxy one message of any kind and checks what comes out of it.
func (t *tape) check(way int, raw string) {
	t.Helper()
	out := t.from(way, raw)
	if n := t.p.Stats.Panics.Load(); n != 0 {
		t.Fatalf("a panic: %s\n%q", t.faults, raw)
	}
	if len(out) > most {
		t.Fatalf("%d messages out of one: %q", len(out), raw)
	}
	var h message.Head
	in, result, _ := message.Scan([]byte(raw), &h)
	for _, m := range out {
		t.wellFormed(m, result)
		if len(m.raw) > len(raw)+4096 {
			t.Fatalf("%d bytes out of %d: %q", len(m.raw), len(raw), m.raw)
		}
		if h.Request && way == fromOutside {
			t.Fatalf("an answer to a stranger: %q", m.raw)
		}
		t.sameMeaning(in, &h, m, result)
	}
}

// wellFormed: what leaves scans; an answer to what was malformed has a status
// line and a head of whole lines.
func (t *tape) wellFormed(m sentMessage, result message.Result) {
	t.Helper()
	var h message.Head
	if _, r, f := message.Scan(m.raw, &h); r == message.OK && h.End == len(m.raw) {
		return
	} else if result != message.Bad {
		t.Fatalf("what leaves does not scan: %+v\n%q", f, m.raw)
	}
	head, body, ok := bytes.Cut(m.raw, []byte("\r\n\r\n"))
	if !ok || len(body) > 0 || !bytes.HasPrefix(head, []byte("SIP/2.0 ")) {
		t.Fatalf("the answer is no response: %q", m.raw)
	}
	for line := range bytes.SplitSeq(head, []byte("\r\n")) {
		if bytes.ContainsAny(line, "\r\n") {
			t.Fatalf("the answer breaks its framing: %q", m.raw)
		}
	}
}

// sameMeaning: what was forwarded says what was received. Requests and responses
// of our own (100, CANCEL, ACK of a non-2xx, a final) are not compared.
func (t *tape) sameMeaning(in []byte, h *message.Head, m sentMessage, result message.Result) {
	t.Helper()
	var fh message.Head
	out, r, _ := message.Scan(m.raw, &fh)
	if result != message.OK || r != message.OK || fh.Request != h.Request {
		return
	}
	if h.Request && (h.Method == message.CANCEL || string(fh.Token.Of(out)) != string(h.Token.Of(in))) {
		return
	}
	if !h.Request && (fh.Status != h.Status || h.Status == 100) {
		return
	}
	for name, pair := range map[string][2]message.Span{
		"Call-ID": {h.CallID, fh.CallID}, "From": {h.From, fh.From}, "To": {h.To, fh.To}, "From tag": {h.FromTag, fh.FromTag}, "To tag": {h.ToTag, fh.ToTag}, "CSeq method": {h.CSeqMethod, fh.CSeqMethod},
	} {
		if a, b := pair[0].Of(in), pair[1].Of(out); string(a) != string(b) {
			t.Fatalf("%s %q became %q\n%q", name, a, b, m.raw)
		}
	}
	if h.Request && h.Routes == 0 && string(h.UserOf.Of(in)) != string(fh.UserOf.Of(out)) {
		t.Fatalf("user %q became %q", h.UserOf.Of(in), fh.UserOf.Of(out))
	}
	if h.CSeq != fh.CSeq || string(in[h.Body:h.End]) != string(out[fh.Body:fh.End]) {
		t.Fatalf("CSeq or body changed\n%q\n%q", in, out)
	}
	if was, is := untouched(in, h), untouched(out, &fh); !slices.Equal(was, is) {
		t.Fatalf("headers changed\n%q\n%q", was, is)
	}
	t.counted(h, &fh)
	t.compared++
}

// counted: one Via more on a request and one less on a response; Max-Forwards
// one less, 70 when there was none.
func (t *tape) counted(h, fh *message.Head) {
	t.Helper()
	hops := h.MaxForwards - 1
	if h.MaxForwards < 0 {
		hops = 70
	}
	switch {
	case h.Request && (fh.Vias != h.Vias+1 || fh.MaxForwards != hops):
		t.Fatalf("%d Vias became %d, Max-Forwards %d became %d", h.Vias, fh.Vias, h.MaxForwards, fh.MaxForwards)
	case !h.Request && fh.Vias != h.Vias-1:
		t.Fatalf("%d Vias of a response became %d", h.Vias, fh.Vias)
	}
}

// untouched are the header lines that no proxy edits, in order, folds as spaces.
func untouched(raw []byte, h *message.Head) (lines []string) {
	head, _, _ := strings.Cut(string(raw[h.Start:h.Body]), "\r\n\r\n")
	for _, l := range strings.Split(head, "\r\n")[1:] {
		if l != "" && (l[0] == ' ' || l[0] == '\t') && len(lines) > 0 {
			lines[len(lines)-1] += " " + strings.TrimLeft(l, " \t")
			continue
		}
		lines = append(lines, l)
	}
	return slices.DeleteFunc(lines, func(l string) bool {
		name, _, _ := strings.Cut(l, ":")
		switch strings.ToLower(strings.TrimRight(name, " \t")) {
		case "via", "v", "route", "record-route", "max-forwards", "content-length", "l", "":
			return true
		}
		return false
	})
}

// passes: a valid call is treated still. A message of a server may have made
// it busy, so any answer will do; that an INVITE arrives is for others to prove.
func (t *tape) passes(id string) {
	t.Helper()
	if out := t.from(0, invite(id)); len(to(out, addrIBX, "SIP/2.0 ")) == 0 {
		t.Fatalf("a valid call is not answered: %d messages", len(out))
	}
	if n := t.p.Stats.Panics.Load(); n != 0 {
		t.Fatalf("a panic: %s", t.faults)
	}
}

// FuzzReceive: whatever one message says, and whoever sends it, no panic, a
// bounded number of messages, everything that leaves scans, and what is forwarded
// means what it meant.
func FuzzReceive(f *testing.F) {
	for _, m := range corpus.All() {
		for way := range ways {
			f.Add(uint8(way), m.Raw)
		}
	}
	for _, s := range dialogue(f) {
		f.Add(uint8(s.way), []byte(s.raw))
	}
	f.Fuzz(func(t *testing.T, way uint8, raw []byte) {
		bed := newTape(t)
		bed.calls()
		bed.check(int(way)%len(ways), string(raw))
		bed.check(int(way)%len(ways), string(raw)) // its repeat
		bed.passes("after")
	})
}

type spoken struct {
	way int
	raw string
}

// dialogue is what the parties of the two calls may say next: it reaches every
// table that a message is looked up in.
func dialogue(tb testing.TB) (all []spoken) {
	ring, est, ok := newTape(tb).calls()
	for _, status := range []int{100, 180, 183, 200, 302, 401, 407, 408, 480, 486, 487, 500, 503, 600, 603} {
		all = append(all, spoken{1, answer(ring, status, "r", "Contact: <sip:ivr@10.0.1.1:5060>", "Retry-After: 5", "WWW-Authenticate: Digest realm=\"r\"")})
	}
	up := invite("ring")
	all = append(all, spoken{0, up}, spoken{0, cancelOf(up)}, spoken{0, accept(est, "e", "10.0.1.1")}, spoken{1, accept(est, "e", "10.0.1.1")}, spoken{1, accept(est, "fork", "10.0.1.9")})
	for i, method := range []string{"BYE", "ACK", "INVITE", "UPDATE", "INFO", "REFER", "PRACK", "NOTIFY", "MESSAGE", "OPTIONS"} {
		all = append(all, spoken{0, uac(ok, method, fmt.Sprint("a", i), 2, "10.0.0.1")}, spoken{1, uas(est, method, fmt.Sprint("b", i), "e", 2, "10.0.1.1")})
	}
	for way, host := range []string{"10.0.0.1", "10.0.1.1"} {
		for _, method := range []string{"REGISTER", "OPTIONS", "SUBSCRIBE", "REFER", "MESSAGE", "PUBLISH", "FOO"} {
			all = append(all, spoken{way, strings.ReplaceAll(plainRequest(method, "out-"+method), "10.0.0.1", host)})
		}
	}
	return append(all, spoken{1, outgoing("out", "10.0.1.1")}, spoken{0, "\r\n\r\n"}, spoken{0, ""}, spoken{0, "\x00\x01"})
}

// TestReceiveDialogue runs the seeds of FuzzReceive one behind the other through
// one proxy.
func TestReceiveDialogue(t *testing.T) {
	bed := newTape(t)
	bed.calls()
	for i, s := range dialogue(t) {
		bed.check(s.way, s.raw)
		bed.passes(fmt.Sprint("seed", i))
	}
}

// whole has TestReceiveProtos send every case: go test ./proxy -run TestReceiveProtos -whole
var whole = flag.Bool("whole", false, "send every case of PROTOS, not one in eight")

// TestReceiveProtos: elements of an INVITE with anomalies, through one proxy, as
// PROTOS c07 does; the caller then tears down, and valid calls pass. One case in
// eight, drawn by a fixed seed; every element with every anomaly with -whole,
// which is how make conformance runs it.
func TestReceiveProtos(t *testing.T) {
	site := protos.Site{From: addrIBX.String(), To: addrUs.String()}
	draw, least := rand.New(rand.NewPCG(1, 8)), 5000
	if !*whole {
		least /= 8
	}
	var bed *tape
	n, compared := 0, 0
	for c := range site.All(1) {
		if !*whole && draw.IntN(8) != 0 {
			continue
		}
		if n%500 == 0 {
			if bed != nil {
				compared += bed.compared
			}
			bed = newTape(t) // a proxy whose timers stand still keeps every call
			bed.calls()
		}
		bed.check(n%2*2, string(c.Raw)) // UDP, TCP
		if t.Failed() {
			t.Fatalf("%s", c.Name)
		}
		if n%100 == 0 {
			valid := string(site.Valid(n + 1_000_000))
			out := bed.from(0, valid)
			if len(to(out, addrPrimary, "INVITE")) != 1 {
				t.Fatalf("after %s a valid call does not pass", c.Name)
			}
			bed.from(1, answer(to(out, addrPrimary, "INVITE")[0], 180, "v"))
			bed.check(0, cancelOf(valid))
		}
		n++
	}
	if compared += bed.compared; n < least || compared < n/4 {
		t.Errorf("%d messages, of which %d were forwarded and compared", n, compared)
	}
}

// TestConformanceTorture: what make conformance cannot show on the binary, where
// nobody vouches for the dialog of this message.
func TestConformanceTorture(t *testing.T) {
	t.Run("V02 RFC 4475 §3.1.1.1 folds, compact forms and unknown headers within a dialog", testWsinv)
}

// testWsinv: wsinv follows its Route once that names a server, every header in
// its place.
func testWsinv(t *testing.T) {
	bed := newTape(t)
	for _, m := range corpus.All() {
		if m.ID != "4475 wsinv" {
			continue
		}
		raw := with(string(m.Raw), "services.example.com;lr", "10.0.1.1;lr")
		bed.check(0, raw)
		down := to(bed.out, addrPrimary, "INVITE sip:vivekg@chair-dnrc.example.com;unknownparam SIP/2.0\r\n")
		if len(down) != 1 || bed.compared != 1 {
			t.Fatalf("%d forwarded, %d compared, of %d", len(down), bed.compared, len(bed.out))
		}
		for _, line := range []string{
			"NewFangledHeader:   newfangled value\r\n continued newfangled value\r\n", "UnknownHeaderWithUnusualValue: ;;,,;;,;\r\n",
			"s :\r\n", "MaX-fOrWaRdS: 67\r\n", "TO : sip:vivekg@chair-dnrc.example.com ;   tag    = 1918181833n\r\n", "m:\"Quoted string \\\"\\\"\" <sip:jdrosen@example.com> ; newparam = newvalue ; secondparam ; q = 0.33\r\n",
		} {
			if !strings.Contains(down[0], line) {
				t.Errorf("no %q in\n%s", line, down[0])
			}
		}
		return
	}
	t.Fatal("no message 4475 wsinv")
}
