package web_test

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"releve/cmd/internal/admin"
	"releve/cmd/internal/admin/password"
	"releve/cmd/internal/admin/web"
	"releve/cmd/internal/config"
	"releve/cmd/internal/text"
	"releve/db"
)

// site is a node; the wire, TLS and the files are real.
type site struct {
	admin.Node // what the screen does not ask: a nil call fails the test

	mu     sync.Mutex
	status admin.Status
	acks   []admin.Acknowledgement
	hangs  atomic.Bool // its journal
}

func newSite() *site {
	now := time.Now()
	return &site{status: admin.Status{
		Site: "CH <b>Exemple</b>", Headline: text.Answering, Active: "primary", Act: true, Since: now.Add(-time.Hour), Observed: now,
		Servers: []admin.Server{{Name: "principal", Role: "primary", State: "active", Verdict: "healthy", Lines: 30}},
		Alarms:  []db.Alarm{{Number: 1001, Object: "secondary", Severity: "major", Raised: now, Count: 1}},
	}}
}

func (s *site) Status(context.Context) admin.Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := s.status
	out.Now = time.Now()
	if out.Observed.IsZero() {
		out.Observed = out.Now
	}
	return out
}

func (s *site) set(f func(*admin.Status)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f(&s.status)
}

func (s *site) Events(ctx context.Context, _ time.Time, _ int) ([]db.Event, error) {
	if s.hangs.Load() {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return []db.Event{{Time: time.Unix(1_700_000_000, 0), Code: text.EventStarted}}, nil
}

func (s *site) Alarms(ctx context.Context) []db.Alarm { return s.Status(ctx).Alarms }

func (s *site) Acknowledge(_ context.Context, a admin.Acknowledgement) error {
	if a.Number != 1001 {
		return &admin.Fault{Status: http.StatusNotFound, Code: text.FaultNotActive}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.acks = append(s.acks, a)
	s.status.Alarms[0].AckBy, s.status.Alarms[0].AckNote = a.Actor, a.Comment
	return nil
}

// screen is a door with a browser in front of it.
type screen struct {
	*site
	web    *web.Server
	config atomic.Pointer[config.Admin]
	dir    string
	base   string
	told   chan web.Told
}

func open(t *testing.T, secured bool, users ...config.AdminUser) *screen {
	t.Helper()
	s := &screen{site: newSite(), dir: t.TempDir(), told: make(chan web.Told, 100)}
	c := config.Admin{Listen: netip.MustParseAddrPort("127.0.0.1:0"), Users: users, WallToken: filepath.Join(s.dir, "wall")}
	write(t, c.WallToken, strings.Repeat("a1", 16)+"\n")
	for i := range c.Users {
		h, err := password.New("mot de passe de " + c.Users[i].Name)
		if err != nil {
			t.Fatal(err)
		}
		c.Users[i].PasswordFile = filepath.Join(s.dir, c.Users[i].Name)
		write(t, c.Users[i].PasswordFile, h)
	}
	scheme := "http://"
	if secured {
		scheme = "https://"
		c.TLS = config.AdminTLS{Certificate: filepath.Join(s.dir, "cert"), Key: filepath.Join(s.dir, "key")}
		certify(t, c.TLS, 1)
	}
	s.config.Store(&c)
	door, err := admin.Listen(admin.Options{Socket: filepath.Join(s.dir, "sock"), Node: s})
	if err != nil {
		t.Fatal(err)
	}
	door.Start()
	s.web, err = web.Listen(web.Options{
		Node: s, API: door.API(), Config: func() config.Admin { return *s.config.Load() },
		Lang: func() text.Lang { return text.French }, Told: func(x web.Told) { s.told <- x },
	})
	if err != nil {
		t.Fatal(err)
	}
	s.web.Start()
	s.base = scheme + s.web.Addr().String()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := s.web.Close(ctx); err != nil {
			t.Errorf("close: %v", err)
		}
		_ = door.Close(ctx)
	})
	return s
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func certify(t *testing.T, files config.AdminTLS, serial int64) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := x509.Certificate{SerialNumber: big.NewInt(serial), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, &c, &c, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	write(t, files.Certificate, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	write(t, files.Key, string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw})))
}

// browser keeps cookies and does not follow.
func browser(t *testing.T) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	tr := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}} // a certificate of the test's own
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Jar: jar, Transport: tr, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

type answer struct {
	*http.Response
	body string
}

func (s *screen) do(t *testing.T, c *http.Client, method, path string, form url.Values, headers ...string) answer {
	t.Helper()
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	r, err := http.NewRequestWithContext(t.Context(), method, s.base+path, body)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Accept", "text/html")
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
		if headers[i] == "Host" {
			r.Host = headers[i+1]
		}
	}
	a, err := c.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Body.Close()
	raw, err := io.ReadAll(a.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{a, string(raw)}
}

func (s *screen) login(t *testing.T, c *http.Client, name, secret string) answer {
	t.Helper()
	return s.do(t, c, "POST", "/login", url.Values{"name": {name}, "password": {secret}, "next": {"/?mur=1"}})
}

// TestLoopback: who sits at the machine needs no login, acknowledges under a typed
// name, and no page of the web gets in by a name of its own.
func TestLoopback(t *testing.T) {
	t.Parallel()
	s, c := open(t, false), browser(t)
	a := s.do(t, c, "GET", "/", nil)
	if a.StatusCode != 200 || !strings.Contains(a.body, "L&#39;accueil automatique répond") || strings.Contains(a.body, "<b>Exemple") {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
	for name, want := range map[string]string{
		"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cache-Control": "no-store", "Strict-Transport-Security": "",
		"Content-Security-Policy": "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'self'",
	} {
		if got := a.Header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	for _, inline := range []string{"<style", " style=", "onclick", "javascript:", "<script>"} {
		if strings.Contains(a.body, inline) {
			t.Errorf("the page has %q, which its policy forbids", inline)
		}
	}
	if a := s.do(t, c, "GET", "/", nil, "Host", "evil.example"); a.StatusCode != http.StatusMisdirectedRequest {
		t.Errorf("a page whose name was bent to this address: %d", a.StatusCode)
	}
	form := url.Values{"number": {"1001"}, "object": {"secondary"}, "comment": {"j'y vais"}}
	if a := s.do(t, c, "POST", "/acknowledge", form); a.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(a.body, "Donnez votre nom") {
		t.Errorf("without a name: %d", a.StatusCode)
	}
	form.Set("name", "Marie")
	if a := s.do(t, c, "POST", "/acknowledge", form, "Sec-Fetch-Site", "cross-site"); a.StatusCode != http.StatusForbidden || len(s.acks) > 0 {
		t.Errorf("posted by another site: %d", a.StatusCode)
	}
	if a := s.do(t, c, "POST", "/acknowledge", form); a.StatusCode != http.StatusSeeOther {
		t.Errorf("acknowledged: %d %s", a.StatusCode, a.body)
	}
	if len(s.acks) != 1 || s.acks[0].Actor != "Marie (écran)" || s.acks[0].Comment != "j'y vais" {
		t.Errorf("%+v", s.acks)
	}
	form.Set("number", "1002")
	if a := s.do(t, c, "POST", "/acknowledge", form, "Accept", "text/plain"); a.StatusCode != http.StatusNotFound || !strings.Contains(a.body, "n'est plus active") {
		t.Errorf("an alarm that is over: %d %s", a.StatusCode, a.body)
	}
}

// TestLogin: nothing is seen without one; a reader looks and does not post.
func TestLogin(t *testing.T) {
	t.Parallel()
	s, c := open(t, true, config.AdminUser{Name: "marie", Role: config.RoleOperator}, config.AdminUser{Name: "luc", Role: config.RoleReader}), browser(t)
	if a := s.do(t, c, "GET", "/?mur=1", nil); a.StatusCode != http.StatusSeeOther || a.Header.Get("Location") != "/login?lang=fr&next=%2F%3Fmur%3D1" {
		t.Errorf("%d %s", a.StatusCode, a.Header.Get("Location"))
	}
	for _, path := range []string{"/api/v1/status", "/api/v1/stream", "/api/v1/alarms", "/api/v1/events", "/metrics"} {
		if a := s.do(t, c, "GET", path, nil); a.StatusCode != http.StatusUnauthorized || strings.Contains(a.body, "principal") ||
			strings.HasPrefix(path, "/api/") && !strings.Contains(a.body, `"code":"API-060"`) {
			t.Errorf("%s: %d %s", path, a.StatusCode, a.body)
		}
	}
	for _, path := range []string{"/api/v1/commands", "/api/v1/config/running", "/api/v1/calls", "/api/v1/licence"} {
		if a := s.do(t, c, "GET", path, nil); a.StatusCode != http.StatusNotFound {
			t.Errorf("%s is there: %d", path, a.StatusCode)
		}
	}
	if a := s.login(t, c, "marie", "mot de passe de luc"); a.StatusCode != http.StatusUnauthorized || !strings.Contains(a.body, "refusé") || a.Header.Get("Set-Cookie") != "" {
		t.Errorf("a wrong password: %d", a.StatusCode)
	}
	a := s.login(t, c, "marie", "mot de passe de marie")
	if a.StatusCode != http.StatusSeeOther || a.Header.Get("Location") != "/?mur=1" || a.Header.Get("Strict-Transport-Security") == "" {
		t.Fatalf("%d %s", a.StatusCode, a.body)
	}
	k := a.Header.Get("Set-Cookie")
	for _, want := range []string{"__Host-releve-session=", "HttpOnly", "Secure", "SameSite=Strict", "Path=/"} {
		if !strings.Contains(k, want) {
			t.Errorf("the cookie lacks %s: %s", want, k)
		}
	}
	if a := s.do(t, c, "POST", "/api/v1/alarms/1001/ack", nil, "Content-Type", "application/json"); a.StatusCode != http.StatusBadRequest {
		t.Errorf("no body: %d %s", a.StatusCode, a.body)
	}
	if a := s.do(t, c, "POST", "/acknowledge", url.Values{"number": {"1001"}, "object": {"secondary"}, "name": {"quelqu'un d'autre"}}); a.StatusCode != http.StatusSeeOther || s.acks[0].Actor != "marie" {
		t.Errorf("%d %+v", a.StatusCode, s.acks)
	}
	reader := browser(t)
	s.login(t, reader, "luc", "mot de passe de luc")
	if a := s.do(t, reader, "GET", "/", nil); a.StatusCode != 200 || strings.Contains(a.body, "/acknowledge?") {
		t.Errorf("a reader: %d, or may acknowledge", a.StatusCode)
	}
	if a := s.do(t, reader, "POST", "/acknowledge", url.Values{"number": {"1001"}, "object": {"secondary"}}); a.StatusCode != http.StatusForbidden {
		t.Errorf("a reader posts: %d", a.StatusCode)
	}
	if a := s.do(t, reader, "POST", "/logout", url.Values{}); a.StatusCode != http.StatusSeeOther {
		t.Errorf("%d", a.StatusCode)
	}
	if a := s.do(t, reader, "GET", "/api/v1/status", nil); a.StatusCode != http.StatusUnauthorized {
		t.Errorf("after the logout: %d", a.StatusCode)
	}
	s.withdrawn(t, c)
}

// withdrawn: a user that a reload removes is out at once.
func (s *screen) withdrawn(t *testing.T, c *http.Client) {
	t.Helper()
	if a := s.do(t, c, "GET", "/api/v1/status", nil); a.StatusCode != 200 || !json.Valid([]byte(a.body)) {
		t.Errorf("the API of who logged in: %d", a.StatusCode)
	}
	left := *s.config.Load()
	left.Users = left.Users[1:]
	s.config.Store(&left)
	if a := s.do(t, c, "GET", "/api/v1/status", nil); a.StatusCode != http.StatusUnauthorized {
		t.Errorf("a user that is gone still looks: %d", a.StatusCode)
	}
}

// TestGuessing: the sixth attempt of a minute is not even looked at, right or wrong.
func TestGuessing(t *testing.T) {
	t.Parallel()
	s, c := open(t, true, config.AdminUser{Name: "marie", Role: config.RoleOperator}), browser(t)
	for i := range 5 {
		name := []string{"marie", "inconnue"}[i%2]
		if a := s.login(t, c, name, "devinette"); a.StatusCode != http.StatusUnauthorized {
			t.Errorf("attempt %d: %d", i, a.StatusCode)
		}
	}
	if a := s.login(t, c, "marie", "mot de passe de marie"); a.StatusCode != http.StatusTooManyRequests {
		t.Errorf("the sixth: %d", a.StatusCode)
	}
	if n := s.web.Stats().LoginsRefused; n != 6 {
		t.Errorf("%d refusals counted", n)
	}
	if told := <-s.told; told.Name != "marie" || told.From != "127.0.0.1" || !told.Refused {
		t.Errorf("%+v", told)
	}
}

// TestNextStaysHere: a login leads to no other site.
func TestNextStaysHere(t *testing.T) {
	t.Parallel()
	s := open(t, true, config.AdminUser{Name: "marie"})
	for _, next := range []string{"//evil.example/", "https://evil.example/", "/\\evil.example", "javascript:alert(1)", "/login", "%zz", ""} {
		a := s.do(t, browser(t), "POST", "/login", url.Values{"name": {"marie"}, "password": {"mot de passe de marie"}, "next": {next}})
		if got := a.Header.Get("Location"); got != "/" {
			t.Errorf("%q leads to %q", next, got)
		}
	}
}

// TestWallboard: its token opens the screen to be looked at, by cookie or as a
// machine's, and nothing else.
func TestWallboard(t *testing.T) {
	t.Parallel()
	s, c := open(t, true, config.AdminUser{Name: "marie"}), browser(t)
	token := strings.Repeat("a1", 16)
	if a := s.do(t, c, "GET", "/mur?jeton=wrong", nil); a.StatusCode != http.StatusForbidden {
		t.Errorf("a wrong token: %d", a.StatusCode)
	}
	if a := s.do(t, c, "GET", "/mur?jeton="+token, nil); a.StatusCode != http.StatusSeeOther || strings.Contains(a.Header.Get("Location"), token) {
		t.Errorf("%d %s", a.StatusCode, a.Header.Get("Location"))
	}
	if a := s.do(t, c, "GET", "/?mur=1", nil); a.StatusCode != 200 || strings.Contains(a.body, "<button") || strings.Contains(a.body, "<form") {
		t.Errorf("%d, or there are buttons", a.StatusCode)
	}
	if a := s.do(t, c, "POST", "/acknowledge", url.Values{"number": {"1001"}, "object": {"secondary"}}); a.StatusCode != http.StatusForbidden {
		t.Errorf("a wallboard acknowledges: %d", a.StatusCode)
	}
	machine := browser(t)
	if a := s.do(t, machine, "GET", "/api/v1/alarms", nil, "Authorization", "Bearer "+token); a.StatusCode != 200 {
		t.Errorf("%d", a.StatusCode)
	}
	write(t, s.config.Load().WallToken, strings.Repeat("b2", 16))
	until(t, "the former token is refused", func() bool {
		return s.do(t, c, "GET", "/?mur=1", nil).StatusCode == http.StatusSeeOther
	})
}

func until(t *testing.T, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !done(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s: not within 20 s", what)
		}
	}
}

// events reads a stream.
func (s *screen) events(t *testing.T, last string) (next func() (event, id string, data map[string]any)) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	r, err := http.NewRequestWithContext(ctx, "GET", s.base+"/api/v1/stream?lang=en", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Last-Event-ID", last)
	a, err := browser(t).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.Body.Close() })
	if kind := a.Header.Get("Content-Type"); kind != "text/event-stream" {
		t.Fatalf("%d %s", a.StatusCode, kind)
	}
	lines := bufio.NewScanner(a.Body)
	lines.Buffer(nil, 1<<20)
	return func() (event, id string, data map[string]any) {
		t.Helper()
		for lines.Scan() {
			name, value, _ := strings.Cut(lines.Text(), ": ")
			switch name {
			case "event":
				event = value
			case "id":
				id = value
			case "data":
				if err := json.Unmarshal([]byte(value), &data); err != nil {
					t.Fatal(err)
				}
			case "":
				return event, id, data
			}
		}
		t.Fatalf("the stream ended: %v", lines.Err())
		return
	}
}

// TestStream: the whole state first, then what changes; ages alone are no change,
// and who comes back with the id of what it shows gets no more than a beat.
func TestStream(t *testing.T) {
	t.Parallel()
	s := open(t, false)
	s.set(func(st *admin.Status) { st.Observed = time.Time{} })
	next := s.events(t, "")
	event, id, data := next()
	if event != "state" || id == "" || data["title"] != "The automated attendant answers — CH <b>Exemple</b>" || data["fresh"] != true {
		t.Fatalf("%s %s %v", event, id, data["title"])
	}
	event, _, _ = next() // nothing changed but the ages
	if event != "beat" {
		t.Errorf("%s without a change", event)
	}
	again := s.events(t, id)
	if event, _, _ := again(); event != "beat" {
		t.Errorf("%s to who has that state", event)
	}
	s.set(func(st *admin.Status) { st.Headline = text.Nobody })
	for event = ""; event != "state"; event, _, data = next() {
	}
	if data["tone"] != "bad" || !strings.Contains(data["sections"].(map[string]any)["verdict"].(string), "No server answers") {
		t.Errorf("%v", data)
	}
	s.set(func(st *admin.Status) { st.Observed = time.Now().Add(-time.Minute) })
	for event, data = "", nil; event != "state" || data["fresh"] == true; event, _, data = next() {
	}
}

// TestHangingJournal: a store that does not answer takes the timeline and nothing
// else.
func TestHangingJournal(t *testing.T) {
	t.Parallel()
	s := open(t, false)
	s.hangs.Store(true)
	if a := s.do(t, browser(t), "GET", "/", nil); a.StatusCode != 200 || !strings.Contains(a.body, "répond") {
		t.Errorf("%d", a.StatusCode)
	}
	if event, _, _ := s.events(t, "")(); event != "state" {
		t.Errorf("%s", event)
	}
}

// TestStuckBrowsers: as many streams as there may be, of browsers that read nothing,
// keep nobody else from the page.
func TestStuckBrowsers(t *testing.T) {
	t.Parallel()
	s := open(t, false)
	var stuck []net.Conn
	for range web.MaxPerSource - 4 {
		c, err := net.Dial("tcp", s.web.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		stuck = append(stuck, c)
		_ = c.(*net.TCPConn).SetReadBuffer(1)
		if _, err := io.WriteString(c, "GET /api/v1/stream HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
	}
	until(t, "the streams are open", func() bool { return s.web.Stats().Streams == web.MaxPerSource-4 })
	c := browser(t)
	for i := range 5 {
		s.set(func(st *admin.Status) { st.Site = strings.Repeat("x", i+1) })
		if a := s.do(t, c, "GET", "/", nil); a.StatusCode != 200 {
			t.Errorf("%d", a.StatusCode)
		}
	}
	for range 8 { // more than one address may have
		c, err := net.Dial("tcp", s.web.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		stuck = append(stuck, c)
	}
	until(t, "those over the bound are closed and counted", func() bool { return s.web.Stats().TurnedAway > 0 })
	for _, c := range stuck {
		_ = c.Close()
	}
	until(t, "the places are free again", func() bool { return s.web.Stats().Connections < 4 && s.web.Stats().Streams == 0 })
}

// TestNewCertificate: new files are shown without a restart; broken ones leave the
// former in force.
func TestNewCertificate(t *testing.T) {
	t.Parallel()
	s := open(t, true, config.AdminUser{Name: "marie"})
	serial := func() int64 {
		c, err := tls.Dial("tcp", s.web.Addr().String(), &tls.Config{InsecureSkipVerify: true})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		return c.ConnectionState().PeerCertificates[0].SerialNumber.Int64()
	}
	files := s.config.Load().TLS
	if n := serial(); n != 1 {
		t.Fatalf("serial %d", n)
	}
	certify(t, files, 2)
	until(t, "the new certificate is shown", func() bool { return serial() == 2 })
	write(t, files.Certificate, "nothing")
	until(t, "the broken one is told", func() bool { _, err := s.web.Certificate(time.Now()); return err != nil })
	if n := serial(); n != 2 {
		t.Errorf("serial %d after a broken file", n)
	}
}
