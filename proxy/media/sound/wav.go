package sound

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"
)

// Prompt is what a caller hears, in both laws: whole packets of 20 ms.
type Prompt struct {
	A, Mu []byte
}

// Of is the prompt in a law.
func (p *Prompt) Of(l Law) []byte {
	if l == MuLaw {
		return p.Mu
	}
	return p.A
}

// Length is how long it lasts.
func (p *Prompt) Length() time.Duration {
	return time.Duration(len(p.A)) * time.Second / Rate
}

// MaxFile bounds a file, in bytes: two minutes of the larger format. Our choice:
// nobody is held for longer.
const MaxFile = 2*120*Rate + 4096

// Shortest is the least that a prompt may last; our choice: less is a noise.
const Shortest = 500 * time.Millisecond

// ErrNotWave: the file is no RIFF WAVE file at all.
var ErrNotWave = errors.New("not a WAV file")

// FormatError is a WAV file in a format that is not played.
type FormatError struct {
	Format   uint16 // as in the file: 1 PCM, 6 A-law, 7 µ-law
	Channels uint16
	Rate     uint32
	Bits     uint16
}

func (e *FormatError) Error() string {
	return fmt.Sprintf("format %d, %d channel(s), %d Hz, %d bits: save it as 8000 Hz, mono, 16-bit PCM, A-law or µ-law",
		e.Format, e.Channels, e.Rate, e.Bits)
}

// ErrTooShort: there is less than Shortest in it.
var ErrTooShort = errors.New("less than half a second of sound")

const (
	wavePCM        = 1
	waveALaw       = 6
	waveMuLaw      = 7
	waveExtensible = 0xfffe
)

// ReadWAV reads a prompt: 8000 Hz, mono, 16-bit PCM, A-law or µ-law. What does not
// fill its last packet is filled with silence. Chunks that say nothing of the sound
// are skipped; a last chunk that is cut off, as recorders leave it, is read as far as
// it goes.
func ReadWAV(raw []byte) (*Prompt, error) {
	if len(raw) < 12 || string(raw[:4]) != "RIFF" || string(raw[8:12]) != "WAVE" {
		return nil, ErrNotWave
	}
	var format *FormatError
	for rest := raw[12:]; len(rest) >= 8; {
		size := int64(binary.LittleEndian.Uint32(rest[4:8]))
		name, body := string(rest[:4]), rest[8:]
		whole := size <= int64(len(body))
		if whole {
			body = body[:size]
		}
		switch {
		case name == "fmt ":
			if format = readFormat(body); format == nil {
				return nil, ErrNotWave
			}
		case name == "data" && format == nil:
			return nil, ErrNotWave
		case name == "data":
			return format.prompt(body)
		}
		if !whole {
			break
		}
		rest = rest[8:]
		rest = rest[min(int64(len(rest)), size+size&1):] // chunks are even
	}
	return nil, ErrNotWave
}

// readFormat reads the fmt chunk; nil: it is cut off.
func readFormat(b []byte) *FormatError {
	if len(b) < 16 {
		return nil
	}
	u16 := func(at int) uint16 { return binary.LittleEndian.Uint16(b[at:]) }
	f := &FormatError{Format: u16(0), Channels: u16(2), Rate: binary.LittleEndian.Uint32(b[4:]), Bits: u16(14)}
	if f.Format == waveExtensible && len(b) >= 26 {
		f.Format = u16(24) // the format itself begins the sub-format's name
	}
	return f
}

func (f *FormatError) prompt(data []byte) (*Prompt, error) {
	var decode func(i int) int16
	n := len(data)
	switch {
	case f.Channels != 1 || f.Rate != Rate:
		return nil, f
	case f.Format == wavePCM && f.Bits == 16:
		n /= 2
		decode = func(i int) int16 { return int16(binary.LittleEndian.Uint16(data[2*i:])) }
	case f.Format == waveALaw && f.Bits == 8:
		decode = func(i int) int16 { return decodeALaw(data[i]) }
	case f.Format == waveMuLaw && f.Bits == 8:
		decode = func(i int) int16 { return decodeMuLaw(data[i]) }
	default:
		return nil, f
	}
	if time.Duration(n)*time.Second/Rate < Shortest {
		return nil, ErrTooShort
	}
	const packet = Rate / 50
	whole := (n + packet - 1) / packet * packet
	p := &Prompt{A: make([]byte, whole), Mu: make([]byte, whole)}
	for i := range whole {
		var v int16
		if i < n {
			v = decode(i)
		}
		p.A[i], p.Mu[i] = encodeALaw(v), encodeMuLaw(v)
	}
	switch f.Format { // its own law is not coded twice
	case waveALaw:
		copy(p.A, data[:n])
	case waveMuLaw:
		copy(p.Mu, data[:n])
	}
	return p, nil
}
