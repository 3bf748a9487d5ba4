package snmp

import (
	"bytes"
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"releve/health/notify"
	"releve/testbed/snmptrapd"
)

var notice = notify.Notice{
	ID: "n-1", Incident: "i-1", Kind: notify.Raised, Number: 1002, Object: "primary", Severity: "critical", Urgent: true,
	Time: time.Date(2026, 11, 24, 1, 2, 3, 0, time.UTC), Site: "CH de Sœurs", Node: "relève1", Language: "fr",
	Title: "Aucun serveur ne répond", Word: "critique", Headline: "Personne ne décroche",
	Todo: "Appelez l’intégrateur…\nPuis « TLM Com ».",
}

// engine is a fresh one that lives as long as the test.
func engine(t *testing.T) *Engine {
	t.Helper()
	e, err := OpenEngine(t.TempDir(), nil, t.Name(), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func receiver(t *testing.T, o snmptrapd.Options) *snmptrapd.Receiver {
	t.Helper()
	r, err := snmptrapd.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Stop)
	return r
}

func sink(t *testing.T, o Options) *Sink {
	t.Helper()
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// mibs is a folder of RELEVE-MIB under root.
func mibs(t *testing.T, root string) []string {
	t.Helper()
	text, err := MIB(root)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "RELEVE-MIB.txt"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	base, err := filepath.Abs("testdata/mibs")
	if err != nil {
		t.Fatal(err)
	}
	return []string{base, dir}
}

// Every object that is sent is in the MIB, under the number that is sent.
func TestTrapIsReadWithTheMIB(t *testing.T) {
	t.Parallel()
	for _, root := range []string{"", "1.3.6.1.4.1.99999.7"} {
		r := receiver(t, snmptrapd.Options{
			Config: "authCommunity log public", MIBs: mibs(t, root), Modules: "SNMPv2-MIB:RELEVE-MIB",
		})
		e := engine(t)
		e.start = time.Now().Add(-100 * time.Second)
		s := sink(t, Options{Target: r.Target, Version: "2c", Community: "public", Engine: e, Root: root})
		ack, cleared := notice, notice
		ack.Kind, ack.By, ack.Note = notify.Acknowledged, "Zoé", "j'y vais"
		cleared.Kind = notify.Cleared
		if err := s.Send(within(t), []notify.Notice{notice, ack, cleared}); err != nil {
			t.Fatal(err)
		}
		log, err := r.Await(within(t),
			"SNMPv2-MIB::snmpTrapOID.0 = RELEVE-MIB::releveAlarmRaised",
			"RELEVE-MIB::releveAlarmNumber.0 = 1002",
			"RELEVE-MIB::releveAlarmSeverity.0 = critical",
			`RELEVE-MIB::releveAlarmObject.0 = primary`,
			`RELEVE-MIB::releveAlarmTitle.0 = Aucun serveur ne repond`,
			`RELEVE-MIB::releveSite.0 = CH de Soeurs`,
			`RELEVE-MIB::releveNode.0 = releve1`,
			`RELEVE-MIB::releveAlarmTodo.0 = Appelez l'integrateur... Puis "TLM Com".`,
			`RELEVE-MIB::releveAlarmTime.0 = 2026-11-24T01:02:03Z`,
			`RELEVE-MIB::releveAlarmIncident.0 = i-1`,
			`RELEVE-MIB::releveNoticeId.0 = n-1`,
			`RELEVE-MIB::releveHeadline.0 = Personne ne decroche`,
			`RELEVE-MIB::releveAlarmUrgent.0 = true`,
			"RELEVE-MIB::releveAlarmAcknowledged",
			"RELEVE-MIB::releveAckBy.0 = Zoe",
			"RELEVE-MIB::releveAckNote.0 = j'y vais",
			"SNMPv2-MIB::snmpTrapOID.0 = RELEVE-MIB::releveAlarmCleared",
			"RELEVE-MIB::releveAlarmSeverity.0 = cleared",
			"0:0:01:4", // 100 seconds and a little
		)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(log, "RELEVE-MIB::releveMIB") || strings.Contains(log, "RELEVE-MIB::releveObjects.") {
			t.Errorf("an object is not in the MIB:\n%s", log)
		}
		if !strings.Contains(s.Answer(), "nothing confirms a trap") {
			t.Errorf("the answer %q hides that a trap is not confirmed", s.Answer())
		}
	}
}

// Without the MIB accents make a row of hexadecimal digits of a text.
func TestTextIsReadWithoutTheMIB(t *testing.T) {
	t.Parallel()
	r := receiver(t, snmptrapd.Options{Config: "authCommunity log public"})
	o := Options{Target: r.Target, Version: "2c", Community: "public", Engine: engine(t)}
	if err := sink(t, o).Send(within(t), []notify.Notice{notice}); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Await(within(t), DefaultRoot+`.1.4.0 = "Aucun serveur ne repond"`); err != nil {
		t.Fatal(err)
	}
	o.UTF8 = true
	if err := sink(t, o).Send(within(t), []notify.Notice{notice}); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Await(within(t), DefaultRoot+`.1.4.0 = "41 75 63 75 6E 20`); err != nil {
		t.Fatal(err)
	}
}

func TestInformsAreConfirmed(t *testing.T) {
	t.Parallel()
	r := receiver(t, snmptrapd.Options{Config: "authCommunity log public\n" +
		"createUser wel SHA-256 \"the-auth-pass\" AES \"the-priv-pass\"\nauthUser log wel priv"})
	for _, o := range []Options{
		{Version: "2c", Community: "public"},
		{Version: "3", User: "wel", Auth: "SHA256", AuthPassword: "the-auth-pass", Priv: "AES", PrivPassword: "the-priv-pass"},
	} {
		o.Target, o.Inform, o.Engine = r.Target, true, engine(t)
		s := sink(t, o)
		first, second := notice, notice
		first.ID, second.ID = "inform-a-"+o.Version, "inform-b-"+o.Version
		if err := s.Send(within(t), []notify.Notice{first, second}); err != nil {
			t.Fatalf("%s: %v", o.Version, err)
		}
		if _, err := r.Await(within(t), first.ID, second.ID); err != nil {
			t.Errorf("confirmed, and not there: %v", err)
		}
		if !s.Confirmed() || !strings.Contains(s.Answer(), "confirmed") {
			t.Errorf("%s: answer %q", o.Version, s.Answer())
		}
	}
	o := Options{Target: r.Target, Version: "3", User: "stranger", Auth: "SHA256", AuthPassword: "the-auth-pass", Inform: true, Engine: engine(t)}
	if err := sink(t, o).Send(within(t), []notify.Notice{notice}); !errors.Is(err, notify.ErrPermanent) {
		t.Errorf("an unknown user: %v", err)
	}
	o.User, o.AuthPassword = "wel", "another-pass"
	if err := sink(t, o).Send(within(t), []notify.Notice{notice}); !errors.Is(err, notify.ErrPermanent) {
		t.Errorf("a wrong password: %v", err)
	}
}

// Receivers that refuse, hang or answer garbage are bounded and reported.
func TestHostileReceivers(t *testing.T) {
	t.Parallel()
	trap := Options{Version: "2c", Community: "public", Engine: engine(t)}
	inform := trap
	inform.Inform = true
	v3 := Options{Version: "3", User: "wel", Auth: "SHA256", AuthPassword: "the-auth-pass", Inform: true, Engine: trap.Engine}

	closed, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	trap.Target = closed.LocalAddr().String()
	closed.Close()
	if err := sink(t, trap).Send(within(t), []notify.Notice{notice}); err == nil || !strings.Contains(err.Error(), "nobody listens") {
		t.Errorf("a trap to a closed port: %v", err)
	}

	for name, answer := range map[string]func(i int, got []byte) []byte{
		"silent":  func(int, []byte) []byte { return nil },
		"garbage": func(_ int, got []byte) []byte { return []byte(strings.Repeat("\xff\x30\x82", 400)) },
		"echo":    func(_ int, got []byte) []byte { return got },
		"cut":     func(i int, got []byte) []byte { return got[:min(len(got), 3+i)] },
	} {
		for _, o := range []Options{inform, v3} {
			t.Run(name+" "+o.Version, func(t *testing.T) {
				t.Parallel()
				o.Target = answering(t, answer)
				ctx, cancel := context.WithTimeout(t.Context(), 400*time.Millisecond)
				defer cancel()
				err := sink(t, o).Send(ctx, []notify.Notice{notice})
				if err == nil {
					t.Fatal("it was taken for a confirmation")
				}
				if len(err.Error()) > 600 || strings.Contains(err.Error(), "goroutine") {
					t.Errorf("the error is no sentence: %v", err)
				}
			})
		}
	}
}

// A receiver may have an IPv6 address.
func TestTargetsOfEveryKind(t *testing.T) {
	t.Parallel()
	for _, host := range []string{"[::1]", "127.0.0.1"} {
		got := make(chan int, 1)
		_, port, err := net.SplitHostPort(answeringAt(t, host, func(_ int, b []byte) []byte { got <- len(b); return nil }))
		if err != nil {
			t.Fatal(err)
		}
		s := sink(t, Options{Target: host + ":" + port, Version: "2c", Community: "public", Engine: engine(t)})
		if err := s.Send(within(t), []notify.Notice{notice}); err != nil {
			t.Errorf("%s: %v", host, err)
			continue
		}
		<-got
	}
}

// answering is a receiver that answers each datagram.
func answering(t *testing.T, answer func(i int, got []byte) []byte) string {
	t.Helper()
	return answeringAt(t, "127.0.0.1", answer)
}

func answeringAt(t *testing.T, host string, answer func(i int, got []byte) []byte) string {
	t.Helper()
	c, err := net.ListenPacket("udp", host+":0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	go func() {
		buf := make([]byte, 65535)
		for i := 0; ; i++ {
			n, from, err := c.ReadFrom(buf)
			if err != nil {
				return
			}
			if out := answer(i, buf[:n]); out != nil {
				_, _ = c.WriteTo(out, from)
			}
		}
	}()
	return c.LocalAddr().String()
}

// The longest notice is one datagram that no Ethernet cuts.
func TestTheLongestNoticeFitsAFrame(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("é", 3000)
	n := notice
	n.ID, n.Incident, n.Object, n.Title, n.Site, n.Node = long, long, long, long, long, long
	n.Todo, n.Headline, n.By, n.Note, n.Kind = long, long, long, long, notify.Acknowledged
	for _, o := range []Options{
		{Version: "2c", Community: strings.Repeat("c", MaxCommunity), UTF8: true},
		{Version: "3", User: strings.Repeat("u", MaxUser), Auth: "SHA512", AuthPassword: "the-auth-pass", Priv: "AES", PrivPassword: "the-priv-pass"},
	} {
		got := make(chan int, 1)
		o.Target = answering(t, func(_ int, b []byte) []byte { got <- len(b); return nil })
		o.Engine = &Engine{id: []byte(strings.Repeat("e", 32)), boots: maxBoots - 1, start: time.Now()}
		if err := sink(t, o).Send(within(t), []notify.Notice{n}); err != nil {
			t.Fatal(err)
		}
		if size := <-got; size > 1472 {
			t.Errorf("version %s: %d bytes", o.Version, size)
		}
	}
}

// snmptranslate finds every name of the MIB, and nothing to say about it.
func TestTheMIBParses(t *testing.T) {
	t.Parallel()
	root := "1.3.6.1.4.1.4242.1"
	dirs, state := strings.Join(mibs(t, root), ":"), t.TempDir()
	if err := os.Mkdir(filepath.Join(state, "cert_indexes"), 0o755); err != nil { // else it says that it made it
		t.Fatal(err)
	}
	for name, oid := range map[string]string{
		"releveMIB": "", "releveAlarmRaised": ".0.1", "releveTest": ".0.5", "releveAlarmReminder": ".0.6",
		"releveAlarmNumber": ".1.1", "releveAckNote": ".1.14", "releveCompliance": ".2.1.1", "releveNotificationGroup": ".2.2.2",
	} {
		cmd := exec.Command("snmptranslate", "-M", dirs, "-m", "RELEVE-MIB", "-Pe", "-Pw", "-On", "RELEVE-MIB::"+name)
		cmd.Env = []string{"PATH=/usr/bin:/bin", "SNMP_PERSISTENT_DIR=" + state, "HOME=/nonexistent"}
		var out bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &out
		err := cmd.Run()
		if errors.Is(err, exec.ErrNotFound) {
			t.Fatal("no snmptranslate: install snmp (bash testbed/install.sh snmp)")
		}
		said := slices.DeleteFunc(strings.Split(out.String(), "\n"), func(line string) bool {
			return strings.HasSuffix(line, "parsed and ignored).") // the macros of the base modules
		})
		if got := strings.TrimSpace(strings.Join(said, "\n")); err != nil || got != "."+root+oid {
			t.Errorf("%s is %q (%v), sent as .%s%s", name, got, err, root, oid)
		}
	}
}

func TestRootsThatAreRefused(t *testing.T) {
	for _, root := range []string{"1.3.6.1.4.1", "1.3.6.1.4.1.", "1.3.6.1.4.1.x", "1.3.6.1.4.1.01", "1.3.6.1.2.1.1", "1.3.6.1.4.1.4294967296", "1.3.6.1.4.1..1"} {
		if _, err := MIB(root); err == nil {
			t.Errorf("%q passes", root)
		}
	}
}

func TestEngineIDs(t *testing.T) {
	for _, bad := range []string{"", "0x", "80001f88", "0x0000000000", "ffffffffff", "0x" + strings.Repeat("ab", 33), "0x8000zz"} {
		if _, err := ParseEngineID(bad); err == nil {
			t.Errorf("%q passes", bad)
		}
	}
	if id, err := ParseEngineID("0x80001F8805AABB"); err != nil || len(id) != 7 {
		t.Errorf("%x %v", id, err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "snmp-engine.json"), []byte("{broken"), 0o600); err != nil {
		t.Fatal(err)
	}
	e, err := OpenEngine(dir, nil, "seed", time.Now())
	if err == nil || len(e.id) != 17 || e.boots < 3_000_000 {
		t.Errorf("a broken file: %v, %x boots %d", err, e.id, e.boots)
	}
	again, err := OpenEngine(dir, nil, "another", time.Now())
	if err != nil || again.ID() != e.ID() || again.boots <= e.boots {
		t.Errorf("kept badly: %v %s %d", err, again.ID(), again.boots)
	}
	given, err := OpenEngine(dir, []byte("\x80\x00\x1f\x88\x04text"), "another", time.Now().Add(-1000*time.Hour))
	if err != nil || given.ID() != "0x80001f880474657874" || given.boots <= again.boots {
		t.Errorf("given badly: %v %s %d", err, given.ID(), given.boots)
	}
	if _, err := OpenEngine(filepath.Join(dir, "absent"), nil, "seed", time.Now()); err == nil {
		t.Error("a folder that is not there is no error")
	}
}

func TestFold(t *testing.T) {
	for in, want := range map[string]string{
		"L’accueil « répond » à 10 h…":             `L'accueil "repond" a 10 h...`,
		"Œuvre, cœur, naïf, ÇA, 5 € – fin":         "OEuvre, coeur, naif, CA, 5 EUR - fin",
		"ligne 1\r\nligne 2\x00\x1b[31m\xff":       "ligne 1  ligne 2[31m?",
		"日本 ok":                                    "?? ok",
		"«\u00a0a\u00a0» «\u202fb\u202f» c\u00a0:": `"a" "b" c :`,
	} {
		if got := fold(in); got != want {
			t.Errorf("%q → %q, want %q", in, got, want)
		}
	}
}

func TestOptionsThatAreRefused(t *testing.T) {
	good := Options{Target: "10.0.0.1:162", Version: "3", User: "u", Auth: "SHA256", AuthPassword: "12345678", Priv: "AES", PrivPassword: "12345678", Engine: &Engine{id: []byte("12345")}}
	if _, err := New(good); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*Options){
		"no port":           func(o *Options) { o.Target = "10.0.0.1" },
		"port 0":            func(o *Options) { o.Target = "10.0.0.1:0" },
		"no host":           func(o *Options) { o.Target = ":162" },
		"version":           func(o *Options) { o.Version = "1" },
		"no community":      func(o *Options) { o.Version = "2c" },
		"no user":           func(o *Options) { o.User = "" },
		"unknown auth":      func(o *Options) { o.Auth = "SHA3" },
		"unknown priv":      func(o *Options) { o.Priv = "ROT13" },
		"priv without auth": func(o *Options) { o.AuthPassword = "" },
		"short password":    func(o *Options) { o.PrivPassword = "1234567" },
		"no engine":         func(o *Options) { o.Engine = nil },
		"root":              func(o *Options) { o.Root = "1.2" },
	} {
		o := good
		spoil(&o)
		if _, err := New(o); err == nil {
			t.Errorf("%s passes", name)
		}
	}
}
