// Package app is the wiring: it makes every room, joins them by functions, and
// performs the effects of the mind (router/control). It is the only package
// that sees all concrete types.
//
//	transport ─► proxy ─ hooks ─► mind ─ effects ─► agent, register, store, view
//	                                └──────────────► spool, alarms, admin
//
// New wires, opens the sockets and rolls back on error; Start reads the store and
// serves; Stop ends in the reverse order. The order at the start:
//
//	sockets bound, nothing read ─► store read (≤ 500 ms) ─► calls served ─► admin door
//	                                    └─► row saved ─► REGISTER
//
// A store that is slow, full, read-only or damaged holds up no call: calls go to
// the primary, roles and registration stay as they are, the alarm says so, and it
// is tried again. A port that is taken, or records that another releve has
// open, are errors of New: two must not serve.
package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"time"

	"releve/cmd/internal/admin"
	"releve/cmd/internal/admin/web"
	"releve/cmd/internal/config"
	"releve/cmd/internal/text"
	"releve/health/notify"
	"releve/health/probe"
	"releve/proxy"
	"releve/proxy/agent"
	"releve/proxy/media"
	"releve/proxy/message"
	"releve/proxy/register"
	"releve/proxy/transport"
	"releve/router"
)

// Options of a node that are not in its file.
type Options struct {
	Version string
	Log     *slog.Logger    // nil: discarded
	Reload  <-chan struct{} // each asks for a reload, as the verb does; nil: none

	retry time.Duration // how often data that cannot be opened are tried again; 0: retryStore
}

// App is one node.
type App struct {
	current atomic.Pointer[config.Config] // replaced whole by a reload
	keys    *message.Keys
	options Options
	log     *slog.Logger
	started time.Time

	wire      *transport.Transport
	proxy     *proxy.Proxy
	agent     *agent.Agent
	registrar *register.Registrar
	names     *names
	notices   *notify.Dispatcher
	engines   engines
	store     *storage
	records   *records
	kept      *keptCalls
	mind      *mind
	reloading chan struct{} // has one place: one reload at a time
	tests     testCalls
	mirror    mirrorWatch
	player    *media.Player // nil: no hold prompt
	marks     *marks
	exercise  exercise
	door      atomic.Pointer[admin.Door]
	screen    atomic.Pointer[web.Server]
	stops     []func() // last in, first out
}

// cfg is the configuration in force. It does not change while the mind's loop
// performs one step.
func (a *App) cfg() *config.Config { return a.current.Load() }

// Run serves until ctx ends, or until a fault of ours ends the decisions: then
// ErrFault.
func Run(ctx context.Context, cfg *config.Config, o Options) error {
	a, err := New(cfg, o)
	if err != nil {
		return err
	}
	defer a.Stop()
	return a.serve(ctx)
}

func (a *App) serve(ctx context.Context) error {
	if err := a.Start(ctx); err != nil {
		return err
	}
	asked := a.reloads()
	defer asked()
	select {
	case <-ctx.Done():
		return nil
	case <-a.mind.frozen:
		a.outlive(ctx)
		return ErrFault
	}
}

// New wires a node. One straight function on purpose: the order of the lines is
// the order of the rooms, and a failure undoes the lines above it.
func New(cfg *config.Config, o Options) (a *App, err error) {
	a = &App{options: o, log: o.Log, started: time.Now(), reloading: make(chan struct{}, 1)}
	a.current.Store(cfg)
	if a.log == nil {
		a.log = slog.New(slog.DiscardHandler)
	}
	if a.options.retry == 0 {
		a.options.retry = retryStore
	}
	defer func() {
		if err != nil {
			a.Stop()
			a = nil
		}
	}()
	if err := os.MkdirAll(cfg.Store.Path, 0o750); err != nil {
		return a, fmt.Errorf("open the store: %w; create the directory and give it to the user that runs releve", err)
	}
	if a.keys, err = loadKeys(cfg.Keys.File); err != nil {
		return a, err
	}
	a.marks = newMarks(cfg.Store.Path)
	if err := a.marks.read(); err != nil {
		a.log.Error("operators' marks", "error", err) // no reason not to serve
	}
	a.store = newStorage(openerOf(&cfg.Store))
	a.stops = append(a.stops, a.store.close)
	a.openNotices()
	a.mind = newMind(a)
	a.stops = append(a.stops, a.mind.end)
	a.records = &records{dir: filepath.Join(cfg.Store.Path, "spool"), report: a.mind.recordsTroubled, retry: a.options.retry}
	a.stops = append(a.stops, a.closeRecords)
	if err := a.openRecords(); err != nil {
		return a, err
	}

	if a.names, err = a.newNames(); err != nil {
		return a, fmt.Errorf("prepare DNS: %w; correct the dns section or /etc/resolv.conf", err)
	}
	pc, tc := a.proxyConfig(), a.transportConfig()
	a.proxy = proxy.New(pc, nil, a.mind.firstView(), a.proxyHooks())
	a.mind.clock = newClock(a.proxy.Started())
	tc.Allow, tc.HandshakeFailed = a.known, a.handshakeFailed
	if cfg.Limits.Strangers == "refuse" {
		tc.Stranger = a.proxy.Refuse
	}
	if a.wire, err = transport.New(tc, (*handler)(a)); err != nil {
		return a, err
	}
	a.stops = append(a.stops, a.wire.Close, a.names.resolver.Close)
	a.proxy.SetWire(a.wire)
	a.agent = agent.New(a.wire, func(l uint8) string { return pc.Listeners[l].SentBy })
	a.agent.Caught = func(r any) { a.proxy.Caught(r, "") }
	a.registrar = register.New(a.agent, a.licensedUsers(), a.registrars())
	plan, err := a.checkPlan()
	if err != nil {
		return a, err
	}
	a.mind.runner.Store(probe.NewRunner(plan))
	a.stops = append(a.stops, func() { a.mind.checks().Close() })
	a.prepareMirror()
	a.stops = append(a.stops, a.mirror.stop)
	if err := a.prepareMedia(); err != nil {
		return a, err
	}
	receivers, err := a.receivers(cfg)
	if err != nil {
		return a, err
	}
	a.notices.Set(receivers)
	a.mind.counted = a.newCounted()
	return a, nil
}

// openRecords opens the records, or leaves that for later, unless another
// process has them.
func (a *App) openRecords() error {
	err := a.records.open()
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return err
	}
	a.mind.troubled(recordsClosed, err != nil, err)
	return nil
}

// Start reads the store, serves calls and lets the mind decide. ctx bounds the
// start only; Stop ends what it started.
func (a *App) Start(ctx context.Context) error {
	a.resumeCalls()
	a.proxy.Start()
	a.stops = append(a.stops, a.leaveCalls, a.proxy.Close, a.background())
	a.event(text.EventStarted, map[string]string{"version": a.options.Version})
	a.names.start(ctx)
	a.mind.boot(ctx)
	a.wire.Start()
	a.mind.checks().Start()
	a.mirror.start()
	return a.serveAdmin()
}

// Stop ends what was started, in reverse order. The registration stays: the
// next start goes on with it.
func (a *App) Stop() {
	for i := len(a.stops) - 1; i >= 0; i-- {
		a.stops[i]()
	}
	a.stops = nil
}

// handler joins the sockets to those who wait for what they bring.
type handler App

func (h *handler) Receive(f transport.Flow, raw []byte) { h.proxy.Receive(f, raw) }

func (h *handler) Failed(f transport.Flow, c transport.Cause) {
	defer func() {
		if r := recover(); r != nil {
			h.proxy.Caught(r, "")
		}
	}()
	h.proxy.Failed(f, c)
	h.agent.Failed(f, c)
}

func (a *App) proxyHooks() proxy.Hooks {
	return proxy.Hooks{
		Overflow:    a.mind.overflow,
		Served:      a.mind.served,
		Record:      a.recorded,
		PassiveCall: a.mind.passiveCall,
		Registered:  a.mind.registered,
		Register:    a.mind.registerAsked,
		Asked:       a.asked,
		Prompt:      a.prompt,
		Own:         func(raw []byte, h *message.Head) bool { return a.agent.Response(raw, h) },
		Dismiss:     a.dismiss,
		Credentials: a.mind.credentials,
		Fault:       a.mind.fault,
	}
}

// dismiss leaves the shard's lock before it sends.
func (a *App) dismiss(f transport.Flow, invite, ok []byte, again bool) {
	invite, ok = append([]byte(nil), invite...), append([]byte(nil), ok...)
	answer := func(uri string, r agent.Result) [][]byte {
		return a.proxy.Answer(f, a.proxy.View().Active, "BYE", uri, r.Raw, r.Head)
	}
	a.mind.later(func() { a.agent.Dismiss(f, invite, ok, again, a.proxy.Ours, answer) })
}

func (a *App) recorded(r router.CallRecord) {
	a.records.Call(r)
	a.mind.concluded(&r)
	if r.Reason != router.ReasonActiveServes && r.Reason != router.ReasonOutgoing {
		a.mind.later(func() { // a log that blocks must not hold a shard's lock
			a.log.Info("call", "call", r.CallID, "server", r.Server, "outcome", r.Outcome, "status", r.Status, "reason", string(r.Reason))
		})
	}
}

// closeLimit bounds what is handed to the store at the end; the rest is read at
// the next start.
const closeLimit = 5 * time.Second

func (a *App) closeRecords() {
	limit := closeLimit
	if a.mind.inTrouble(^trouble(0)) {
		limit = closeLimit / 10 // it would be in vain
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	if err := a.records.close(ctx, a.store); err != nil {
		a.log.Error("close the records", "error", err)
	}
}
