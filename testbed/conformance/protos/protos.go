// Package protos makes malformed INVITEs after the manner of PROTOS c07 (Oulu
// University, 2003): a valid INVITE in which one element at a time carries one
// anomaly. Every element × every anomaly × three ways to place it, more than
// ten thousand messages, always the same for the same seed.
//
// Pure; safe for concurrent use.
package protos

import (
	"fmt"
	"iter"
	"math/rand/v2"
	"strings"
)

// Case is one malformed message. Name: "via host: overflow 2^12, instead".
type Case struct {
	Name string
	Raw  []byte
}

// part is a piece of the valid INVITE; element "": never changed.
type part struct{ element, text string }

// Site is who speaks to whom: host:port of the sender and of Relève.
type Site struct{ From, To string }

// template is the valid INVITE; n makes its branch and Call-ID.
func (s Site) template(n int) []part {
	fromHost, fromPort, _ := strings.Cut(s.From, ":")
	toHost, toPort, _ := strings.Cut(s.To, ":")
	parts := []part{
		{"method", "INVITE"},
		{"", " "},
		{"uri scheme", "sip"},
		{"uri colon", ":"},
		{"uri user", "5000"},
		{"uri at", "@"},
		{"uri host", toHost},
		{"", ":"},
		{"uri port", toPort},
		{"uri params", ";x=y"},
		{"", " "},
		{"version name", "SIP"},
		{"version slash", "/"},
		{"version number", "2.0"},
		{"first line end", "\r\n"},
		{"via name", "Via"},
		{"", ": "},
		{"via protocol", "SIP"},
		{"", "/"},
		{"via version", "2.0"},
		{"", "/"},
		{"via transport", "UDP"},
		{"via space", " "},
		{"via host", fromHost},
		{"", ":"},
		{"via port", fromPort},
		{"via params", ";rport"},
		{"", ";branch="},
		{"via branch", fmt.Sprintf("z9hG4bKprotos%d", n)},
		{"via line end", "\r\n"},
		{"", "From: "},
		{"from name", "\"Jean Dupont\""},
		{"", " "},
		{"from bracket", "<"},
		{"from scheme", "sip"},
		{"from colon", ":"},
		{"from user", "0612345678"},
		{"", "@"},
		{"from host", fromHost},
		{"from bracket end", ">"},
		{"", ";tag="},
		{"from tag", fmt.Sprintf("f%d", n)},
		{"", "\r\n"},
		{"", "To: "},
		{"to name", "Accueil"},
		{"to bracket", " <"},
		{"to uri", "sip:5000@" + s.To},
		{"to bracket end", ">"},
		{"to params", ""},
		{"", "\r\n"},
		{"call-id name", "Call-ID"},
		{"call-id colon", ":"},
		{"call-id", fmt.Sprintf(" protos-%d@%s", n, fromHost)},
		{"", "\r\n"},
		{"", "CSeq: "},
		{"cseq number", "1"},
		{"cseq space", " "},
		{"cseq method", "INVITE"},
		{"", "\r\n"},
		{"", "Max-Forwards: "},
		{"max-forwards", "70"},
		{"", "\r\n"},
		{"", "Contact: "},
		{"contact", "<sip:0612345678@" + s.From + ">"},
		{"", "\r\n"},
		{"", "Expires: "},
		{"expires", "180"},
		{"", "\r\n"},
		{"", "Route: "},
		{"route", "<sip:" + s.To + ";lr>"},
		{"", "\r\n"},
		{"", "Subject: "},
		{"unknown value", "hello"},
		{"", "\r\n"},
		{"", "Content-Type: "},
		{"content-type", "application/sdp"},
		{"", "\r\n"},
		{"", "Content-Length: "},
		{"content-length", fmt.Sprint(len(sdp))},
		{"last line end", "\r\n"},
		{"empty line", "\r\n"},
	}
	for line := range strings.SplitAfterSeq(sdp, "\r\n") {
		if line != "" {
			parts = append(parts, part{"sdp " + line[:1], strings.TrimSuffix(line, "\r\n")}, part{"", "\r\n"})
		}
	}
	return parts
}

const sdp = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 40000 RTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\n"

// anomaly is one unhappy value.
type anomaly struct{ name, text string }

// anomalies are those of PROTOS and what parsers have stumbled over since.
func anomalies(rnd *rand.Rand) []anomaly {
	all := []anomaly{
		{"empty", ""},
		{"overlong slash", "\xc0\xaf"},
		{"overlong NUL", "\xc0\x80"},
		{"overlong of three", "\xe0\x80\xaf"},
		{"overlong of four", "\xf0\x80\x80\xaf"},
		{"no UTF-8", "\xff\xfe"},
		{"surrogate", "\xed\xa0\x80"},
		{"ANSI colour", "\x1b[31m"},
		{"ANSI title", "\x1b]0;x\x07\x1b[2J"},
		{"NUL", "\x00"},
		{"NUL between", "a\x00b"},
		{"CR", "\r"},
		{"LF", "\n"},
		{"CRLF", "\r\n"},
		{"LFCR", "\n\r"},
		{"end of head", "\r\n\r\n"},
		{"fold", "\r\n x"},
		{"header", "x\r\nX-Extra: y"},
		{"quoted NUL", "\"\\\x00\""},
		{"percent", "%"},
		{"half escape", "%4"},
		{"no escape", "%zz"},
		{"escaped NUL", "%00"},
		{"escaped CRLF", "%0d%0aX-Extra:%20y"},
		{"open bracket", "["},
		{"open IPv6", "[::1"},
		{"IPv6", "[2001:db8::1]"},
		{"two colons", "::"},
		{"comment", "(((())))"},
		{"braces", "{}"},
		{"backslash", "\\"},
		{"open quote", "\""},
		{"quoted quote", "\"\\\"\""},
		{"open angle", "<"},
		{"equals", "="},
		{"question", "?"},
		{"name of ours", "z9hG4bK"},
	}
	for k := 4; k <= 17; k++ {
		all = append(all, anomaly{fmt.Sprintf("overflow 2^%d", k), strings.Repeat(string(rune('a'+rnd.IntN(26))), 1<<k)})
	}
	for _, k := range []int{1, 2, 16, 1024} {
		all = append(all, anomaly{fmt.Sprintf("%d spaces", k), strings.Repeat(" ", k)}, anomaly{fmt.Sprintf("%d tabs", k), strings.Repeat("\t", k)})
	}
	for _, f := range []string{"%s%s%s%n", strings.Repeat("%n", 64), "%.5000d", "%x%x%x"} {
		all = append(all, anomaly{"format " + f[:4], f})
	}
	for _, n := range []string{"-1", "-2147483648", "-0", "0", "1", "255", "256", "65535", "65536", "2147483647", "2147483648", "4294967295", "4294967296", "9223372036854775808", "18446744073709551615", "18446744073709551616", "000000000070", "1e9", "0x7f", "+1", "1.5"} {
		all = append(all, anomaly{"number " + n, n})
	}
	for _, s := range []string{";", ":", ",", "<", ">", "@", "\"", "/", "=", "&", "?", "\r\n ", "\r\n", "%0", "..", "*"} {
		for _, k := range []int{2, 64, 1024} {
			all = append(all, anomaly{fmt.Sprintf("%d × %q", k, s), strings.Repeat(s, k)})
		}
	}
	return all
}

// Valid is the INVITE without an anomaly, with the number n in its branch and
// Call-ID.
func (s Site) Valid(n int) []byte { return build(s.template(n), -1, "") }

// All yields every case of a seed, the same in every run.
func (s Site) All(seed uint64) iter.Seq[Case] {
	return func(yield func(Case) bool) {
		list := anomalies(rand.New(rand.NewPCG(seed, 7)))
		n := 0
		for i, p := range s.template(0) {
			if p.element == "" {
				continue
			}
			for _, a := range list {
				for _, way := range []struct{ name, text string }{{"instead", a.text}, {"before", a.text + p.text}, {"behind", p.text + a.text}} {
					if a.text == "" && way.name != "instead" {
						continue // nothing would be changed
					}
					n++
					text := way.text
					if p.element == "via branch" || p.element == "call-id" || p.element == "from tag" {
						text = strings.ReplaceAll(text, p.text, s.template(n)[i].text)
					}
					if !yield(Case{p.element + ": " + a.name + ", " + way.name, build(s.template(n), i, text)}) {
						return
					}
				}
			}
		}
	}
}

// build joins the parts; part i reads text.
func build(parts []part, i int, text string) []byte {
	var b []byte
	for k, p := range parts {
		if k == i {
			b = append(b, text...)
			continue
		}
		b = append(b, p.text...)
	}
	return b
}
