package abuse

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"
)

// trunk is an IPBX that calls over one TCP or TLS connection. It does not dial
// again: a connection that Relève ended is what this package looks for. Safe for
// concurrent use.
type trunk struct {
	network string
	local   netip.AddrPort
	releve  netip.AddrPort
	conn    net.Conn
	ended   chan struct{} // closed when the connection is over
	write   sync.Mutex

	mu    sync.Mutex // guards calls
	calls map[string]chan message
}

// inboxSize is more than one call's messages between two looks.
const inboxSize = 32

// dialTrunk connects from an address to Relève; pool nil: over TCP.
func dialTrunk(ctx context.Context, from netip.Addr, to netip.AddrPort, pool *x509.CertPool) (*trunk, error) {
	conn, err := dial(ctx, from, to)
	if err != nil {
		return nil, err
	}
	t := &trunk{network: "TCP", releve: to, ended: make(chan struct{}), calls: make(map[string]chan message)}
	t.local = conn.LocalAddr().(*net.TCPAddr).AddrPort()
	t.conn = conn
	if pool != nil {
		t.network = "TLS"
		s := tls.Client(conn, &tls.Config{RootCAs: pool, ServerName: to.Addr().String()})
		if err := s.HandshakeContext(ctx); err != nil {
			_ = conn.Close()
			return nil, fmt.Errorf("speak TLS to Relève as %s: %w", from, err)
		}
		t.conn = s
	}
	go t.read()
	return t, nil
}

// dial opens a TCP connection from an address.
func dial(ctx context.Context, from netip.Addr, to netip.AddrPort) (*net.TCPConn, error) {
	d := net.Dialer{LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(from, 0)), Timeout: 5 * time.Second}
	conn, err := d.DialContext(ctx, "tcp4", to.String())
	if err != nil {
		return nil, fmt.Errorf("connect to Relève from %s: %w", from, err)
	}
	return conn.(*net.TCPConn), nil
}

func (t *trunk) close() { _ = t.conn.Close() }

// read ends with the connection.
func (t *trunk) read() {
	defer close(t.ended)
	defer t.close()
	in := bufio.NewReaderSize(t.conn, 1<<16)
	for {
		m, err := readMessage(in)
		if err != nil {
			return
		}
		if m.status == 0 {
			if !strings.HasPrefix(m.first, "ACK ") {
				_ = t.send(answer(&m, "200 OK"))
			}
			continue
		}
		t.mu.Lock()
		inbox := t.calls[m.value("Call-ID")]
		t.mu.Unlock()
		select {
		case inbox <- m:
		default: // nobody waits for it
		}
	}
}

func (t *trunk) send(raw []byte) error {
	t.write.Lock()
	defer t.write.Unlock()
	_ = t.conn.SetWriteDeadline(time.Now().Add(5 * time.Second))
	_, err := t.conn.Write(raw)
	return err
}

// leg is one call of a trunk.
type leg struct {
	*trunk
	inbox  chan message
	invite request
	dialog request // what its next request begins with
}

// final waits for the final response to the request that was sent last.
func (l *leg) final(ctx context.Context, r *request) (message, error) {
	want := fmt.Sprintf("%d %s", r.cseq, r.method)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), answerLimit)
	defer cancel()
	for {
		select {
		case m := <-l.inbox:
			if m.status >= 200 && m.value("CSeq") == want {
				return m, nil
			}
		case <-l.ended:
			return message{}, errors.New("the connection was ended")
		case <-ctx.Done():
			return message{}, fmt.Errorf("no final response to %s: %w", want, ctx.Err())
		}
	}
}

// call is a caller over the trunk.
func (t *trunk) call(ctx context.Context, talk talk) (v verdict) {
	l := &leg{trunk: t, inbox: make(chan message, inboxSize), invite: newRequest("INVITE", t.network, t.local, t.releve, service)}
	l.invite.body, l.invite.caller = sdp, talk.from
	t.mu.Lock()
	t.calls[l.invite.callID] = l.inbox
	t.mu.Unlock()
	defer func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		delete(t.calls, l.invite.callID)
	}()
	if err := t.send(l.invite.bytes()); err != nil {
		return verdict{why: "INVITE: " + err.Error()}
	}
	m, err := l.final(ctx, &l.invite)
	if err != nil {
		return verdict{why: err.Error()}
	}
	v.status = m.status
	if m.status >= 300 {
		ack := l.invite
		ack.method, ack.to, ack.body = "ACK", m.value("To"), ""
		_ = t.send(ack.bytes()) // what is lost here, Relève repeats
		return v
	}
	l.dialog = l.invite
	l.dialog.uri, l.dialog.to, l.dialog.routes = m.contact(), m.value("To"), m.routes()
	l.ack()
	v.inDialog, v.why = l.converse(ctx, talk)
	return v
}

// ack acknowledges the 2xx to the INVITE that was sent last.
func (l *leg) ack() {
	ack := l.dialog
	ack.method, ack.body, ack.branch = "ACK", "", ""
	_ = l.send(ack.bytes()) // a lost one shows: the 2xx is repeated, and the BYE fails
}

// converse goes through a talk after its answer.
func (l *leg) converse(ctx context.Context, talk talk) (requests int, why string) {
	for range talk.reinvites {
		if !talk.pause(ctx) {
			break
		}
		if why = l.transact(ctx, "INVITE", sdp); why != "" {
			return requests, why
		}
		l.ack()
		requests++
	}
	talk.last(ctx)
	return requests + 1, l.transact(ctx, "BYE", "")
}

// transact sends a request of the dialog and says why it was not answered by 200.
func (l *leg) transact(ctx context.Context, method, body string) string {
	r := &l.dialog
	r.cseq++
	r.method, r.body, r.branch = method, body, ""
	if err := l.send(r.bytes()); err != nil {
		return method + ": " + err.Error()
	}
	m, err := l.final(ctx, r)
	switch {
	case err != nil:
		return err.Error()
	case m.status != 200:
		return fmt.Sprintf("%s: status %d", method, m.status)
	}
	return ""
}
