package proxy

import (
	"crypto/rand"
	"slices"
	"strings"
	"sync"
	"time"

	"releve/proxy/digest"
	"releve/proxy/message"
	"releve/proxy/transport"
	"releve/router"
)

// A request of a server that the IPBX challenges is answered in the server's
// place when Relève holds the password of its licensed user (RFC 3261 §22.2):
// the 401 or 407 gets its ACK here, and the request goes out again, on a branch
// and with a CSeq of its own.
//
//	server ── INVITE 7 ──► us ── INVITE 7 ───────────────────► IPBX
//	                          ◄──────────── 407 ── + ACK 7 ──
//	                          ── INVITE 8, Proxy-Authorization ►
//	server ◄── 200, 7 ────── us ◄──────────── 200, 8 ─────────
//
// Relayed as it is, for the server to answer: a challenge for a realm that the
// server sent credentials for, one that is not understood, one that does not come
// from an IPBX, any when no password is held. Credentials are never sent unasked:
// a nonce of another request may be spent (our choice; it costs a round trip where
// an IPBX challenges within dialogs too).
//
// A password that is refused is tried once per call, and then not at all for a
// while: accounts are locked for less (our choice: 30 s, doubling to 30 min, until
// it is accepted or Relève starts again).

const (
	// maxRealms bounds the realms that one request answers.
	maxRealms = 4
	// maxAnswers bounds how often one request is sent again with credentials: once,
	// and for a second realm or a stale nonce. Below message.CSeqStride: each time
	// takes a number.
	maxAnswers = message.CSeqStride - 1

	firstRefusal = 30 * time.Second
	lastRefusal  = 30 * time.Minute
)

// Credentials are those of a licensed user. Zero: none are held.
type Credentials struct{ Username, Password string }

// answers are the challenges that one attempt answers. Immutable once sent.
type answers struct {
	given []answered
	times uint32   // how many challenges were answered before this attempt
	gap   uint32   // added to its CSeq with them: see restartGap
	lines [][]byte // the credentials
}

// answered is one realm's.
type answered struct {
	challenge digest.Challenge
	proxy     bool // Proxy-Authorization
	renewed   bool // its nonce was stale once
}

// accounts is what the IPBXs made of our credentials. Its mutex is taken under a
// shard's and guards all of it.
type accounts struct {
	mu   sync.Mutex
	all  map[account]*standing     // refused ones
	good map[account]bool          // taken since the start
	uses map[uint8]*digest.Session // by IPBX
}

func newAccounts() accounts {
	return accounts{
		all: make(map[account]*standing), good: make(map[account]bool), uses: make(map[uint8]*digest.Session),
	}
}

type account struct {
	user router.Server
	ipbx uint8
}

// standing of an account that was refused.
type standing struct {
	refused uint8 // times in a row
	until   router.Instant
}

// barred reports whether an account is given a rest.
func (a *accounts) barred(now router.Instant, k account) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	s := a.all[k]
	return s != nil && now < s.until
}

// refuse notes that credentials were refused.
func (a *accounts) refuse(now router.Instant, k account) {
	a.mu.Lock()
	defer a.mu.Unlock()
	s := a.all[k]
	if s == nil {
		s = &standing{}
		a.all[k] = s
	}
	s.until = now.Add(min(firstRefusal<<min(s.refused, 10), lastRefusal))
	s.refused = min(s.refused, 254) + 1
}

// accept notes that they were taken; true: for the first time since the start, or
// since they were refused.
func (a *accounts) accept(k account) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	news := !a.good[k] || a.all[k] != nil
	a.good[k] = true
	delete(a.all, k)
	return news
}

// count is the nonce count of the next request with this nonce.
func (a *accounts) count(ipbx uint8, nonce string) uint32 {
	a.mu.Lock()
	defer a.mu.Unlock()
	s := a.uses[ipbx]
	if s == nil {
		s = &digest.Session{}
		a.uses[ipbx] = s
	}
	return s.Next(nonce)
}

// challenged reports whether branch i goes on with credentials of ours after the
// 401 or 407 in hand.
func (c *context) challenged(now router.Instant, i uint8, raw []byte, h *message.Head) bool {
	b := &c.branches[i]
	if h.Status != 401 && h.Status != 407 || b.given(c, i) {
		return false
	}
	k, ok := c.account(&b.attempt)
	if !ok {
		return false
	}
	if b.answers.refuses(raw, h) {
		c.s.p.accounts.refuse(now, k)
		b.refused = true
		c.s.p.credentials(k, true)
		return false
	}
	next := c.answering(b, raw, h)
	if next == nil {
		return false
	}
	if c.s.p.accounts.barred(now, k) {
		b.refused = true
		return false
	}
	w, ok := c.wayAgain(b)
	last, read := b.head()
	if !ok || !read {
		return false
	}
	method, body := string(c.head.CSeqMethod.Of(c.raw)), c.raw[c.head.Body:c.head.End]
	if next.lines = c.s.p.sign(next.given, k, method, string(last.URI.Of(b.sent)), body); next.lines == nil {
		return false
	}
	w.answers = next
	c.retire(now, i)
	b.tries++
	why, sent := c.try(now, i, &w, b.tries)
	if !sent {
		c.failed(now, i, why)
		return true
	}
	c.noteAnswer(i)
	return true
}

// account is whose credentials may answer for an attempt; false: nobody's. Only
// an IPBX is answered, whatever a Route set names, so that nobody else learns a
// digest; and outside calls only for the active server.
func (c *context) account(a *attempt) (account, bool) {
	p := c.s.p
	if c.from.kind != fromServer {
		return account{}, false
	}
	to := p.side(a.flow)
	user := c.from.server()
	if to.kind != fromIPBX || p.cfg().Servers[user].Credentials == (Credentials{}) {
		return account{}, false
	}
	if c.call == nil && c.head.ToTag.Empty() && user != p.View().Active {
		return account{}, false
	}
	return account{user, to.index}, true
}

// credentials tells the hook what became of an account.
func (p *Proxy) credentials(k account, refused bool) {
	if p.hooks.Credentials != nil {
		p.hooks.Credentials(k.user, k.ipbx, refused)
	}
}

// credited notes that the IPBX took our credentials: it said more than 100 other
// than a challenge or 403, which may be about the call or about the user.
func (c *context) credited(b *branch, h *message.Head) {
	if b.answers == nil || len(b.answers.given) == 0 || h.Status == 100 || h.Status == 401 || h.Status == 403 || h.Status == 407 {
		return
	}
	if k, ok := c.account(&b.attempt); ok && c.s.p.accounts.accept(k) {
		c.s.p.credentials(k, false)
	}
}

// refuses reports whether a challenge repeats one that was answered: the password
// is wrong (RFC 3261 §22.1, RFC 7616 §3.3), unless the nonce is called stale for the
// first time.
func (a *answers) refuses(raw []byte, h *message.Head) bool {
	if a == nil {
		return false
	}
	for _, group := range challengesIn(raw, h) {
		if j := a.of(group[0]); j >= 0 && (a.given[j].renewed || !stale(group)) {
			return true
		}
	}
	return false
}

func stale(group []answered) bool {
	return slices.ContainsFunc(group, func(x answered) bool { return x.challenge.Stale })
}

// of is the place of the answer for the realm of x; -1: none.
func (a *answers) of(x answered) int {
	if a == nil {
		return -1
	}
	return slices.IndexFunc(a.given, x.sameRealm)
}

func (x answered) sameRealm(y answered) bool {
	return x.proxy == y.proxy && x.challenge.Realm == y.challenge.Realm
}

// challengesIn are the challenges of a 401 or 407 by realm, in order; nil: one of
// them cannot be read, or they are too many.
func challengesIn(raw []byte, h *message.Head) (groups [][]answered) {
	for _, name := range [...]string{"WWW-Authenticate", "Proxy-Authenticate"} {
		for v := range message.Fields(raw, h, name) {
			all, err := digest.ParseChallenges(v)
			if err != nil {
				return nil
			}
			for _, ch := range all {
				x := answered{challenge: ch, proxy: name[0] == 'P'}
				j := slices.IndexFunc(groups, func(g []answered) bool { return x.sameRealm(g[0]) })
				if j < 0 {
					if j = len(groups); j == maxRealms {
						return nil
					}
					groups = append(groups, nil)
				}
				groups[j] = append(groups[j], x)
			}
		}
	}
	return groups
}

// answering is what the next attempt answers: all that was answered so far, and
// what is asked now; nil: the challenge is not ours to answer.
func (c *context) answering(b *branch, raw []byte, h *message.Head) *answers {
	groups := challengesIn(raw, h)
	next := &answers{times: 1}
	if b.answers != nil {
		next.times, next.gap, next.given = b.answers.times+1, b.answers.gap, slices.Clone(b.answers.given)
	} else {
		next.gap = c.gap()
	}
	if len(groups) == 0 || next.times > maxAnswers || c.numberOf(b)+1+next.gap > maxCSeq {
		return nil
	}
	for _, group := range groups {
		if c.authorised(group[0]) {
			return nil
		}
		x, ok := best(group)
		if !ok {
			return nil
		}
		if j := next.of(x); j >= 0 {
			x.renewed = true
			next.given[j] = x
		} else {
			next.given = append(next.given, x)
		}
	}
	if len(next.given) > maxRealms {
		return nil
	}
	return next
}

// best is the challenge of one realm that is answered.
func best(group []answered) (x answered, ok bool) {
	all := make([]digest.Challenge, 0, len(group))
	for _, x := range group {
		all = append(all, x.challenge)
	}
	x.proxy = group[0].proxy
	x.challenge, ok = digest.Choose(all)
	return x, ok
}

// authorised reports whether the server itself sent credentials for the realm of
// x: it holds a password of its own.
func (c *context) authorised(x answered) bool {
	if !c.head.Authorized {
		return false
	}
	name := "Authorization"
	if x.proxy {
		name = "Proxy-Authorization"
	}
	for v := range message.Fields(c.raw, &c.head, name) {
		if realm, ok := digest.Realm(v); ok && realm == x.challenge.Realm {
			return true
		}
	}
	return false
}

// sign makes the lines of the credentials; nil: one would break the message.
func (p *Proxy) sign(given []answered, k account, method, uri string, body []byte) (lines [][]byte) {
	own := &p.cfg().Servers[k.user].Credentials
	cred := digest.Credentials{Username: own.Username, Password: own.Password}
	for _, x := range given {
		value := digest.Authorization(x.challenge, cred, method, uri, body,
			p.accounts.count(k.ipbx, x.challenge.Nonce), strings.ToLower(rand.Text()))
		name := "Authorization"
		if x.proxy {
			name = "Proxy-Authorization"
		}
		line, err := message.Line(name, value)
		if err != nil {
			return nil
		}
		lines = append(lines, line)
	}
	return lines
}

// Answer makes the credentials of server s for a request of ours without a body in
// its place, which got the 401 or 407 in hand from to; nil: there are none.
func (p *Proxy) Answer(to transport.Flow, s router.Server, method, uri string, raw []byte, h *message.Head) [][]byte {
	at := p.side(to)
	k := account{s, at.index}
	if at.kind != fromIPBX || s >= router.Servers || p.cfg().Servers[s].Credentials == (Credentials{}) || p.accounts.barred(p.Now(), k) {
		return nil
	}
	var given []answered
	for _, group := range challengesIn(raw, h) {
		x, ok := best(group)
		if !ok {
			return nil
		}
		given = append(given, x)
	}
	return p.sign(given, k, method, uri, nil)
}

// wayAgain is the way of branch b once more, to where its present attempt went.
func (c *context) wayAgain(b *branch) (w way, ok bool) {
	if b.more != nil {
		w = b.more.way
	} else if w, ok = c.s.p.hop(c, b.target); !ok {
		return w, false
	}
	w.flow = b.flow
	return w, true
}

// carried is what an attempt at t carries on from the one before it: its number
// never falls back, its credentials are for the address that asked.
func (a *answers) carried(same bool) *answers {
	if a == nil || same {
		return a
	}
	return &answers{times: a.times, gap: a.gap}
}
