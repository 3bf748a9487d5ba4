package preflight

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/url"
	"strings"
	"syscall"
	"time"

	"releve/cmd/internal/text"
)

// dbLimit bounds one look at a database.
const dbLimit = 2 * time.Second

// databaseLane looks whether a database can be reached and what it is: no password
// is sent.
func (r *run) databaseLane(ctx context.Context, raw string) {
	ctx, cancel := within(ctx, 2*dbLimit)
	defer cancel()
	r.enter(Database, redacted(raw), judgeDatabase(raw, look(ctx, raw)))
}

// looked is what a look at a database showed.
type looked struct {
	product string // PostgreSQL, MySQL, MariaDB; "": it said nothing of the kind
	said    string // its refusal
	closed  bool   // the connection was refused
	open    bool   // it was taken
	garbage bool   // it said something else
}

func judgeDatabase(raw string, l looked) Finding {
	wanted, address := wantedProduct(raw)
	f := seen(text.StudyDatabase, OK, "address", address, "product", l.product)
	name := ""
	switch {
	case l.closed:
		name = "closed"
	case !l.open:
		f.State = NoGo
		return f
	case l.garbage:
		name, f.Values["product"] = "foreign", wanted
	case l.said != "":
		f.State, f.Values["case"], f.Values["said"] = Reservation, "barred", printable(l.said)
		return f
	case l.product == "":
		name = "mute"
	}
	if name != "" {
		f.State, f.Values["case"] = NoGo, name
	}
	return f
}

// wantedProduct reads scheme and host of a database address: postgres://…, mysql://…,
// or host:port.
func wantedProduct(raw string) (product, address string) {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" {
		u = &url.URL{Host: raw}
	}
	product, port := "PostgreSQL", "5432"
	if strings.HasPrefix(u.Scheme, "mysql") || strings.HasPrefix(u.Scheme, "maria") || u.Port() == "3306" {
		product, port = "MySQL", "3306"
	}
	host := u.Hostname()
	if u.Port() != "" {
		port = u.Port()
	}
	return product, net.JoinHostPort(host, port)
}

// redacted is a database address without its credentials and parameters.
func redacted(raw string) string {
	_, address := wantedProduct(raw)
	if scheme, _, ok := strings.Cut(raw, "://"); ok {
		return scheme + "://" + address
	}
	return address
}

// look connects, and listens to what the database says of itself.
func look(ctx context.Context, raw string) (l looked) {
	wanted, address := wantedProduct(raw)
	dialer := net.Dialer{Timeout: dbLimit}
	conn, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		l.closed = errors.Is(err, syscall.ECONNREFUSED)
		return l
	}
	defer conn.Close()
	l.open = true
	_ = conn.SetDeadline(time.Now().Add(dbLimit))
	if wanted == "MySQL" {
		return lookMySQL(conn, l)
	}
	return lookPostgres(conn, l)
}

// lookMySQL reads the greeting: protocol version 10 and the server's version, or an
// error packet.
func lookMySQL(conn net.Conn, l looked) looked {
	head := make([]byte, 5)
	if _, err := io.ReadFull(conn, head); err != nil {
		l.garbage = !timedOut(err)
		return l
	}
	size := int(head[0]) | int(head[1])<<8 | int(head[2])<<16
	body := make([]byte, min(max(size-1, 0), 200))
	n, _ := io.ReadFull(conn, body)
	switch {
	case size < 1 || size > 4096:
		l.garbage = true
	case head[4] == 0xff && n > 2:
		l.product, l.said = "MySQL", string(body[2:n])
	case head[4] == 10:
		version, _, _ := strings.Cut(string(body[:n]), "\x00")
		l.product = "MySQL"
		if strings.Contains(version, "MariaDB") {
			l.product = "MariaDB"
		}
		l.product += " " + printable(strings.TrimPrefix(version, "5.5.5-"))
	default:
		l.garbage = true
	}
	return l
}

func timedOut(err error) bool {
	var n net.Error
	return errors.As(err, &n) && n.Timeout()
}

// Codes of the PostgreSQL protocol (its documentation, Message Formats).
const (
	pgSSLRequest = 80877103
	pgProtocol   = 3 << 16
)

// lookPostgres asks for TLS, which every server answers by one letter, then begins a
// session without TLS as a user of our own name: what it says first tells whether
// this machine is let in at all.
func lookPostgres(conn net.Conn, l looked) looked {
	ask := binary.BigEndian.AppendUint32(nil, 8)
	ask = binary.BigEndian.AppendUint32(ask, pgSSLRequest)
	letter := make([]byte, 1)
	if _, err := conn.Write(ask); err != nil {
		return l
	}
	if _, err := io.ReadFull(conn, letter); err != nil {
		l.garbage = !timedOut(err) && !errors.Is(err, io.EOF)
		return l
	}
	switch letter[0] {
	case 'S':
		l.product = "PostgreSQL (TLS)"
		return l
	case 'N', 'E':
	default:
		l.garbage = true
		return l
	}
	l.product = "PostgreSQL"
	words := []byte("user\x00releve_preflight\x00database\x00postgres\x00\x00")
	hello := binary.BigEndian.AppendUint32(nil, uint32(len(words)+8))
	hello = binary.BigEndian.AppendUint32(hello, pgProtocol)
	if _, err := conn.Write(append(hello, words...)); err != nil {
		return l
	}
	head := make([]byte, 5)
	if _, err := io.ReadFull(conn, head); err != nil || head[0] != 'E' {
		return l
	}
	body := make([]byte, min(max(int(binary.BigEndian.Uint32(head[1:]))-4, 0), 1000))
	n, _ := io.ReadFull(conn, body)
	code, message := pgError(body[:max(n, 0)])
	if code == "28000" && strings.Contains(message, "pg_hba") {
		l.said = message
	}
	return l
}

// pgError reads code and message of an ErrorResponse.
func pgError(body []byte) (code, message string) {
	for field := range strings.SplitSeq(string(body), "\x00") {
		switch {
		case field == "":
		case field[0] == 'C':
			code = field[1:]
		case field[0] == 'M':
			message = field[1:]
		}
	}
	return code, message
}
