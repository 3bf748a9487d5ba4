package preflight

import (
	"strings"

	"releve/cmd/internal/text"
)

// judgeRegistration judges how a REGISTER ended.
func judgeRegistration(u User, a answered, challenge *heard) Finding {
	f := seen(text.StudyRegistrar, NoGo, "user", u.AOR, "status", number(a.final.status()))
	switch s := a.final.status(); {
	case s == 0:
		f.Values["case"] = "silent"
		delete(f.Values, "status")
	case s < 300 && challenge == nil:
		f.State, f.Values["case"] = Reservation, "open"
	case s < 300:
		f.State = OK
	case s == 401, s == 407, s == 403 && challenge != nil:
		f.Values["case"] = "password"
	case s == 404:
		f.Values["case"] = "unknown"
	}
	return f
}

// judgeDigest: what the registrar's first challenge offers.
func judgeDigest(m *heard) Finding {
	if m == nil {
		return seen(text.StudyDigest, Reservation, "case", "none")
	}
	var names []string
	known, qop, modern := false, "", false
	for _, c := range append(challenges(m, "WWW-Authenticate"), challenges(m, "Proxy-Authenticate")...) {
		name := c.AlgorithmName
		if name == "" {
			name = "MD5"
		}
		names = append(names, printable(name))
		known = known || c.Algorithm != 0 && (c.Auth || c.AuthInt || c.Qop == "")
		modern = modern || c.Algorithm.String() != "MD5"
		if c.Qop != "" {
			qop = c.Qop
		}
	}
	list := strings.Join(names, ", ")
	switch {
	case !known:
		return seen(text.StudyDigest, NoGo, "case", "unknown", "algorithms", list)
	case qop == "":
		return seen(text.StudyDigest, Reservation, "algorithms", list)
	case modern:
		return seen(text.StudyDigest, Info, "case", "modern", "algorithms", list, "qop", qop)
	}
	return seen(text.StudyDigest, OK, "algorithms", list, "qop", qop)
}
