package levels

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/quotedprintable"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"releve/testbed/postfix"
	"releve/testbed/tlstest"
)

// office is the mail server of all sites: a real postfix, a mailbox for each site.
type office struct {
	dir  string
	post *postfix.Server
}

func openOffice(ctx context.Context, sites int) (*office, error) {
	dir, err := os.MkdirTemp("", "releve-levels-mail-")
	if err != nil {
		return nil, err
	}
	o := &office{dir: dir}
	address := fmt.Sprintf("127.100.%d.25", os.Getpid()%250+1)
	authority, err := tlstest.NewAuthority(dir, "levels")
	if err == nil {
		var pair tlstest.Pair
		pair, err = authority.Issue(tlstest.Leaf{Name: "smtp", SANs: []string{address}})
		if err == nil {
			var boxes []string
			for i := range sites {
				boxes = append(boxes, mailbox(i), "urgent."+mailbox(i))
			}
			o.post, err = postfix.Start(ctx, postfix.Config{
				Address: address, Certificate: pair.Certificate, Key: pair.Key, Domain: "ch-exemple.fr", Mailboxes: boxes,
			})
		}
	}
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return o, nil
}

func mailbox(site int) string { return fmt.Sprintf("site%d", site) }

func (o *office) close() error {
	o.post.Stop()
	return os.RemoveAll(o.dir)
}

// texts are the mails that a site has got, as a person reads them.
func (o *office) texts(box string) ([]string, error) {
	mails, err := o.post.Mails(box)
	var out []string
	for _, m := range mails {
		var r io.Reader = strings.NewReader(m.Body)
		switch strings.ToLower(m.Header.Get("Content-Transfer-Encoding")) {
		case "quoted-printable":
			r = quotedprintable.NewReader(r)
		case "base64":
			r = base64.NewDecoder(base64.StdEncoding, r)
		}
		body, readErr := io.ReadAll(r)
		if err = errors.Join(err, readErr); readErr == nil {
			out = append(out, string(body))
		}
	}
	return out, err
}

// post is the way of one site to the mail server, which can be cut: nobody
// listens then, and what was open is gone.
type post struct {
	at, to string

	mu    sync.Mutex // guards what follows
	open  net.Listener
	conns map[net.Conn]bool // nil: cut
	alive sync.WaitGroup
}

func (p *post) mend() error {
	l, err := net.Listen("tcp", p.at)
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.open, p.conns = l, map[net.Conn]bool{}
	p.alive.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return // cut
			}
			p.alive.Go(func() { p.carry(c) })
		}
	})
	return nil
}

func (p *post) carry(c net.Conn) {
	defer c.Close()
	far, err := net.DialTimeout("tcp", p.to, 5*time.Second)
	if err != nil {
		return
	}
	defer far.Close()
	p.mu.Lock()
	shut := p.conns == nil
	if !shut {
		p.conns[c], p.conns[far] = true, true
	}
	p.mu.Unlock()
	if shut {
		return
	}
	var both sync.WaitGroup
	both.Go(func() { _, _ = io.Copy(far, c); _ = far.Close() }) // an end of either ends both
	both.Go(func() { _, _ = io.Copy(c, far); _ = c.Close() })
	both.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.conns, c)
	delete(p.conns, far)
}

func (p *post) cut() {
	p.mu.Lock()
	_ = p.open.Close() // it is open
	for c := range p.conns {
		_ = c.Close()
	}
	p.conns = nil
	p.mu.Unlock()
	p.alive.Wait()
}

// hook is a supervision that takes webhooks.
type hook struct {
	at string

	mu      sync.Mutex // guards what follows
	server  *http.Server
	notices []notice
	ids     map[string]bool
}

// notice is what a site's webhook is told.
type notice struct {
	ID       string `json:"id"`
	Incident string `json:"incident"`
	Kind     string `json:"kind"`
	Number   uint16 `json:"number"`
	Object   string `json:"object"`
}

// maxNotice bounds one of them, in bytes.
const maxNotice = 64 << 10

func (h *hook) mend() error {
	l, err := net.Listen("tcp", h.at)
	if err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.server = &http.Server{Handler: h, ReadTimeout: 10 * time.Second}
	go func(s *http.Server) { _ = s.Serve(l) }(h.server) // it ends when it is cut
	return nil
}

func (h *hook) cut() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.server.Close()
}

// ServeHTTP takes a notice once, however often it comes.
func (h *hook) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var n notice
	if err := json.NewDecoder(io.LimitReader(r.Body, maxNotice)).Decode(&n); err != nil || n.ID == "" {
		http.Error(w, "no notice", http.StatusBadRequest)
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ids == nil {
		h.ids = map[string]bool{}
	}
	if !h.ids[n.ID] {
		h.ids[n.ID] = true
		h.notices = append(h.notices, n)
	}
}

func (h *hook) all() []notice {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.notices)
}

// receivers of one site.
type receivers struct {
	office *office
	box    string
	post   post
	hook   hook
}

func (s *site) receive(o *office) error {
	s.told = &receivers{office: o, box: mailbox(s.number)}
	s.told.post.at, s.told.post.to = s.host(41)+":2525", o.post.SMTP
	s.told.hook.at = s.host(42) + ":8088"
	return s.told.mend()
}

func (r *receivers) mend() error { return errors.Join(r.post.mend(), r.hook.mend()) }

func (r *receivers) cut() error {
	r.post.cut()
	return r.hook.cut()
}

// exampleReceivers takes the place of those that the examples name.
func (s *site) exampleReceivers() []string {
	return []string{
		"smtp.ch-exemple.fr:25", s.told.post.at, "telephonie@", s.told.box + "@", "astreinte@", "urgent." + s.told.box + "@",
		"https://supervision.ch-exemple.fr/releve", "http://" + s.told.hook.at + "/releve",
	}
}

// mailed polls the site's mailbox until a mail says text.
func (s *site) mailed(ctx context.Context, box, text string) bool {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		mails, err := s.told.office.texts(box)
		if err == nil && slices.ContainsFunc(mails, func(m string) bool { return strings.Contains(m, text) }) {
			return true
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return false
		}
	}
}

// tellings are the alarms of a site that people must hear of.
type tellings struct{ raised, delivered int }

// grave are the numbers that are told at once and never passed over (X.733
// critical and major) among those that the stories raise. What is minor is not
// told when it is over within alarms.delay.
var grave = []uint16{1001, 1002, 1003, 1005, 1008, 1010, 1019, 1020, 1022, 1028, 1029}

// account compares the node's own journal with what its receivers got: each grave
// alarm that was raised stands in the webhook's list and in a mail. It waits for
// those on their way.
func (s *site) account(ctx context.Context) (sum tellings, missing []string) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		sum, missing = s.compare(ctx)
		if sum.raised > 0 && sum.delivered == sum.raised {
			return sum, nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return sum, missing
		}
	}
}

func (s *site) compare(ctx context.Context) (sum tellings, missing []string) {
	var journal []struct {
		Code   string            `json:"code"`
		Params map[string]string `json:"params"`
	}
	if err := s.node.JSON(ctx, "/api/v1/events?limit=1000", &journal); err != nil {
		return sum, []string{err.Error()}
	}
	mails, err := s.told.office.texts(s.told.box)
	if err != nil {
		return sum, []string{err.Error()}
	}
	raised, heard := map[string]int{}, map[string]int{}
	for _, e := range journal {
		if e.Code == "alarm-raised" {
			raised[e.Params["number"]+" "+e.Params["object"]]++
		}
	}
	for _, n := range s.told.hook.all() {
		if n.Kind == "raised" {
			heard[fmt.Sprintf("%d %s", n.Number, n.Object)]++
		}
	}
	for which, times := range raised {
		number, _, _ := strings.Cut(which, " ")
		if !slices.ContainsFunc(grave, func(g uint16) bool { return fmt.Sprint(g) == number }) {
			continue
		}
		sum.raised += times
		mailed := slices.ContainsFunc(mails, func(m string) bool { return strings.Contains(m, number) })
		switch {
		case !mailed:
			missing = append(missing, "no mail of "+which)
		case heard[which] < times:
			missing = append(missing, fmt.Sprintf("webhook heard %d of %d of %s", heard[which], times, which))
			sum.delivered += heard[which]
		default:
			sum.delivered += times
		}
	}
	return sum, missing
}
