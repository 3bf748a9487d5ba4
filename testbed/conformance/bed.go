package conformance

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"releve/testbed/conformance/corpus"
)

// bed sends the torture messages from one side over one network.
type bed struct {
	*site
	name     string // "IPBX, UDP"
	column   int    // in Demand.Outcomes
	tcp      bool
	server   bool // the active server sends, the IPBX is the sink
	ear      *ear
	ports    map[netip.AddrPort]*datagrams
	accept   []net.Listener
	hanging  []*hanging
	watch    *stream // a connection that stays, for fences
	fences   int
	base     footprint
	verdicts []Test
}

// hanging is a connection on which the rest of a message never comes.
type hanging struct {
	id   string
	conn *stream
	at   time.Time
}

// The columns of the page's table of messages.
var columns = [4]struct {
	name        string
	server, tcp bool
}{{"IPBX, UDP", false, false}, {"IPBX, TCP", false, true}, {"server, UDP", true, false}, {"server, TCP", true, true}}

func newBed(run, column int) *bed {
	c := columns[column]
	return &bed{site: newSite(run, column), name: c.name, column: column, tcp: c.tcp, server: c.server, ear: newEar(), ports: map[netip.AddrPort]*datagrams{}}
}

func (b *bed) network() string {
	if b.tcp {
		return "tcp"
	}
	return "udp"
}

// open starts the parties and Relève.
func (b *bed) open(ctx context.Context, binary string) error {
	if err := b.write(b.network(), b.server); err != nil {
		return err
	}
	for _, at := range []netip.AddrPort{b.ipbx, b.primary, b.secondary} {
		if b.tcp {
			ln, err := listenTCP(at, b.ear)
			if err != nil {
				return err
			}
			b.accept = append(b.accept, ln)
		} else if _, err := b.port(at); err != nil {
			return err
		}
	}
	if err := b.launch(binary); err != nil {
		return err
	}
	if err := b.ready(ctx); err != nil {
		return err
	}
	if b.tcp {
		conn, err := dialTCP(ctx, b.sender(0), b.releve, b.ear)
		if err != nil {
			return err
		}
		b.watch = conn
	}
	return nil
}

// port is the UDP party at an address, opened when first needed.
func (b *bed) port(at netip.AddrPort) (*datagrams, error) {
	if d := b.ports[at]; d != nil {
		return d, nil
	}
	d, err := listenUDP(at, b.ear)
	if err == nil {
		b.ports[at] = d
	}
	return d, err
}

// sender is the address that message i is sent from.
func (b *bed) sender(i int) netip.Addr {
	if b.server {
		return b.primary.Addr()
	}
	return b.source(i)
}

// sink is where what is forwarded arrives.
func (b *bed) sink() netip.AddrPort {
	if b.server {
		return b.ipbx
	}
	return b.primary
}

// one sends a message and judges what became of it.
func (b *bed) one(ctx context.Context, i int, m corpus.Message, want Outcome) error {
	b.ear.take()
	sent := readMessage(m.Raw)
	b.ear.sends(sent)
	if b.tcp {
		return b.oneStream(ctx, i, m, sent, want)
	}
	d, err := b.port(netip.AddrPortFrom(b.sender(i), sent.sentByPort()))
	if err != nil {
		return err
	}
	if err := d.send(b.releve, m.Raw); err != nil {
		return err
	}
	// The fence goes the same way behind it: when its answer is back, all that
	// the message led to has happened.
	if err := b.fence(ctx, d.at, func(raw []byte) error { return d.send(b.releve, raw) }); err != nil {
		return err
	}
	return b.judge(sent, want)
}

func (b *bed) oneStream(ctx context.Context, i int, m corpus.Message, sent *message, want Outcome) error {
	conn, err := dialTCP(ctx, b.sender(i), b.releve, b.ear)
	if err != nil {
		return err
	}
	if err := conn.send(streamed(m.Raw, sent, want)); err != nil {
		return err
	}
	switch {
	case want.Forward && want.Status != 0:
		defer conn.close()
		err = b.second(ctx, m.Raw)
	case want.Hang:
		b.hanging = append(b.hanging, &hanging{m.ID, conn, time.Now()})
		err = b.fence(ctx, b.watch.at, b.watch.send)
	case want.Close:
		select {
		case <-conn.ended:
		case <-time.After(5 * time.Second):
			return errors.New("the connection stays open")
		}
		err = b.fence(ctx, b.watch.at, b.watch.send)
	default:
		defer conn.close()
		err = b.fence(ctx, conn.at, conn.send)
	}
	if err != nil {
		return err
	}
	return b.judge(sent, want)
}

// second waits for both answers to a stream of two messages, the second of which
// is a call. What stands behind that one is none, so no fence can follow.
func (b *bed) second(ctx context.Context, raw []byte) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	_, rest, _ := bytes.Cut(raw, []byte("\r\n\r\n"))
	b.ear.sends(readMessage(rest))
	if !b.ear.until(ctx, func(requests, finals []heard) bool { return len(requests) > 0 && len(finals) > 1 }) {
		return errors.New("two messages on one stream: not both were treated")
	}
	requests, _ := b.ear.peek()
	return b.way().intact(readMessage(rest), requests[0].msg)
}

// streamed is the message as a stream carries it: without what stands behind its
// Content-Length, unless that is a message too (some of RFC 5118 count less than
// their body has), and with the empty line that the file of one of them lacks.
func streamed(raw []byte, m *message, want Outcome) []byte {
	i := bytes.Index(raw, []byte("\r\n\r\n"))
	if i < 0 {
		return append(bytes.Clone(raw), "\r\n"...)
	}
	n, err := strconv.Atoi(m.value("content-length"))
	if err != nil || n < 0 || i+4+n > len(raw) || want.Forward && want.Status != 0 || want.Close {
		return raw
	}
	return raw[:i+4+n]
}

// fence sends a MESSAGE that is forwarded, and waits for its answer. Over UDP
// it is repeated, as its sender would.
func (b *bed) fence(ctx context.Context, from netip.AddrPort, send func([]byte) error) error {
	b.fences++
	id := fmt.Sprintf("fence-%d", b.fences)
	network := strings.ToUpper(b.network())
	raw := fmt.Sprintf("MESSAGE sip:fence@%[1]s SIP/2.0\r\nVia: SIP/2.0/%[2]s %[3]s;branch=z9hG4bK%[4]s;rport\r\nMax-Forwards: 70\r\n"+
		"From: <sip:a@%[3]s>;tag=a\r\nTo: <sip:fence@%[1]s>\r\nCall-ID: %[4]s\r\nCSeq: 1 MESSAGE\r\nContent-Length: 0\r\n\r\n", b.releve, network, from, id)
	for range 10 {
		if err := send([]byte(raw)); err != nil {
			return fmt.Errorf("after it, Relève takes nothing: %w", err)
		}
		once, cancel := context.WithTimeout(ctx, time.Second)
		back := b.ear.until(once, func(_, finals []heard) bool {
			for _, f := range finals {
				if f.msg.value("call-id") == id && f.msg.status() == 200 {
					return true
				}
			}
			return false
		})
		cancel()
		if back {
			return nil
		}
		if b.tcp || ctx.Err() != nil {
			break
		}
	}
	return errors.New("after it, Relève serves no other message")
}

// judge compares what was heard with what the page wants.
func (b *bed) judge(sent *message, want Outcome) error {
	requests, finals := b.ear.take()
	requests, finals = withoutFences(requests), withoutFences(finals)
	first := want.Status
	if want.Forward {
		if len(requests) != 1 {
			return fmt.Errorf("%d requests arrived at the other side, want 1%s", len(requests), told(finals))
		}
		if at := requests[0].at; at != b.sink() {
			return fmt.Errorf("it arrived at %s, want %s", at, b.sink())
		}
		if want.Status == 0 {
			if err := b.way().intact(sent, requests[0].msg); err != nil {
				return fmt.Errorf("not intact: %w", err)
			}
			first = 200
			if sent.method() == "INVITE" {
				first = 603
			}
		}
	} else if len(requests) != 0 {
		return fmt.Errorf("it was forwarded:\n%s", requests[0].msg.raw)
	}
	expected := 0
	if first != 0 {
		expected = 1
	}
	if want.Forward && want.Status != 0 {
		expected = 2
	}
	if len(finals) != expected {
		return fmt.Errorf("%d answers, want %d%s", len(finals), expected, told(finals))
	}
	if expected > 0 && finals[0].msg.status() != first {
		return fmt.Errorf("%q, want %d", finals[0].msg.start, first)
	}
	if expected > 0 {
		return listed(sent, finals[0].msg)
	}
	return nil
}

// listed: the 200 to a REGISTER lists each Contact of it, its URI as sent (RFC
// 3261 §10.3(8)).
func listed(sent, final *message) error {
	if sent.method() != "REGISTER" || final.status() != 200 {
		return nil
	}
	if is, want := len(final.all("contact")), len(sent.all("contact")); is != want {
		return fmt.Errorf("%d Contacts in the 200, want %d", is, want)
	}
	for i, l := range sent.all("contact") {
		uri := valueOf(l)
		if j := strings.Index(uri, "<"); j >= 0 {
			uri, _, _ = strings.Cut(uri[j+1:], ">")
		} else {
			uri, _, _ = strings.Cut(uri, ";")
		}
		if got := final.all("contact")[i]; !strings.Contains(got, "<"+uri+">") {
			return fmt.Errorf("%q in the 200, want the URI %q", got, uri)
		}
	}
	return nil
}

func (b *bed) way() passage { return passage{b.releve, b.sink(), b.tcp} }

func withoutFences(in []heard) (out []heard) {
	for _, h := range in {
		if !strings.HasPrefix(h.msg.value("call-id"), "fence-") {
			out = append(out, h)
		}
	}
	return out
}

func told(finals []heard) string {
	if len(finals) == 0 {
		return ""
	}
	return fmt.Sprintf("; answered %q", finals[0].msg.start)
}

// close ends everything that the bed began.
func (b *bed) close(failed bool) error {
	for _, h := range b.hanging {
		h.conn.close()
	}
	if b.watch != nil {
		b.watch.close()
	}
	for _, ln := range b.accept {
		_ = ln.Close()
	}
	err := b.site.close(failed)
	for _, d := range b.ports {
		d.close()
	}
	return err
}
