package proxy

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestCaptures sends the makers' calls of testdata/captures to a server and its
// answer back: but for the Request-URI, our Via, our Record-Route and
// Max-Forwards, every byte is as it came (RFC 3261 §16.6, §16.7(3)).
func TestCaptures(t *testing.T) {
	files, err := filepath.Glob("testdata/captures/*.sip")
	if err != nil || len(files) == 0 {
		t.Fatal("no captures", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".sip"), func(t *testing.T) {
			raw, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			run(t, func(b *bed) {
				up := string(raw)
				b.ibx.send(up)
				b.ibx.take("100")
				down := b.primary.take("INVITE sip:5001@10.0.1.1:5060 SIP/2.0")
				want(b, "what the server gets", asItCame(ownLines.ReplaceAllString(down, "")), asItCame(up))
				resp := answer(longForm.Replace(down), 404, "final")
				b.primary.send(resp)
				b.primary.take("ACK")
				got := b.ibx.take("404")
				want(b, "what the caller gets", got, strings.Replace(resp, "Via: "+header(down, "Via")+"\r\n", "", 1))
				b.ibx.send(ackNon2xx(longForm.Replace(up), got))
			})
		})
	}
}

// ownLines are the Via and the Record-Route that we added.
var ownLines = regexp.MustCompile(`(?m)^(Via: SIP/2\.0/UDP |Record-Route: <sip:)10\.0\.0\.5:5060[^\r]*\r\n`)

var maxForwards = regexp.MustCompile(`(?m)^Max-Forwards: \d+\r\n`)

// longForm is for what this test's parties read, not for what is compared.
var longForm = strings.NewReplacer("\r\nv : ", "\r\nVia: ", "\r\nf: ", "\r\nFrom: ", "\r\nt: ", "\r\nTo: ", "\r\ni: ", "\r\nCall-ID: ")

// asItCame is a request without its first line and Max-Forwards.
func asItCame(raw string) string {
	_, rest, _ := strings.Cut(raw, "\r\n")
	return maxForwards.ReplaceAllString(rest, "")
}
