package app

import (
	"context"
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"releve/testbed/ipbx"
	"releve/testbed/server"
)

// tuneFile writes one second of a tone as a WAV file.
func tuneFile(t *testing.T, file string) {
	t.Helper()
	le := binary.LittleEndian
	raw := append([]byte("RIFF\x00\x00\x00\x00WAVEfmt "), 16, 0, 0, 0, 1, 0, 1, 0)
	raw = le.AppendUint32(le.AppendUint32(raw, 8000), 16000)
	raw = le.AppendUint32(append(raw, 2, 0, 16, 0, 'd', 'a', 't', 'a'), 16000)
	for i := range 8000 {
		raw = le.AppendUint16(raw, uint16(int16(8000*math.Sin(2*math.Pi*440*float64(i)/8000))))
	}
	if err := os.WriteFile(file, raw, 0o600); err != nil {
		t.Fatal(err)
	}
}

// A held caller hears the prompt, on his own socket; it ends when the secondary is
// given his call, and he is served.
func TestHeldCallerHearsThePrompt(t *testing.T) {
	t.Parallel() // it waits
	pattern := strings.Replace(sitePattern, "hold_budget: 15s}", "hold_budget: 15s, hold_prompt: %[2]s/wait.wav}", 1)
	s := preparedWith(t, pattern, nil)
	tuneFile(t, filepath.Join(s.dir, "wait.wav"))
	s.start()
	s.ready()
	s.must(s.primary.SetMode(server.Mode{Kind: server.ServerError, Status: 500}))
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	c, err := s.ipbx.Call(ctx, ipbx.CallSpec{From: "100", To: "5000", RTP: true})
	s.must(err)
	s.until("half a second of the prompt is heard", func() bool { return c.Result().Audible >= 25 })
	r, early := c.Result(), false
	for _, step := range c.History() {
		early = early || strings.Contains(step.What, "183")
	}
	if !early || r.Status != 0 {
		t.Errorf("heard %d packets, final %d, history %+v", r.Audible, r.Status, c.History())
	}
	if s.node.player.Playing() != 1 || s.node.player.Packets() < 24 {
		t.Errorf("%d listen, %d packets", s.node.player.Playing(), s.node.player.Packets())
	}
	s.must(s.primary.SetMode(server.Mode{Kind: server.Killed}))
	r, err = c.Answered(ctx)
	if err != nil || r.AnsweredBy != "secours" {
		t.Fatalf("%v %+v %+v", err, r, c.History())
	}
	s.until("nobody hears it any more", func() bool { return s.node.player.Playing() == 0 })
	c.Hangup()
	_, err = c.Wait(ctx)
	s.must(err)

	// A caller whose own address no prompt goes to.
	if answer, _ := s.node.prompt([]byte("v=0\r\nc=IN IP4 224.0.0.1\r\nm=audio 4000 RTP/AVP 8\r\n")); answer != nil {
		t.Error("played to a multicast address")
	}
}
