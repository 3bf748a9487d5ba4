package phone

import (
	"slices"
	"strconv"
	"strings"
)

// The codecs that a Phone can list; it speaks the first two.
const (
	ALaw           = "PCMA"
	MuLaw          = "PCMU"
	G729           = "G729"
	TelephoneEvent = "telephone-event"
)

// codec is one as a session description lists it.
type codec struct {
	name    string
	payload uint8
}

// payloads are the static types (RFC 3551 §6), and the one we give to events.
var payloads = map[string]uint8{ALaw: 8, MuLaw: 0, G729: 18, TelephoneEvent: 101}

// ours are the codecs of our offer.
func (p *Phone) ours() (out []codec) {
	names := p.manners.Codecs
	if len(names) == 0 {
		names = []string{ALaw}
	}
	for _, n := range names {
		out = append(out, codec{n, payloads[n]})
	}
	return out
}

// common are those of the peer that we list too, in its order and with its
// numbers (RFC 3264 §6.1).
func (p *Phone) common(theirs []codec) (out []codec) {
	ours := p.ours()
	for _, t := range theirs {
		if slices.ContainsFunc(ours, func(o codec) bool { return o.name == t.name }) {
			out = append(out, t)
		}
	}
	return out
}

// speaks says that there is audio among the codecs.
func speaks(codecs []codec) bool {
	return slices.ContainsFunc(codecs, func(c codec) bool { return c.name != TelephoneEvent })
}

// known are the codecs of a media line that we have a name for.
func known(listed []string, names map[uint8]string) (out []codec) {
	for _, number := range listed {
		n, err := strconv.ParseUint(number, 10, 7)
		if err != nil {
			continue
		}
		for name, static := range payloads {
			said, mapped := names[uint8(n)]
			if mapped && strings.EqualFold(said, name) || !mapped && static == uint8(n) && name != TelephoneEvent {
				out = append(out, codec{name, uint8(n)})
			}
		}
	}
	return out
}
