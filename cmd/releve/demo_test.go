package main

import (
	"bufio"
	"errors"
	"net"
	"os"
	osexec "os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// asReleve makes the test binary behave as the program: the demo starts itself.
const asReleve = "RELEVE_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asReleve) != "" {
		main()
	}
	os.Exit(m.Run())
}

// TestTheDemoLeavesNothingBehind: neither a process (their addresses are free
// again) nor a file, when it is interrupted.
func TestTheDemoLeavesNothingBehind(t *testing.T) {
	for _, c := range []struct {
		name   string
		signal syscall.Signal
		files  bool // killed itself, it cannot remove its directory
	}{{"interrupted", syscall.SIGINT, false}, {"killed", syscall.SIGKILL, true}} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			demo := osexec.Command(os.Args[0], "demo", "--lang", "en")
			demo.Env = append(os.Environ(), asReleve+"=1", "TMPDIR="+dir)
			out, err := demo.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := demo.Start(); err != nil {
				t.Fatal(err)
			}
			addresses := untilReady(t, out)
			if err := demo.Process.Signal(c.signal); err != nil {
				t.Fatal(err)
			}
			if err := demo.Wait(); err == nil {
				t.Error("a story that was not told to its end succeeded")
			}
			for _, a := range addresses {
				free(t, a)
			}
			if left, err := os.ReadDir(dir); err != nil || (len(left) > 0) != c.files {
				t.Errorf("left: %v %v", left, err)
			}
		})
	}
}

var endpoint = regexp.MustCompile(`127\.83\.\d+\.\d+:\d+`)

// untilReady reads the story until every party serves; their addresses.
func untilReady(t *testing.T, out interface{ Read([]byte) (int, error) }) (addresses []string) {
	t.Helper()
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		addresses = append(addresses, endpoint.FindAllString(lines.Text(), -1)...)
		if strings.Contains(lines.Text(), "✓ ready") {
			break
		}
	}
	if len(addresses) != 5 { // and the alarm screen, by TCP
		t.Fatalf("the parties are at %v: %v", addresses, lines.Err())
	}
	return addresses
}

// free waits until nobody listens at the address any more.
func free(t *testing.T, address string) {
	t.Helper()
	deadline := time.After(5 * time.Second)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		c, err := net.ListenPacket("udp", address)
		if err == nil {
			_ = c.Close()
			var l net.Listener
			if l, err = net.Listen("tcp", address); err == nil {
				_ = l.Close()
				return
			}
		}
		if !errors.Is(err, syscall.EADDRINUSE) {
			t.Fatal(err)
		}
		select {
		case <-deadline:
			t.Fatalf("somebody still listens on %s", address)
		case <-tick.C:
		}
	}
}
