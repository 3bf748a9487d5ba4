package message

// SameURI compares two URIs as RFC 3261 §19.1.4 does: scheme and host without
// case, user and password with case and escapes decoded, port as written
// (absent is not 5060), user, ttl, method, maddr and transport equal or absent
// in both, other parameters only when both have them, headers equal in any
// order. tel URIs: RFC 3966 §4, visual separators ignored. Malformed URIs and
// those of other schemes are the same only byte by byte.
func SameURI(a, b []byte) bool {
	u, ok1 := ParseURI(a)
	v, ok2 := ParseURI(b)
	if !ok1 || !ok2 || string(a) == string(b) {
		return string(a) == string(b) // also with a parameter that stands twice
	}
	if !equalFold(u.Scheme, v.Scheme) {
		return false
	}
	if !u.sip() {
		return sameNumber(u.User, v.User) && sameParams(u, v) && sameParams(v, u)
	}
	return (u.User == nil) == (v.User == nil) && (u.password == nil) == (v.password == nil) &&
		sameEscaped(u.User, v.User, false) && sameEscaped(u.password, v.password, false) &&
		sameHost(u.Host, v.Host) && u.Port == v.Port &&
		sameParams(u, v) && sameParams(v, u) && sameHeaders(u.Headers, v.Headers) && sameHeaders(v.Headers, u.Headers)
}

// sameHost takes two IP literals for the same when they are the same address.
func sameHost(a, b []byte) bool {
	if equalFold(a, b) {
		return true
	}
	x, ok1 := addrOf(a)
	y, ok2 := addrOf(b)
	return ok1 && ok2 && x == y
}

// sameEscaped compares with escapes decoded.
func sameEscaped(a, b []byte, anyCase bool) bool {
	for len(a) > 0 && len(b) > 0 {
		x, n := escaped(a)
		y, m := escaped(b)
		if anyCase {
			x, y = lower(x), lower(y)
		}
		if x != y {
			return false
		}
		a, b = a[n:], b[m:]
	}
	return len(a) == 0 && len(b) == 0
}

// sameNumber compares telephone numbers without visual separators.
func sameNumber(a, b []byte) bool {
	i, j := 0, 0
	for {
		for i < len(a) && separator(a[i]) {
			i++
		}
		for j < len(b) && separator(b[j]) {
			j++
		}
		if i == len(a) || j == len(b) {
			return i == len(a) && j == len(b)
		}
		if lower(a[i]) != lower(b[j]) {
			return false
		}
		i, j = i+1, j+1
	}
}

func separator(c byte) bool { return c == '-' || c == '.' || c == '(' || c == ')' }

// sameParams checks every parameter of u against v.
func sameParams(u, v URI) bool {
	p := u.Params
	for len(p) > 0 {
		end := 1
		for end < len(p) && p[end] != ';' {
			end++
		}
		name, value := cutAt(p[1:end], '=')
		p = p[end:]
		other, found := paramEscaped(v.Params, name)
		if found && !sameEscaped(value, other, true) || !found && mustMatch(u, name) {
			return false
		}
	}
	return true
}

// mustMatch names the parameters that never match their absence.
func mustMatch(u URI, name []byte) bool {
	if !u.sip() {
		return true
	}
	return fold(name, "user") || fold(name, "ttl") || fold(name, "method") || fold(name, "maddr") || fold(name, "transport")
}

func paramEscaped(p, name []byte) ([]byte, bool) {
	for len(p) > 0 {
		end := 1
		for end < len(p) && p[end] != ';' {
			end++
		}
		n, v := cutAt(p[1:end], '=')
		if sameEscaped(n, name, true) {
			return v, true
		}
		p = p[end:]
	}
	return nil, false
}

// sameHeaders checks that every header of a stands in b.
func sameHeaders(a, b []byte) bool {
	for len(a) > 0 {
		var item []byte
		item, a = nextHeader(a)
		found := false
		for rest := b; len(rest) > 0 && !found; {
			var other []byte
			other, rest = nextHeader(rest)
			n, v := cutAt(item, '=')
			m, w := cutAt(other, '=')
			found = sameEscaped(n, m, true) && sameEscaped(v, w, false)
		}
		if !found {
			return false
		}
	}
	return true
}

// nextHeader takes one "name=value" off "?a=b&c=d".
func nextHeader(b []byte) (item, rest []byte) {
	end := 1
	for end < len(b) && b[end] != '&' {
		end++
	}
	return b[1:end], b[end:]
}

func cutAt(b []byte, c byte) (before, after []byte) {
	for i := range b {
		if b[i] == c {
			return b[:i], b[i+1:]
		}
	}
	return b, nil
}
