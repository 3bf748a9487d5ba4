package sound

import (
	"encoding/binary"
	"errors"
	"math"
	"testing"
	"time"
)

// Values of the tables of ITU-T G.711, from the reference encoder of G.191, in 16
// bits.
func TestLawGolden(t *testing.T) {
	for _, x := range []struct {
		law    Law
		sample int16
		code   byte
		back   int16
	}{
		{ALaw, 0, 0xd5, 8},
		{ALaw, -1, 0x55, -8},
		{ALaw, 32767, 0xaa, 32256},
		{ALaw, -32768, 0x2a, -32256},
		{ALaw, 1000, 0xfa, 1008},
		{ALaw, -1000, 0x7a, -1008},
		{MuLaw, 0, 0xff, 0},
		{MuLaw, -1, 0x7f, 0},
		{MuLaw, 32767, 0x80, 32124},
		{MuLaw, -32768, 0x00, -32124},
		{MuLaw, 1000, 0xce, 988},
		{MuLaw, -1000, 0x4e, -988},
	} {
		if got := x.law.Encode(x.sample); got != x.code {
			t.Errorf("law %d: %d is 0x%02x, want 0x%02x", x.law, x.sample, got, x.code)
		}
		if got := x.law.Decode(x.code); got != x.back {
			t.Errorf("law %d: 0x%02x is %d, want %d", x.law, x.code, got, x.back)
		}
	}
}

// Every code is its own round trip, and no sample is further from its code than half
// a step (ITU-T G.711: the step is at most 1/16 of the value).
func TestLawRoundTrip(t *testing.T) {
	for _, law := range []Law{ALaw, MuLaw} {
		for b := range 256 {
			v := law.Decode(byte(b))
			if got := law.Encode(v); law.Decode(got) != v {
				t.Errorf("law %d: 0x%02x is %d is 0x%02x", law, b, v, got)
			}
		}
		for v := -32768; v <= 32767; v += 7 {
			back := int(law.Decode(law.Encode(int16(v))))
			if off := math.Abs(float64(back - v)); off > math.Abs(float64(v))/16+24 && math.Abs(float64(v)) < 32124 {
				t.Fatalf("law %d: %d comes back as %d", law, v, back)
			}
		}
	}
}

// wave writes a WAV file, with a chunk that says nothing before the sound.
func wave(format, channels uint16, rate uint32, bits uint16, data []byte) []byte {
	le := binary.LittleEndian
	body := []byte("WAVE")
	body = append(append(body, "LIST"...), 3, 0, 0, 0, 'a', 'b', 'c', 0)
	body = append(append(body, "fmt "...), 16, 0, 0, 0)
	body = le.AppendUint16(le.AppendUint16(body, format), channels)
	body = le.AppendUint32(le.AppendUint32(body, rate), rate*uint32(channels*bits/8))
	body = le.AppendUint16(le.AppendUint16(body, channels*bits/8), bits)
	body = le.AppendUint32(append(body, "data"...), uint32(len(data)))
	body = append(body, data...)
	return append(le.AppendUint32([]byte("RIFF"), uint32(len(body))), body...)
}

func TestReadWAV(t *testing.T) {
	linear := make([]byte, 0, 2*4010)
	for i := range 4010 { // 26 packets, the last one not full
		linear = binary.LittleEndian.AppendUint16(linear, uint16(int16(8000*math.Sin(float64(i)/3))))
	}
	of := func(l Law) []byte {
		out := make([]byte, 4010)
		for i := range out {
			out[i] = l.Encode(int16(binary.LittleEndian.Uint16(linear[2*i:])))
		}
		return out
	}
	for name, raw := range map[string][]byte{
		"PCM": wave(1, 1, 8000, 16, linear), "A-law": wave(6, 1, 8000, 8, of(ALaw)), "µ-law": wave(7, 1, 8000, 8, of(MuLaw)),
		"cut off": wave(1, 1, 8000, 16, append(linear, make([]byte, 4000)...))[:56+len(linear)],
	} {
		p, err := ReadWAV(raw)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if len(p.A) != 26*160 || len(p.Mu) != len(p.A) || p.Length() != 520*time.Millisecond || p.A[4150] != ALaw.Silence() || p.Mu[4150] != MuLaw.Silence() {
			t.Errorf("%s: %d and %d bytes", name, len(p.A), len(p.Mu))
		}
		for i, b := range p.A[:4000] {
			want := ALaw.Encode(int16(binary.LittleEndian.Uint16(linear[2*i:])))
			if d := int(ALaw.Decode(b)) - int(ALaw.Decode(want)); d > 512 || d < -512 {
				t.Fatalf("%s: sample %d is %d", name, i, ALaw.Decode(b))
			}
		}
	}
	var format *FormatError
	for name, raw := range map[string][]byte{
		"stereo": wave(1, 2, 8000, 16, linear), "44100 Hz": wave(1, 1, 44100, 16, linear), "24 bits": wave(1, 1, 8000, 24, linear),
		"MP3": wave(0x55, 1, 8000, 16, linear), "8-bit PCM": wave(1, 1, 8000, 8, linear),
	} {
		if _, err := ReadWAV(raw); !errors.As(err, &format) {
			t.Errorf("%s: %v", name, err)
		}
	}
	good := wave(1, 1, 8000, 16, linear)
	for name, x := range map[string]struct {
		raw  []byte
		want error
	}{
		"empty": {nil, ErrNotWave}, "text": {[]byte("this is no sound at all, but a text file"), ErrNotWave},
		"no sound": {good[:40], ErrNotWave}, "a click": {wave(1, 1, 8000, 16, linear[:1000]), ErrTooShort},
	} {
		if _, err := ReadWAV(x.raw); !errors.Is(err, x.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzReadWAV(f *testing.F) {
	f.Add(wave(1, 1, 8000, 16, make([]byte, 9000)))
	f.Add(wave(6, 1, 8000, 8, make([]byte, 4500)))
	f.Add([]byte("RIFF\xff\xff\xff\xffWAVEfmt \xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		p, err := ReadWAV(raw)
		if (p == nil) == (err == nil) || p != nil && (len(p.A) != len(p.Mu) || len(p.A)%160 != 0 || len(p.A) > len(raw)+160) {
			t.Fatalf("%v %v", p, err)
		}
	})
}
