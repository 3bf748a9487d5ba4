package media

import (
	"math"
	"net"
	"net/netip"
	"slices"
	"testing"
	"time"

	"releve/proxy/media/sound"
)

// tune is a prompt of one second: a tone that is heard.
func tune() *sound.Prompt {
	p := &sound.Prompt{A: make([]byte, Rate), Mu: make([]byte, Rate)}
	for i := range p.A {
		v := int16(8000 * math.Sin(2*math.Pi*400*float64(i)/Rate))
		p.A[i], p.Mu[i] = ALaw.Encode(v), MuLaw.Encode(v)
	}
	return p
}

// hearer is a caller's media socket.
func hearer(t *testing.T) (*net.UDPConn, netip.AddrPort) {
	t.Helper()
	c, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.MustParseAddrPort("127.0.0.1:0")))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c, c.LocalAddr().(*net.UDPAddr).AddrPort()
}

// receive reads n packets.
func receive(t *testing.T, c *net.UDPConn, n int) (out []Packet) {
	t.Helper()
	_ = c.SetReadDeadline(time.Now().Add(20 * time.Second))
	for len(out) < n {
		buf := make([]byte, 2048)
		size, err := c.Read(buf)
		if err != nil {
			t.Fatalf("after %d packets: %v", len(out), err)
		}
		p, ok := Parse(buf[:size])
		if !ok {
			t.Fatalf("no RTP: %x", buf[:size])
		}
		out = append(out, p)
	}
	return out
}

func TestPlayerPlaysToEach(t *testing.T) {
	pl, err := NewPorts(netip.MustParseAddr("127.0.0.1"), 0, 0).Player(tune())
	if err != nil {
		t.Fatal(err)
	}
	defer pl.Close()
	laws := []Law{ALaw, MuLaw}
	var conns []*net.UDPConn
	var stops []func()
	for _, law := range laws {
		c, at := hearer(t)
		stop, ok := pl.Play(Caller{To: at, Law: law})
		if !ok {
			t.Fatal("refused")
		}
		conns, stops = append(conns, c), append(stops, stop)
	}
	var sources []uint32
	for i, c := range conns {
		got := receive(t, c, 55) // beyond the end of the prompt
		var m Meter
		for j, p := range got {
			if p.Type != uint8(laws[i]) || len(p.Payload) != packetSamples || p.SSRC != got[0].SSRC {
				t.Fatalf("packet %d: %+v", j, p)
			}
			if step := p.Timestamp - got[0].Timestamp; p.Sequence != got[0].Sequence+uint16(j) || step < uint32(j*packetSamples) || step%packetSamples != 0 {
				t.Fatalf("packet %d: sequence %d, timestamp %d after %d, %d", j, p.Sequence, p.Timestamp, got[0].Sequence, got[0].Timestamp)
			}
			m.Add(time.Duration(j)*packetTime, p)
		}
		if !slices.Equal(got[0].Payload, tune().Of(laws[i])[:packetSamples]) {
			t.Error("it does not begin at its beginning")
		}
		if r := m.Report(); r.Lost != 0 || Judge(r, time.Second) != Audible {
			t.Errorf("%+v", r)
		}
		sources = append(sources, got[0].SSRC)
	}
	if sources[0] == sources[1] {
		t.Error("two listeners have one SSRC")
	}
	stops[0]()
	stops[0]()
	stops[1]()
	for deadline := time.Now().Add(20 * time.Second); pl.Playing() != 0; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d still listen", pl.Playing())
		}
	}
	sent := pl.Packets()
	if pl.Played() != 2 || sent < 110 {
		t.Errorf("%d played, %d packets", pl.Played(), sent)
	}
	// The pacer that fell asleep wakes for the next one.
	c, at := hearer(t)
	if _, ok := pl.Play(Caller{To: at}); !ok {
		t.Fatal("refused")
	}
	receive(t, c, 3)
}

// A machine that was paused sends no burst: what is owed is left out, and the time of
// the stream goes on.
func TestPlayerLeavesOutWhatIsLate(t *testing.T) {
	c, at := hearer(t)
	conn, _ := hearer(t)
	pl := &Player{prompt: tune(), conn: conn}
	l := &listener{to: at, audio: pl.prompt.A, left: 1000}
	l.header.Version = 2
	for _, steps := range []int{1, 1, 31, 1} {
		if kept := pl.tick([]*listener{l}, steps, time.Now()); len(kept) != 1 {
			t.Fatal("given up")
		}
	}
	got := receive(t, c, 4)
	for i, want := range []uint32{0, 160, 32 * 160, 33 * 160} {
		if got[i].Timestamp != want || got[i].Sequence != uint16(i) {
			t.Errorf("packet %d: timestamp %d, sequence %d", i, got[i].Timestamp, got[i].Sequence)
		}
	}
	l.left = 0
	if kept := pl.tick([]*listener{l}, 1, time.Now()); len(kept) != 0 {
		t.Error("played to beyond its limit")
	}
}

func TestPlayerIsBounded(t *testing.T) {
	pl, err := NewPorts(netip.MustParseAddr("127.0.0.1"), 0, 0).Player(tune())
	if err != nil {
		t.Fatal(err)
	}
	_, at := hearer(t)
	for i := range maxListeners {
		if _, ok := pl.Play(Caller{To: at}); !ok {
			t.Fatalf("listener %d refused", i)
		}
	}
	if _, ok := pl.Play(Caller{To: at}); ok || pl.Refused() != 1 {
		t.Error("one more is played to, or not counted")
	}
	pl.Close()
	pl.Close()
	if _, ok := pl.Play(Caller{To: at}); ok {
		t.Error("played to after its end")
	}
}
