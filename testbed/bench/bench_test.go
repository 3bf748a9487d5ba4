package main

import (
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestReadOutcome(t *testing.T) {
	const head = "StartTime;LastResetTime;CurrentTime;SuccessfulCall(C);FailedCall(C);Retransmissions(C);\n"
	at := "2026-11-23\t14:51:56.2\t1795445516.25;x;2026-11-23\t14:51:58.2\t1795445518.75;"
	for _, c := range []struct {
		name, text string
		ok         bool
		want       outcome
	}{
		{"the last line counts", head + at + "10;0;0;\n" + at + "2998;2;7;\n", true, outcome{ok: 2998, retransmissions: 7, elapsed: 2500 * time.Millisecond}},
		{"a column is missing", strings.Replace(head, "Successful", "Other", 1) + at + "10;0;0;\n", false, outcome{}},
		{"no line", head, false, outcome{}},
		{"no number", head + at + "many;0;0;\n", false, outcome{}},
	} {
		file := filepath.Join(t.TempDir(), "uac.csv")
		if err := os.WriteFile(file, []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := readOutcome(file, file+".none")
		if (err == nil) != c.ok || c.ok && got != c.want {
			t.Errorf("%s: %+v, %v", c.name, got, err)
		}
	}
}

func TestComplaints(t *testing.T) {
	const text = "The following events occurred:\n" +
		"2026-11-23\t15:22:12.502651\t1795447332.502651: Discarding message which can't be mapped to a known SIPp call:\nOPTIONS sip:a SIP/2.0\n\n" +
		"2026-11-23\t15:22:13.0\t1795447333.0: Aborting call on unexpected message\nSIP/2.0 500 x\n"
	if got, want := complaints(text), "sipp: Aborting call on unexpected message\nSIP/2.0 500 x\n"; got != want {
		t.Errorf("%q", got)
	}
}

func TestBars(t *testing.T) {
	sound := func() *result {
		r := newResult(options{})
		r.RatioKamailio, r.BytesPerHeld = maxRatioKamailio, maxBytesPerHeldCall
		return r
	}
	for _, c := range []struct {
		name   string
		change func(*result)
		missed int
	}{
		{"at the bars", func(*result) {}, 0},
		{"a failed call", func(r *result) { r.FailedCalls = 1 }, 1},
		{"more than Kamailio", func(r *result) { r.RatioKamailio = 1.001 }, 1},
		{"too much memory", func(r *result) { r.BytesPerHeld++ }, 1},
		{"the short form judges no time", func(r *result) { r.Short, r.RatioKamailio, r.BytesPerHeld = true, 3, 1<<20 }, 0},
		{"the short form judges calls", func(r *result) { r.Short, r.FailedCalls = true, 2 }, 1},
	} {
		r := sound()
		c.change(r)
		if got := r.missed(); len(got) != c.missed {
			t.Errorf("%s: %q", c.name, got)
		}
	}
}

// The relay passes a datagram each way and changes nothing.
func TestRelayForwards(t *testing.T) {
	open := func() *net.UDPConn {
		c, err := listen(netip.MustParseAddrPort("127.80.1.1:0"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		return c
	}
	front, back, caller, server := open(), open(), open(), open()
	addr := func(c *net.UDPConn) netip.AddrPort { return c.LocalAddr().(*net.UDPAddr).AddrPort() }
	go func() { _ = forward(front, back, addr(server)) }()
	go func() { _ = forward(back, front, addr(caller)) }()
	pass := func(from, to *net.UDPConn, entry netip.AddrPort, text string) {
		t.Helper()
		if _, err := from.WriteToUDPAddrPort([]byte(text), entry); err != nil {
			t.Fatal(err)
		}
		room := make([]byte, 100)
		_ = to.SetReadDeadline(time.Now().Add(5 * time.Second))
		if n, _, err := to.ReadFromUDPAddrPort(room); err != nil || string(room[:n]) != text {
			t.Fatalf("%q, %v", room[:n], err)
		}
	}
	pass(caller, server, addr(front), "down")
	pass(server, caller, addr(back), "up")
}

func TestAnswerRepeatsWhatAResponseMust(t *testing.T) {
	const invite = "INVITE sip:1@h SIP/2.0\r\nVia: SIP/2.0/UDP a;branch=z9hG4bK1\r\nVia: SIP/2.0/UDP b;branch=z9hG4bK2\r\n" +
		"Record-Route: <sip:a;lr>\r\nFrom: <sip:f@h>;tag=f\r\nTo: <sip:t@h>\r\nCall-ID: c\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n"
	const want = "SIP/2.0 180 Ringing\r\nVia: SIP/2.0/UDP a;branch=z9hG4bK1\r\nVia: SIP/2.0/UDP b;branch=z9hG4bK2\r\n" +
		"Record-Route: <sip:a;lr>\r\nFrom: <sip:f@h>;tag=f\r\nTo: <sip:t@h>;tag=fast\r\nCall-ID: c\r\nCSeq: 1 INVITE\r\n" +
		"Contact: <sip:127.80.0.23:5060>\r\nContent-Length: 0\r\n\r\n"
	if got := string(appendAnswer(nil, []byte(invite), "180 Ringing")); got != want {
		t.Errorf("%s", got)
	}
}
