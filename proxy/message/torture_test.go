package message

import (
	"strings"
	"testing"

	"releve/testbed/conformance/corpus"
)

// torture is what Scan says of each message of RFC 4475 and 5118. What a proxy
// adds later (420, 483, the 404 of a foreign domain) is not Scan's.
var torture = map[string]struct {
	result Result
	status uint16
}{
	"4475 wsinv":      {OK, 0},
	"4475 intmeth":    {OK, 0},
	"4475 esc01":      {OK, 0},
	"4475 escnull":    {OK, 0},
	"4475 esc02":      {OK, 0},
	"4475 lwsdisp":    {OK, 0},
	"4475 longreq":    {OK, 0},
	"4475 dblreq":     {OK, 0},
	"4475 semiuri":    {OK, 0},
	"4475 transports": {OK, 0},
	"4475 mpart01":    {OK, 0},
	"4475 unreason":   {OK, 0},
	"4475 noreason":   {OK, 0},
	"4475 badinv01":   {Bad, 400},
	"4475 clerr":      {Bad, 400},
	"4475 ncl":        {Bad, 400},
	"4475 scalar02":   {Bad, 400},
	"4475 scalarlg":   {Drop, 400},
	"4475 quotbal":    {Bad, 400},
	"4475 ltgtruri":   {Bad, 400},
	"4475 lwsruri":    {Bad, 400},
	"4475 lwsstart":   {Bad, 400},
	"4475 trws":       {Bad, 400},
	"4475 escruri":    {Bad, 400},
	"4475 baddate":    {OK, 0},
	"4475 regbadct":   {OK, 0}, // a registrar's matter (RFC 3261 §16.3(1))
	"4475 badaspec":   {OK, 0}, // our choice: liberal, the URI of To is not the proxy's
	"4475 baddn":      {Bad, 400},
	"4475 badvers":    {Bad, 505},
	"4475 mismatch01": {Bad, 400},
	"4475 mismatch02": {Bad, 400},
	"4475 bigcode":    {Drop, 400},
	"4475 badbranch":  {OK, 0}, // branch without more than the cookie: RFC 2543 matching
	"4475 insuf":      {Bad, 400},
	"4475 unkscm":     {Bad, 416},
	"4475 novelsc":    {Bad, 416},
	"4475 unksm2":     {OK, 0},
	"4475 bext01":     {OK, 0}, // the proxy answers 420 from ProxyRequire
	"4475 invut":      {OK, 0},
	"4475 regaut01":   {OK, 0},
	"4475 multi01":    {Bad, 400},
	"4475 mcl01":      {Bad, 400},
	"4475 bcast":      {OK, 0}, // no transaction of ours matches it
	"4475 zeromf":     {OK, 0}, // the proxy answers 483
	"4475 cparam01":   {OK, 0},
	"4475 cparam02":   {OK, 0},
	"4475 regescrt":   {OK, 0},
	"4475 sdp01":      {OK, 0},
	"4475 inv2543":    {OK, 0},

	"5118 ipv6-good":                     {OK, 0},
	"5118 ipv6-bad":                      {Bad, 400},
	"5118 port-ambiguous":                {OK, 0},
	"5118 port-unambiguous":              {OK, 0},
	"5118 via-received-param-no-delim":   {OK, 0},
	"5118 via-received-param-with-delim": {OK, 0},
	"5118 ipv6-in-sdp":                   {OK, 0},
	"5118 mult-ip-in-header":             {OK, 0},
	"5118 mult-ip-in-sdp":                {OK, 0},
	"5118 ipv4-mapped-ipv6":              {OK, 0},
	"5118 ipv6-bug-abnf-3-colons":        {Bad, 400}, // RFC 5118 §4.10 leaves the choice
	"5118 ipv6-correct-abnf-2-colons":    {OK, 0},
}

// torturous are the messages of RFC 4475 and 5118 by their ID.
func torturous() map[string][]byte {
	messages := map[string][]byte{}
	for _, m := range corpus.All() {
		messages[m.ID] = m.Raw
	}
	return messages
}

func TestTorture(t *testing.T) {
	files := torturous()
	if len(files) != len(torture) {
		t.Errorf("%d files, %d expectations", len(files), len(torture))
	}
	for name, want := range torture {
		var h Head
		out, r, f := Scan(files[name], &h)
		if r != want.result || f.Status != want.status {
			t.Errorf("%s: %d %+v, want %+v", name, r, f, want)
		}
		if r != Bad {
			continue
		}
		// What is Bad can be answered, and the answer is a message.
		resp := AppendResponse(nil, out, &h, int(f.Status), f.Reason, "relève")
		var rh Head
		if h.Vias == 0 || !strings.HasPrefix(string(resp), "SIP/2.0 ") {
			t.Errorf("%s: no answer: %q", name, resp)
		}
		if name == "4475 multi01" || name == "4475 escruri" {
			if _, r, f := Scan(resp, &rh); r != OK {
				t.Errorf("%s: answer does not scan: %+v\n%s", name, f, resp)
			}
		}
	}
}
