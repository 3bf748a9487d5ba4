package preflight

import (
	"slices"
	"strings"

	"releve/cmd/internal/text"
	"releve/proxy/digest"
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
	case challenge != nil && len(methods(challenge)) == 0:
		f.Values["case"] = "method"
	case (s == 401 || s == 407) && u.Password == "":
		f.Values["case"] = "unsaid"
	case s == 401, s == 407, s == 403 && challenge != nil:
		f.Values["case"] = "password"
	case s == 404:
		f.Values["case"] = "unknown"
	}
	return f
}

// methods are the challenges that can be answered (RFC 7616 §3.3).
func methods(m *heard) []digest.Challenge {
	all := append(challenges(m, "WWW-Authenticate"), challenges(m, "Proxy-Authenticate")...)
	return slices.DeleteFunc(all, func(c digest.Challenge) bool { return !answerable(c) })
}

func answerable(c digest.Challenge) bool {
	return c.Algorithm != 0 && (c.Auth || c.AuthInt || c.Qop == "")
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
		known = known || answerable(c)
		modern = modern || c.Algorithm.String() != "MD5"
		if c.Qop != "" {
			qop = c.Qop
		}
	}
	list := strings.Join(names, ", ")
	if list == "" { // no Digest at all
		list, _, _ = strings.Cut(m.get("WWW-Authenticate")+m.get("Proxy-Authenticate"), " ")
	}
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
