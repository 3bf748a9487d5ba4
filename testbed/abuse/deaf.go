package abuse

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"syscall"
	"time"
)

// deaf is a voice server over TCP that answers every call, until it reads no
// more.
type deaf struct {
	ln    net.Listener
	local netip.AddrPort
	turn  chan struct{} // closed: from now on it is deaf
	mu    sync.Mutex    // guards conns
	conns []net.Conn    // as many as Relève dials: it is bounded by what it tries
}

// smallBuffer keeps the kernel from reading in place of the party that does not.
const smallBuffer = 4 << 10

// shrink is a socket's Control that gives it one.
func shrink(_, _ string, c syscall.RawConn) (err error) {
	return errors.Join(c.Control(func(fd uintptr) {
		err = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, smallBuffer)
	}), err)
}

func listenDeaf(ctx context.Context, at netip.AddrPort) (*deaf, error) {
	lc := net.ListenConfig{Control: shrink}
	ln, err := lc.Listen(ctx, "tcp4", at.String())
	if err != nil {
		return nil, fmt.Errorf("listen as %s: %w", at, err)
	}
	d := &deaf{ln: ln, local: at, turn: make(chan struct{})}
	go d.accept()
	return d, nil
}

func (d *deaf) accept() {
	for {
		c, err := d.ln.Accept()
		if err != nil {
			return
		}
		d.mu.Lock()
		d.conns = append(d.conns, c)
		d.mu.Unlock()
		go d.serve(c)
	}
}

// serve answers what a connection brings, and stops to read when it turns deaf.
func (d *deaf) serve(c net.Conn) {
	in := bufio.NewReaderSize(c, smallBuffer)
	for {
		select {
		case <-d.turn:
			return // the connection stays open
		default:
		}
		m, err := readMessage(in)
		if err != nil {
			return
		}
		if m.status != 0 || strings.HasPrefix(m.first, "ACK ") {
			continue
		}
		if write(c, d.reply(&m)) != nil {
			return
		}
	}
}

// reply is 200 to everything; to an INVITE with what makes a dialog.
func (d *deaf) reply(m *message) []byte {
	to := m.value("To")
	if !strings.Contains(to, "tag=") {
		to += ";tag=" + unique("d")
	}
	b := []byte("SIP/2.0 200 OK\r\n")
	for _, f := range m.fields {
		switch strings.ToLower(f[0]) {
		case "via", "from", "call-id", "cseq", "record-route":
			b = fmt.Appendf(b, "%s: %s\r\n", f[0], f[1])
		}
	}
	b = fmt.Appendf(b, "To: %s\r\nContact: <sip:%s@%s;transport=tcp>\r\n", to, service, d.local)
	if m.method() != "INVITE" {
		return append(b, "Content-Length: 0\r\n\r\n"...)
	}
	return fmt.Appendf(b, "Content-Type: application/sdp\r\nContent-Length: %d\r\n\r\n%s", len(sdp), sdp)
}

func (d *deaf) close() {
	_ = d.ln.Close()
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, c := range d.conns {
		_ = c.Close()
	}
}

// unreadServer is a primary that reads nothing any more: large calls fill what
// the kernel keeps for it. Calls are held, or refused where more are held than
// may be; the secondary takes over and serves all that come.
func unreadServer(ctx context.Context, s *site) (sent int, err error) {
	f, err := newFlooder(s.hostile(0), s.releve, 0)
	if err != nil {
		return 0, err
	}
	defer f.close()
	close(s.listener.turn)
	sent = even(ctx, 200, 4*time.Second, func(int) {
		r := newRequest("INVITE", "UDP", f.local, s.releve, service)
		r.body = sdp + strings.Repeat("a=x:"+strings.Repeat("y", 900)+"\r\n", 40)
		f.send(r.bytes())
	})
	limit := time.Now().Add(25 * time.Second)
	for {
		r, err := s.read(ctx)
		switch {
		case err != nil:
			return sent, err
		case r.series[`releve_server_active{server="secondary"}`] == 1 && r.series[wire("stuck-writers")] > 0:
			return sent, s.served(ctx)
		case time.Now().After(limit):
			return sent, fmt.Errorf("the secondary did not take over (stuck writers %v); the flood's finals so far %s", r.series[wire("stuck-writers")], f.finals())
		}
		if err := pause(ctx, 100*time.Millisecond); err != nil {
			return sent, err
		}
	}
}

// served asks that every good call is answered again, once those that were held
// are through.
func (s *site) served(ctx context.Context) error {
	if err := pause(ctx, 2*time.Second); err != nil {
		return err
	}
	from := time.Now()
	if err := pause(ctx, 3*time.Second); err != nil {
		return err
	}
	limit, cancel := context.WithTimeout(ctx, answerLimit)
	defer cancel()
	t, err := s.load.between(limit, from, time.Now(), none)
	if err == nil && (t.Lost+t.Broken > 0 || t.Answered == 0) {
		err = fmt.Errorf("after the secondary took over: %+v", t)
	}
	return err
}
