package probe

import (
	"context"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"releve/health"
)

func TestTCPCheckSeesAHost(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := uint16(l.Addr().(*net.TCPAddr).Port)
	check := []Check{{Type: "tcp", Port: port}}
	if p, r := Run(t.Context(), netip.MustParseAddr("127.0.0.1"), check); p != health.Up {
		t.Fatalf("a listening port: %v %+v", p, r)
	}
	_ = l.Close()
	if p, r := Run(t.Context(), netip.MustParseAddr("127.0.0.1"), check); p != health.Up {
		t.Fatalf("a refusal shows that the host is there: %v %+v", p, r)
	}
	// A full backlog that nobody accepts from is not to be had portably; a
	// context that has ended is a host that never answered.
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if p, r := Run(ctx, netip.MustParseAddr("127.0.0.1"), check); p != health.Down {
		t.Fatalf("no answer in time: %v %+v", p, r)
	}
}

func script(t *testing.T, body string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "plugin")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+body), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestPluginExitCodes(t *testing.T) {
	for code, want := range map[string]health.Presence{
		"0": health.Up, "1": health.Up, "2": health.Down, "3": health.Unknown, "77": health.Unknown,
	} {
		path := script(t, "echo 'PING says "+code+"'\necho more\nexit "+code+"\n")
		p, r := Run(t.Context(), netip.MustParseAddr("127.0.0.1"), []Check{{Type: "exec", Command: []string{path}}})
		if p != want || r[0].Note != "PING says "+code {
			t.Errorf("exit %s: %v %q, want %v", code, p, r[0].Note, want)
		}
	}
}

func TestPluginThatNeverEndsIsKilledWithItsChildren(t *testing.T) {
	path := script(t, "sleep 600 &\nsleep 600\n")
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	p, r := Run(ctx, netip.MustParseAddr("127.0.0.1"), []Check{{Type: "exec", Command: []string{path}}})
	if p != health.Unknown || !strings.Contains(r[0].Note, "did not end in time") {
		t.Fatalf("%v %+v", p, r)
	}
}

func TestPluginThatFloodsIsBounded(t *testing.T) {
	path := script(t, "yes x | head -c 200000\nexit 2\n")
	p, r := Run(t.Context(), netip.MustParseAddr("127.0.0.1"), []Check{{Type: "exec", Command: []string{path}}})
	if p != health.Down || len(r[0].Note) > maxOutput {
		t.Fatalf("%v, %d bytes kept", p, len(r[0].Note))
	}
}

func TestOneCheckUpIsAHostUp(t *testing.T) {
	down, up := script(t, "exit 2\n"), script(t, "exit 0\n")
	p, _ := Run(t.Context(), netip.MustParseAddr("127.0.0.1"),
		[]Check{{Type: "exec", Command: []string{down}}, {Type: "exec", Command: []string{up}}})
	if p != health.Up {
		t.Fatal(p)
	}
	if p, _ := Run(t.Context(), netip.MustParseAddr("127.0.0.1"), nil); p != health.Unknown {
		t.Fatal("no check says nothing")
	}
}
