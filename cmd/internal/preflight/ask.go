package preflight

import (
	"context"
	"crypto/rand"
	"strings"
	"sync"
	"time"

	"releve/proxy/digest"
	"releve/proxy/message"
	"releve/proxy/transport"
)

// t1 is T1 of RFC 3261 §17.1.1.1.
const t1 = 500 * time.Millisecond

// cleanLimit bounds what is done to leave nothing behind, whatever ended the study.
const cleanLimit = 3 * time.Second

// answered is how a request of ours ended.
type answered struct {
	final   *heard // nil: none came
	broken  bool   // the way there failed
	refused bool   // the port is closed
	garbage bool   // something unreadable came
	took    time.Duration
	sent    []byte
}

// asking is one request of ours, outside INVITE.
type asking struct {
	req   message.Request // without Via
	to    transport.Flow
	limit time.Duration
	once  bool // do not repeat: loss is what is measured
}

// ask sends a request and waits for its final response.
func (s *station) ask(ctx context.Context, q asking) answered {
	branch := newBranch()
	q.req.Via = s.via(q.to, branch)
	raw := message.AppendRequest(nil, &q.req)
	out := answered{sent: raw}
	ch, ok := s.await(branch)
	if !ok || len(raw) == 0 {
		out.broken = true
		return out
	}
	defer s.forget(branch)
	ctx, cancel := context.WithTimeout(ctx, q.limit)
	defer cancel()
	repeat := time.NewTimer(t1)
	defer repeat.Stop()
	start, wait := time.Now(), t1
	s.send(q.to, raw)
	for {
		select {
		case m := <-ch:
			switch {
			case m.garbage:
				out.garbage = out.garbage || m.flow.Remote == q.to.Remote
			case m.broken && m.flow.Remote == q.to.Remote && m.flow.Network == q.to.Network:
				out.broken, out.refused = true, m.failed == transport.PortUnreachable
				return out
			case m.broken:
			case m.head.Status >= 200:
				out.final, out.took = m, m.at.Sub(start)
				return out
			}
		case <-repeat.C:
			if !q.once && q.to.Network == transport.UDP {
				s.send(q.to, raw)
			}
			wait = min(2*wait, 4*time.Second)
			repeat.Reset(wait)
		case <-ctx.Done():
			return out
		}
	}
}

func (s *station) via(f transport.Flow, branch string) string {
	return "SIP/2.0/" + f.Network.String() + " " + s.sentBy(f.Listener) + ";branch=" + branch + ";rport"
}

// User is a licensed user: what is registered, and answers challenges.
type User struct {
	Role     string // primary or secondary
	AOR      string // sip:5001@10.0.0.1
	Username string
	Password string
}

// login answers challenges for one user; not safe for concurrent use.
type login struct {
	user User

	mu      sync.Mutex // guards session: calls that end share it with the lane
	session digest.Session
}

// credentials makes the header that answers a 401 or 407; false: there is none.
func (l *login) credentials(m *heard, method, uri string, body []byte) ([]byte, bool) {
	if l == nil || l.user.Password == "" {
		return nil, false
	}
	ask, give := "WWW-Authenticate", "Authorization"
	if m.head.Status == 407 {
		ask, give = "Proxy-Authenticate", "Proxy-Authorization"
	}
	c, ok := digest.Choose(challenges(m, ask))
	if !ok {
		return nil, false
	}
	l.mu.Lock()
	count := l.session.Next(c.Nonce)
	l.mu.Unlock()
	v := digest.Authorization(c, digest.Credentials{Username: l.user.Username, Password: l.user.Password},
		method, uri, body, count, strings.ToLower(rand.Text()))
	if v == "" {
		return nil, false
	}
	return line(give, v), true
}

// challenges are those of a response, in its order.
func challenges(m *heard, name string) (all []digest.Challenge) {
	for v := range message.Fields(m.raw, &m.head, name) {
		if cs, err := digest.ParseChallenges(v); err == nil {
			all = append(all, cs...)
		}
	}
	return all
}
