package app

import (
	"crypto/rand"
	"errors"
	"fmt"
	"hash/fnv"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"releve/proxy"
	"releve/proxy/fork"
	"releve/proxy/message"
	"releve/proxy/register"
	"releve/router"
	"releve/router/control"
	"releve/router/licence"
	"releve/router/role"

	"releve/cmd/internal/config"
	"releve/health"
)

// registerLimit bounds one REGISTER: what licence reckons with is what the agent
// does.
const registerLimit = 4 * time.Second

// timerC bounds a ringing branch (RFC 3261 §16.6(11): more than 3 minutes).
const timerC = 185 * time.Second

// loadKeys reads the keys that sign tokens and branches; the file is made at
// the first start.
func loadKeys(path string) (*message.Keys, error) {
	raw, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		raw, err = makeKeys(path)
	}
	if err != nil {
		return nil, fmt.Errorf("read the keys: %w; the file must belong to the user that runs releve", err)
	}
	k, err := message.ParseKeys(raw)
	if err != nil {
		return nil, fmt.Errorf("read the keys in %s: %w", path, err)
	}
	return k, nil
}

// makeKeys writes new keys. The file appears whole or not at all: one cut short
// by a crash would keep the next start from serving.
func makeKeys(path string) ([]byte, error) {
	var secret [32]byte
	if _, err := rand.Read(secret[:]); err != nil {
		return nil, err
	}
	raw := message.AppendKey(nil, 1, secret[:])
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return nil, err
	}
	f, err := os.CreateTemp(dir, ".keys-*") // mode 0600
	if err != nil {
		return nil, err
	}
	defer os.Remove(f.Name()) // fails once it is renamed
	_, err = f.Write(raw)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return nil, err
	}
	return raw, os.Rename(f.Name(), path)
}

func (a *App) proxyConfig() proxy.Config {
	c := proxy.Config{
		Policy: a.forkPolicy(), ServiceNumbers: make(map[string]bool), Q850: a.cfg().Dissuasion.Q850,
		LocalRegister: a.cfg().Registration.Mode != licence.Trunk, Keys: a.keys, Limits: a.limits(),
		Names: a.names.resolver, Gate: a.gate(),
	}
	for _, l := range a.cfg().Listen {
		c.Listeners = append(c.Listeners, proxy.Listener{Network: networkOf(l), SentBy: l.Advertise.String(), Entry: l.Entry})
	}
	for _, x := range a.cfg().IPBX {
		p := a.peerOf(x.Name, x.Address, x.Manners.Large)
		p.Other = x.Standby()
		c.IPBXs = append(c.IPBXs, proxy.IPBX{Peer: p, Sources: x.Sources, Manners: a.mannersOf(x), MapFrom: x.MapFrom})
	}
	for _, s := range a.cfg().Servers {
		c.Servers[s.Role] = proxy.Server{Peer: a.peerOf(s.Name, s.Address, s.Large), Lines: s.Lines, User: s.User}
		for i := range c.IPBXs {
			c.IPBXs[i].Identity[s.Role] = a.cfg().IdentityOf(s.Role, i)
		}
		if u, ok := a.cfg().UserOf(s.Role); ok && u.Password.Given() { // else challenges are the server's
			c.Servers[s.Role].Credentials = proxy.Credentials{Username: u.Username, Password: u.Password.Value()}
		}
	}
	for _, n := range a.cfg().ServiceNumbers {
		c.ServiceNumbers[n] = true
	}
	if !a.cfg().Rescue.IsZero() {
		c.RescueURI, c.Rescue = a.cfg().Rescue.String(), a.peerOf("rescue", a.cfg().Rescue, "")
	}
	return c
}

// mannersOf are those of one IPBX; overflowed calls are marked only when the file
// asks for it.
func (a *App) mannersOf(x config.IPBX) proxy.Manners {
	m, mark := &x.Manners, a.cfg().Overflow.MarkOverflow
	return proxy.Manners{
		HoldSignal: m.HoldSignal, Status: uint16(m.Status), Q850: m.Q850, Requeue: m.Requeue,
		RewriteContact: m.RewriteContact, RedirectRescue: m.RedirectRescue,
		Diversion: mark && m.Diversion, HistoryInfo: mark && m.HistoryInfo,
	}
}

func (a *App) limits() proxy.Limits {
	l := &a.cfg().Limits
	return proxy.Limits{
		CallsPerSecond: l.CallsPerSecond, SourceRate: l.SourceRate, SourceBurst: l.SourceBurst,
		MessageSize: l.MessageSize, Headers: l.Headers, Vias: l.Vias, URI: l.URI, Line: l.Line,
		Transactions: l.Transactions, HeldCalls: l.HeldCalls,
	}
}

func (a *App) forkPolicy() fork.Policy {
	o, v := a.cfg().Overflow, a.cfg().Verification
	p := fork.Policy{
		ProgressTimeout: o.ProgressTimeout, AnswerTimeout: o.AnswerTimeout, HoldBudget: o.HoldBudget,
		TimerC: timerC, Round: v.Spacing, HoldSignal: o.HoldSignal, Prompt: o.HoldPrompt != "",
		Requeue: a.cfg().Dissuasion.Requeue, RejectStatus: uint16(a.cfg().Dissuasion.Status),
		Automatic: a.cfg().Automatic(), Rescue: !a.cfg().Rescue.IsZero(), IPBXs: uint8(a.cfg().Outward()),
	}
	if o.ForwardLate {
		p.Late = fork.ForwardLate
	}
	return p
}

func (a *App) controlPolicy() control.Policy {
	v := a.cfg().Verification
	_, secondary := a.cfg().Server(router.Secondary)
	p := control.Policy{
		Role: role.Policy{
			Count: uint8(v.Count), AloneExtra: uint8(v.AloneExtra), Spacing: v.Spacing,
			Dead: v.Dead, Gray: v.Gray, Degraded: v.Degraded, Act: v.Act, Automatic: a.cfg().Automatic(),
			ReturnWait: 15 * time.Minute, Stable: 5,
		},
		Licence: licence.Policy{
			Mode: a.cfg().Registration.Mode, IPBXs: uint8(a.cfg().Registrars()), Expires: a.cfg().Registration.Expires,
			Seed: a.registrarSite(0), FirstCSeq: firstCSeq(a.started), Txn: registerLimit, Slack: time.Second + a.cfg().Registration.Expires/1000,
		},
		Health: health.Policy{Interval: v.IdleInterval, Lasting: v.Lasting},
		Mirror: a.cfg().Automatic() && a.cfg().Mirror.Watched(), Secondary: secondary, Absent: a.cfg().Level == router.Backup, IPBXs: uint8(len(a.cfg().IPBX)),
	}
	if k, ok := a.cfg().TestCall(); ok {
		p.Health.CallProbe = true
		p.Calls = control.CallPolicy{Every: k.Every, Suspect: k.Suspect, Passive: k.Passive}
	}
	for i, x := range a.cfg().IPBX {
		p.SiteIPBX[i] = hashOf(x.Address.String())
		if i >= a.cfg().Registrars() {
			continue
		}
		if x.Granted == config.Assumed {
			p.Licence.MaxGrant, p.Licence.Learn = max(p.Licence.MaxGrant, x.MaxGrant), true
		} else {
			p.Licence.Grants[i] = x.MaxGrant
		}
		p.Licence.Twins[i], p.Licence.Site[i] = x.MainStandby, a.registrarSite(i)
	}
	for s := router.Primary; s <= router.Secondary; s++ {
		if server, ok := a.cfg().Server(s); ok {
			p.Site[s] = hashOf(server.Address.String())
		}
		u, ok := a.cfg().UserOf(s)
		p.Licence.NoPassword[s] = ok && a.cfg().Registration.Mode == licence.Gate && !u.Password.Given()
		if ok {
			p.Licence.User[s] = hashOf(u.AOR.User)
		}
	}
	return p
}

// firstCSeq is where a life begins to count: the 31 most significant bits of a clock
// of seconds in 32 bits (RFC 3261 §8.1.1.5), which no life before it has reached. A
// clock outside of 1970–2106 says nothing.
func firstCSeq(at time.Time) uint32 {
	if s := at.Unix(); s > 0 && s < 1<<32 {
		return uint32(s >> 1)
	}
	return 0
}

// hashOf tells two settings apart; never 0.
func hashOf(s string) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(s))
	return max(h.Sum64(), 1)
}

// registrarSite is a hash of what a binding at IPBX i hangs on: its address, the
// users and our Contacts. When it changes, what was bound before is somewhere that
// is not asked any more. 0: nobody registers.
func (a *App) registrarSite(i int) uint64 {
	h := fnv.New64a()
	listener := a.peerOf(a.cfg().IPBX[i].Name, a.cfg().IPBX[i].Address, "").Listener
	users := 0
	for s := router.Primary; s <= router.Secondary; s++ {
		if u, ok := a.cfg().UserOf(s); ok {
			users++
			fmt.Fprintf(h, "%s %s\n", u.AOR.AOR(), a.ownURI(listener, u.AOR.User, u.AOR.Secure))
		}
	}
	if users == 0 {
		return 0
	}
	fmt.Fprintln(h, a.cfg().IPBX[i].Address)
	return max(h.Sum64(), 1)
}

func (a *App) licensedUsers() (users [router.Servers]register.User) {
	for s := router.Primary; s <= router.Secondary; s++ {
		u, ok := a.cfg().UserOf(s)
		if !ok {
			continue
		}
		users[s] = register.User{
			AOR: u.AOR.AOR(), Username: u.Username, Password: u.Password.Value(),
			CallID: "releve-" + u.AOR.User + "@" + a.advertised().Addr().String(),
		}
	}
	return users
}
