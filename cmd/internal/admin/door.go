package admin

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// The bounds of the package doc.
const (
	// MaxConnections is how many may be open; more wait.
	MaxConnections = 32
	maxHeader      = 16 << 10
	maxBody        = 64 << 10
	maxList        = 1000
	requestLimit   = 30 * time.Second
	idleLimit      = 2 * time.Minute
)

// ErrInUse: another process answers on the socket.
var ErrInUse = errors.New("another releve answers on the socket: stop it first, or give admin.socket another path")

// Options of a Door.
type Options struct {
	Socket  string       // path; its directory is made (0750) when absent
	Node    Node         // required
	Metrics http.Handler // /metrics; nil: 404
	Log     *slog.Logger // nil: discarded

	// Looks says that a system user may look and not act, though the socket's
	// mode lets them in: the supervision's. nil: everybody may act.
	Looks func(user string) bool
}

// Door answers the API. Close it to remove the socket.
type Door struct {
	node     Node
	log      *slog.Logger
	looks    func(user string) bool
	http     *http.Server
	listener net.Listener
	places   *boundedListener
	done     chan struct{}
	requests atomic.Uint64
	faults   atomic.Uint64
}

// Listen opens the socket, 0660, and returns a Door that answers after Start.
// A socket that nobody answers on is removed; one that is answered is ErrInUse.
func Listen(o Options) (*Door, error) {
	l, err := listenUnix(o.Socket)
	if err != nil {
		return nil, fmt.Errorf("open the admin socket %s: %w", o.Socket, err)
	}
	d := &Door{node: o.Node, log: o.Log, looks: o.Looks, done: make(chan struct{})}
	if d.log == nil {
		d.log = slog.New(slog.DiscardHandler)
	}
	d.places = &boundedListener{UnixListener: l, places: make(chan struct{}, MaxConnections)}
	d.listener = d.places
	d.http = &http.Server{
		Handler:           d.routes(o.Metrics),
		ReadHeaderTimeout: requestLimit,
		ReadTimeout:       requestLimit,
		WriteTimeout:      2 * requestLimit,
		IdleTimeout:       idleLimit,
		MaxHeaderBytes:    maxHeader,
		ConnContext:       withActor,
		ErrorLog:          slog.NewLogLogger(d.log.Handler(), slog.LevelWarn),
	}
	return d, nil
}

// API is what the socket answers, for a door of another kind, which says who acts
// by WithActor and lets pass what its readers may ask.
func (d *Door) API() http.Handler { return d.http.Handler }

// WithActor says who acts, for the handlers of API.
func WithActor(ctx context.Context, name string) context.Context {
	return context.WithValue(ctx, actorKey{}, name)
}

// Start answers requests until Close.
func (d *Door) Start() {
	go func() {
		defer close(d.done)
		if err := d.http.Serve(d.listener); !errors.Is(err, http.ErrServerClosed) {
			d.log.Error("the admin socket stopped answering", "error", err)
		}
	}()
}

// Close stops answering, waits for requests in progress until ctx ends, and
// removes the socket. Call it once, after Start.
func (d *Door) Close(ctx context.Context) error {
	err := d.http.Shutdown(ctx)
	if err != nil {
		err = errors.Join(err, d.http.Close())
	}
	<-d.done
	return err
}

// Counts returns the requests answered and, of them, the faults.
func (d *Door) Counts() (requests, faults uint64) { return d.requests.Load(), d.faults.Load() }

// Connections returns those open now, how many there may be, and how many had to
// wait for a place since the start.
func (d *Door) Connections() (open, most int, waited uint64) {
	return len(d.places.places), MaxConnections, d.places.waited.Load()
}

func listenUnix(path string) (*net.UnixListener, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return nil, err
	}
	if err := removeStale(path); err != nil {
		return nil, err
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, err
	}
	// Until here the mode is 0777 less the umask: connecting asks for write
	// permission, which any usual umask leaves to the owner alone.
	if err := os.Chmod(path, 0o660); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

// removeStale removes the socket of a process that is gone. Anything that is
// not a socket is left alone.
func removeStale(path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if info.Mode()&fs.ModeSocket == 0 {
		return errors.New("a file that is not a socket is there: remove it or give admin.socket another path")
	}
	c, err := net.DialTimeout("unix", path, time.Second)
	if err == nil {
		return errors.Join(ErrInUse, c.Close())
	}
	if !errors.Is(err, unix.ECONNREFUSED) {
		return fmt.Errorf("ask whether the socket is in use: %w", err)
	}
	return os.Remove(path)
}

// boundedListener accepts a connection only when one of its places is free;
// others wait in the kernel's queue.
type boundedListener struct {
	*net.UnixListener
	places chan struct{}
	waited atomic.Uint64 // connections that found no place at once
}

// Accept waits for a connection, then for a place, so that Close ends it.
func (l *boundedListener) Accept() (net.Conn, error) {
	c, err := l.AcceptUnix()
	if err != nil {
		return nil, err
	}
	select {
	case l.places <- struct{}{}:
	default:
		l.waited.Add(1)
		l.places <- struct{}{}
	}
	return &boundedConn{UnixConn: c, free: sync.OnceFunc(func() { <-l.places })}, nil
}

// boundedConn gives its place back when it is closed.
type boundedConn struct {
	*net.UnixConn
	free func()
}

// Close closes the connection once.
func (c *boundedConn) Close() error {
	defer c.free()
	return c.UnixConn.Close()
}

type (
	actorKey struct{}
	userKey  struct{}
)

// withActor puts who is at the other end of the socket into the context.
func withActor(ctx context.Context, c net.Conn) context.Context {
	user, who := peer(c)
	return context.WithValue(WithActor(ctx, who), userKey{}, user)
}

// mayOnlyLook: who came by the socket is one of those who may not act.
func (d *Door) mayOnlyLook(r *http.Request) bool {
	user, _ := r.Context().Value(userKey{}).(string)
	return d.looks != nil && user != "" && r.Method != http.MethodGet && r.Method != http.MethodHead && d.looks(user)
}

func actor(ctx context.Context) string {
	name, _ := ctx.Value(actorKey{}).(string)
	return name
}

// peer is the user of the process at the other end (SO_PEERCRED): its name, "" when
// it has none, and how it is recorded, e.g. "marie (uid 1000)".
func peer(c net.Conn) (name, who string) {
	u, ok := c.(*boundedConn)
	if !ok {
		return "", "unknown"
	}
	raw, err := u.SyscallConn()
	if err != nil {
		return "", "unknown"
	}
	var cred *unix.Ucred
	if cerr := raw.Control(func(fd uintptr) {
		cred, err = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	}); cerr != nil || err != nil {
		return "", "unknown"
	}
	uid := strconv.FormatUint(uint64(cred.Uid), 10)
	if who, err := user.LookupId(uid); err == nil {
		return who.Username, who.Username + " (uid " + uid + ")"
	}
	return "", "uid " + uid
}
