package digest

import (
	"strings"
	"testing"
)

// TestVectors are the examples of the RFCs. RFC 7616 §3.9.2 prints values that
// were not made with SHA-512/256 (its user hash is that of SHA-512 cut to 256
// bits); the expectation here is from its inputs by Python's hashlib.
func TestVectors(t *testing.T) {
	const nonce7616 = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v"
	const cnonce7616 = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"
	mufasa := Credentials{Username: "Mufasa", Password: "Circle of Life"}
	for _, v := range []struct {
		name, challenge   string
		cred              Credentials
		uri, cnonce, want string
		username          string
	}{
		{"RFC 2617 §3.5", `Digest realm="testrealm@host.com", qop="auth,auth-int", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", opaque="5ccc069c403ebaf9f0171e9517f40e41"`, Credentials{Username: "Mufasa", Password: "Circle Of Life"}, "/dir/index.html", "0a4f113b", "6629fae49393a05397450978507c4ef1", "Mufasa"},
		{"RFC 2617 §3.2.2.2 MD5-sess, from the inputs of §3.5 by Python's hashlib", `Digest realm="testrealm@host.com", qop="auth", algorithm=MD5-sess, nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093"`, Credentials{Username: "Mufasa", Password: "Circle Of Life"}, "/dir/index.html", "0a4f113b", "8e3825c57e897f5a0dec6c2d4e5059d0", "Mufasa"},
		{"RFC 7616 §3.9.1 MD5", `Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm=MD5, nonce="` + nonce7616 + `", opaque="x"`, mufasa, "/dir/index.html", cnonce7616, "8ca523f5e9506fed4657c9700eebdbec", "Mufasa"},
		{"RFC 7616 §3.9.1 SHA-256", `Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm=SHA-256, nonce="` + nonce7616 + `"`, mufasa, "/dir/index.html", cnonce7616, "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1", "Mufasa"},
		{"RFC 7616 §3.9.2, corrected", `Digest realm="api@example.org", qop="auth", algorithm=SHA-512-256, nonce="5TsQWLVdgBdmrQ0XsxbDODV+57QdFR34I9HAbC/RVvkK", opaque="HRPCssKJSGjCrkzDg8OhwpzCiGPChXYjwrI2QmXDnsOS", charset=UTF-8, userhash=true`, Credentials{Username: "Jäsøn Doe", Password: "Secret, or not?"}, "/doe.json", "NTg6RKcb9boFIAS3KrFK9BGeh+niz/sm", "7a4e1192babbba02e91182d2895bfdbf7adafc6e48d4e517ca301974843d840c", "793263caabb707a56211940d90411ea4a575adeccb7e360aeb624ed06ece9b0b"},
	} {
		cs, err := ParseChallenges([]byte(v.challenge))
		if err != nil || len(cs) != 1 {
			t.Fatalf("%s: %v %v", v.name, cs, err)
		}
		got := Authorization(cs[0], v.cred, "GET", v.uri, nil, 1, v.cnonce)
		for _, want := range []string{`response="` + v.want + `"`, `username="` + v.username + `"`, "nc=00000001", "qop=auth"} {
			if !strings.Contains(got, want) {
				t.Errorf("%s: no %s in\n%s", v.name, want, got)
			}
		}
	}
}

// TestIntegrityVectors: auth-int covers the body (RFC 7616 §3.4.3); the inputs of
// RFC 2617 §3.5 in an INVITE, computed by Python's hashlib.
func TestIntegrityVectors(t *testing.T) {
	for algorithm, want := range map[string]string{
		"MD5": "85639e6f62c131d9bd88d4084e6acae7", "SHA-256": "17c844c9f60a4242403290af220ac833c80b810d7c28be56a09b20bd303f6ec6",
		"SHA-512-256": "eef718422050aae18621ea2d3624c5b76c2a5e041e7f7f30bd6b978cccab9dac",
	} {
		cs, err := ParseChallenges([]byte(`Digest realm="testrealm@host.com", qop="auth-int", algorithm=` + algorithm + `, nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093"`))
		if err != nil || len(cs) != 1 {
			t.Fatalf("%s: %v %v", algorithm, cs, err)
		}
		got := Authorization(cs[0], Credentials{Username: "Mufasa", Password: "Circle Of Life"}, "INVITE", "sip:2001@10.0.0.1", []byte("v=0\r\n"), 1, "0a4f113b")
		if !strings.Contains(got, `response="`+want+`"`) || !strings.Contains(got, "qop=auth-int") {
			t.Errorf("%s: %s", algorithm, got)
		}
	}
}

func TestChoose(t *testing.T) {
	for _, c := range []struct {
		name, in string
		want     Algorithm
		realm    string
		all      int
	}{
		{"topmost known", `Digest realm="a", nonce="1", algorithm=SHA-512-256, qop="auth", Digest realm="b", nonce="2", algorithm=MD5`, SHA512T256, "a", 2},
		{"unknown and -sess passed over", `Digest realm="a", nonce="1", algorithm=BLAKE3, Digest realm="b", nonce="2", algorithm=MD5-sess,Digest realm="c",nonce="3",algorithm=md5`, MD5, "c", 3},
		{"other schemes passed over", "Basic realm=\"x\",\r\n Negotiate abcd==, Digest nonce=\"1\" , realm = \"y, \\\"z\\\"\"", MD5, `y, "z"`, 1},
		{"-sess where there is no other", `Digest realm="a", nonce="1", algorithm=SHA-256-sess, Digest realm="b", nonce="2", algorithm=md5-sess, qop="auth"`, MD5, "b", 2},
		{"no qop we know", `Digest realm="a", nonce="1", qop="token"`, Unknown, "", 1},
	} {
		cs, err := ParseChallenges([]byte(c.in))
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		got, ok := Choose(cs)
		if len(cs) != c.all || got.Algorithm != c.want || got.Realm != c.realm || ok != (c.want != Unknown) {
			t.Errorf("%s: %+v of %d", c.name, got, len(cs))
		}
	}
}

func TestMalformed(t *testing.T) {
	for _, in := range []string{"", "Digest", "Digest realm=\"a\"", "Digest nonce=\"a\"", "Digest realm=\"a, nonce=b", "realm=\"a\", nonce=b", "Digest realm=a, realm=b, nonce=c", "Digest \"", "Digest =", strings.Repeat("a ", 300)} {
		if cs, err := ParseChallenges([]byte(in)); err == nil && len(cs) > 0 {
			t.Errorf("%q: %+v", in, cs)
		}
		if _, o := Verify([]byte(in), "REGISTER", nil, nil); o != Unreadable {
			t.Errorf("verify %q: %s", in, o)
		}
	}
}

// TestBothSides: what Authorization writes, Verify takes, and nothing else.
func TestBothSides(t *testing.T) {
	lookup := func(a Algorithm, user, realm string) (string, bool) {
		return HA1(a, "5001", realm, "secret"), user == "5001"
	}
	body := []byte("v=0\r\n")
	for _, a := range []Algorithm{MD5, SHA256, SHA512T256} {
		for _, qop := range []string{"", "auth", "auth-int", "auth sess"} {
			qop, sess := strings.CutSuffix(qop, " sess")
			c := Challenge{Realm: `re"alm`, Nonce: "n1", Opaque: "o", Algorithm: a, Sess: sess, Qop: qop, Stale: true}
			cs, err := ParseChallenges([]byte(FormatChallenge(c)))
			if err != nil || len(cs) != 1 || cs[0].Realm != c.Realm || !cs[0].Stale || cs[0].Algorithm != a || cs[0].Sess != sess {
				t.Fatalf("%+v %v", cs, err)
			}
			for _, try := range []struct {
				cred   Credentials
				method string
				want   Outcome
			}{
				{Credentials{Username: "5001", Password: "secret"}, "REGISTER", Accepted},
				{Credentials{Username: "5001", HA1: HA1(a, "5001", c.Realm, "secret")}, "REGISTER", Accepted},
				{Credentials{Username: "5001", Password: "wrong"}, "REGISTER", Refused},
				{Credentials{Username: "5002", Password: "secret"}, "REGISTER", Refused},
				{Credentials{Username: "5001", Password: "secret"}, "INVITE", Refused},
			} {
				auth := Authorization(cs[0], try.cred, "REGISTER", "sip:10.0.0.1", body, 9, "cn")
				got, o := Verify([]byte(auth), try.method, body, lookup)
				if o != try.want || got.Nonce != "n1" || got.URI != "sip:10.0.0.1" || got.Opaque != "o" {
					t.Errorf("%s %q %+v: %s %+v", a, qop, try, o, got)
				}
				if qop != "" && (got.NonceCount != 9 || got.Qop != qop) {
					t.Errorf("%+v", got)
				}
				if _, o := Verify([]byte(auth), try.method, []byte("changed"), lookup); qop == "auth-int" && o == Accepted {
					t.Error("auth-int took another body")
				}
			}
		}
	}
}

func TestSession(t *testing.T) {
	var s Session
	for i, c := range []struct {
		nonce string
		want  uint32
	}{{"a", 1}, {"a", 2}, {"b", 1}, {"b", 2}, {"a", 3}, {"b", 3}, {"", 1}, {"", 2}} {
		if got := s.Next(c.nonce); got != c.want {
			t.Errorf("%d: %d, want %d", i, got, c.want)
		}
	}
}

func TestNoInjection(t *testing.T) {
	got := Authorization(Challenge{Realm: "a\r\nX: y", Nonce: "n", Algorithm: MD5}, Credentials{Username: "u\x00\"\\"}, "REGISTER", "sip:x\ny", nil, 1, "")
	if strings.ContainsAny(got, "\r\n\x00") || !strings.Contains(got, `username="u \"\\"`) {
		t.Errorf("%q", got)
	}
}
