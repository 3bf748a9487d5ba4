package message

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// torture is what Scan says of each message of RFC 4475 and 5118. What a proxy
// adds later (420, 483, the 404 of a foreign domain) is not Scan's.
var torture = map[string]struct {
	result Result
	status uint16
}{
	"rfc4475/wsinv.dat":      {OK, 0},
	"rfc4475/intmeth.dat":    {OK, 0},
	"rfc4475/esc01.dat":      {OK, 0},
	"rfc4475/escnull.dat":    {OK, 0},
	"rfc4475/esc02.dat":      {OK, 0},
	"rfc4475/lwsdisp.dat":    {OK, 0},
	"rfc4475/longreq.dat":    {OK, 0},
	"rfc4475/dblreq.dat":     {OK, 0},
	"rfc4475/semiuri.dat":    {OK, 0},
	"rfc4475/transports.dat": {OK, 0},
	"rfc4475/mpart01.dat":    {OK, 0},
	"rfc4475/unreason.dat":   {OK, 0},
	"rfc4475/noreason.dat":   {OK, 0},
	"rfc4475/badinv01.dat":   {Bad, 400},
	"rfc4475/clerr.dat":      {Bad, 400},
	"rfc4475/ncl.dat":        {Bad, 400},
	"rfc4475/scalar02.dat":   {Bad, 400},
	"rfc4475/scalarlg.dat":   {Drop, 400},
	"rfc4475/quotbal.dat":    {Bad, 400},
	"rfc4475/ltgtruri.dat":   {Bad, 400},
	"rfc4475/lwsruri.dat":    {Bad, 400},
	"rfc4475/lwsstart.dat":   {Bad, 400},
	"rfc4475/trws.dat":       {Bad, 400},
	"rfc4475/escruri.dat":    {Bad, 400},
	"rfc4475/baddate.dat":    {OK, 0},
	"rfc4475/regbadct.dat":   {OK, 0}, // a registrar's matter (RFC 3261 §16.3(1))
	"rfc4475/badaspec.dat":   {OK, 0}, // our choice: liberal, the URI of To is not the proxy's
	"rfc4475/baddn.dat":      {Bad, 400},
	"rfc4475/badvers.dat":    {Bad, 505},
	"rfc4475/mismatch01.dat": {Bad, 400},
	"rfc4475/mismatch02.dat": {Bad, 400},
	"rfc4475/bigcode.dat":    {Drop, 400},
	"rfc4475/badbranch.dat":  {OK, 0}, // branch without more than the cookie: RFC 2543 matching
	"rfc4475/insuf.dat":      {Bad, 400},
	"rfc4475/unkscm.dat":     {Bad, 416},
	"rfc4475/novelsc.dat":    {Bad, 416},
	"rfc4475/unksm2.dat":     {OK, 0},
	"rfc4475/bext01.dat":     {OK, 0}, // the proxy answers 420 from ProxyRequire
	"rfc4475/invut.dat":      {OK, 0},
	"rfc4475/regaut01.dat":   {OK, 0},
	"rfc4475/multi01.dat":    {Bad, 400},
	"rfc4475/mcl01.dat":      {Bad, 400},
	"rfc4475/bcast.dat":      {OK, 0}, // no transaction of ours matches it
	"rfc4475/zeromf.dat":     {OK, 0}, // the proxy answers 483
	"rfc4475/cparam01.dat":   {OK, 0},
	"rfc4475/cparam02.dat":   {OK, 0},
	"rfc4475/regescrt.dat":   {OK, 0},
	"rfc4475/sdp01.dat":      {OK, 0},
	"rfc4475/inv2543.dat":    {OK, 0},

	"rfc5118/ipv6-good":                     {OK, 0},
	"rfc5118/ipv6-bad":                      {Bad, 400},
	"rfc5118/port-ambiguous":                {OK, 0},
	"rfc5118/port-unambiguous":              {OK, 0},
	"rfc5118/via-received-param-no-delim":   {OK, 0},
	"rfc5118/via-received-param-with-delim": {OK, 0},
	"rfc5118/ipv6-in-sdp":                   {OK, 0},
	"rfc5118/mult-ip-in-header":             {OK, 0},
	"rfc5118/mult-ip-in-sdp":                {OK, 0},
	"rfc5118/ipv4-mapped-ipv6":              {OK, 0},
	"rfc5118/ipv6-bug-abnf-3-colons":        {Bad, 400}, // RFC 5118 §4.10 leaves the choice
	"rfc5118/ipv6-correct-abnf-2-colons":    {OK, 0},
}

func corpus(t testing.TB) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	for _, dir := range []string{"rfc4475", "rfc5118"} {
		names, err := os.ReadDir(filepath.Join("testdata", dir))
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range names {
			if n.Name() == "LICENSE" {
				continue
			}
			b, err := os.ReadFile(filepath.Join("testdata", dir, n.Name()))
			if err != nil {
				t.Fatal(err)
			}
			files[dir+"/"+n.Name()] = b
		}
	}
	return files
}

func TestTorture(t *testing.T) {
	files := corpus(t)
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
		if name == "rfc4475/multi01.dat" || name == "rfc4475/escruri.dat" {
			if _, r, f := Scan(resp, &rh); r != OK {
				t.Errorf("%s: answer does not scan: %+v\n%s", name, f, resp)
			}
		}
	}
}
