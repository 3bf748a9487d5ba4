package postgres

import (
	"context"
	"fmt"
	"io"
	"net"
	"sync"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"
	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/sys/unix"
)

const (
	// defaultSchema is where our tables are unless the URL has a search_path.
	defaultSchema = "releve"
	// connectLimit bounds connecting to one host.
	connectLimit = 3 * time.Second
	// silenceLimit is how long sent bytes may stay unacknowledged, either way.
	silenceLimit = 10 * time.Second
	// pingLimit is how long an idle connection may take to prove that it lives.
	pingLimit = 2 * time.Second
)

// forced are settings of our sessions that the URL cannot change: they are what the
// contract of the store rests on.
var forced = map[string]string{
	"synchronous_commit":            "on", // a saved row is on the disk, and at the synchronous standby if there is one
	"default_transaction_isolation": "read committed",
	"client_encoding":               "UTF8",
}

// usual are settings that the URL may change.
var usual = map[string]string{
	"statement_timeout":                   millis(opLimit),
	"lock_timeout":                        millis(opLimit / 2),
	"idle_in_transaction_session_timeout": millis(opLimit),
	"tcp_user_timeout":                    millis(silenceLimit),
	"tcp_keepalives_idle":                 "10",
	"tcp_keepalives_interval":             "5",
	"tcp_keepalives_count":                "3",
}

func millis(d time.Duration) string { return fmt.Sprint(d.Milliseconds()) }

func (s *Store) configure(o Options) (*pgxpool.Config, error) {
	config, err := pgxpool.ParseConfig(o.URL)
	if err != nil {
		return nil, fmt.Errorf("%w: correct store.postgres (%w)", ErrURL, err)
	}
	c := config.ConnConfig
	if o.Password != "" {
		c.Password = o.Password
	}
	for k, v := range usual {
		if c.RuntimeParams[k] == "" {
			c.RuntimeParams[k] = v
		}
	}
	for k, v := range forced {
		c.RuntimeParams[k] = v
	}
	if s.schema = c.RuntimeParams["search_path"]; s.schema == "" {
		s.schema = defaultSchema
	}
	if !plainName(s.schema) {
		return nil, fmt.Errorf("%w: search_path %q is not one plain name (small letters, digits, _): correct store.postgres", ErrURL, s.schema)
	}
	c.RuntimeParams["search_path"] = s.schema
	if o.Name != "" || c.RuntimeParams["application_name"] == "" {
		c.RuntimeParams["application_name"] = orReleve(o.Name)
	}
	if c.ConnectTimeout == 0 {
		c.ConnectTimeout = connectLimit
	}
	c.ValidateConnect = pgconn.ValidateConnectTargetSessionAttrsReadWrite
	c.DialFunc = s.lines.dial
	c.BuildFrontend = func(r io.Reader, w io.Writer) *pgproto3.Frontend { return pgproto3.NewFrontend(&framed{r: r}, w) }
	s.at = place(c.Config)

	config.MaxConns, config.MinConns, config.MinIdleConns = maxConns, 0, 0
	config.MaxConnLifetime, config.MaxConnLifetimeJitter = time.Hour, 10*time.Minute
	config.MaxConnIdleTime, config.HealthCheckPeriod = 10*time.Minute, time.Minute
	config.PingTimeout = pingLimit
	return config, nil
}

func orReleve(name string) string {
	if name == "" {
		return "releve"
	}
	return name
}

// plainName: a name that needs no quotes anywhere.
func plainName(s string) bool {
	for i, r := range s {
		if r != '_' && (r < 'a' || r > 'z') && (i == 0 || r < '0' || r > '9') {
			return false
		}
	}
	return s != "" && len(s) <= 63
}

// place is where c leads, as people write it.
func place(c pgconn.Config) string {
	at := net.JoinHostPort(c.Host, fmt.Sprint(c.Port))
	last := at
	for _, f := range c.Fallbacks { // each host comes twice with sslmode=prefer
		if next := net.JoinHostPort(f.Host, fmt.Sprint(f.Port)); next != last {
			at, last = at+","+next, next
		}
	}
	return at + "/" + c.Database
}

// lines are the sockets that are open, so that they can be cut: the driver waits
// seconds for a last word of a server that hangs.
type lines struct {
	dialer net.Dialer

	mu   sync.Mutex
	open map[*line]struct{} // guarded by mu
	over bool               // guarded by mu: no more
}

type line struct {
	net.Conn
	of *lines
}

func newLines() *lines {
	return &lines{open: make(map[*line]struct{}), dialer: net.Dialer{
		KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 10 * time.Second, Interval: 5 * time.Second, Count: 3},
		Control: func(network, _ string, raw syscall.RawConn) (err error) {
			if network == "unix" {
				return nil
			}
			failed := raw.Control(func(fd uintptr) {
				err = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(silenceLimit.Milliseconds()))
			})
			if failed != nil {
				return failed
			}
			return err
		},
	}}
}

func (l *lines) dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := l.dialer.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.over {
		conn.Close()
		return nil, net.ErrClosed
	}
	one := &line{conn, l}
	l.open[one] = struct{}{}
	return one, nil
}

func (l *line) Close() error {
	l.of.mu.Lock()
	delete(l.of.open, l)
	l.of.mu.Unlock()
	return l.Conn.Close()
}

// hangUpAfter does end, and cuts every line when that takes longer than limit.
func (l *lines) hangUpAfter(limit time.Duration, end func()) {
	done := make(chan struct{})
	go func() { defer close(done); end() }()
	late := time.NewTimer(limit)
	defer late.Stop()
	select {
	case <-done:
		return
	case <-late.C:
	}
	l.mu.Lock()
	l.over = true
	for one := range l.open {
		_ = one.Conn.Close() // it is given up
	}
	l.mu.Unlock()
	<-done
}
