package message

// kind is a header that the scanner reads; all others are kindOther and pass
// as they came.
type kind uint8

const (
	kindOther kind = iota
	kindVia
	kindFrom
	kindTo
	kindCallID
	kindCSeq
	kindMaxForwards
	kindContentLength
	kindRoute
	kindRecordRoute
	kindContact
	kindExpires
	kindRetryAfter
	kindReplaces
	kindProxyRequire
	kindRequire
	kindRSeq
	kindRAck
	kindTimestamp
	kindAuthorization
	kindProxyAuthorization
	kindReason
	kindDiversion
	kindHistoryInfo
	kindEvent
	kindReferTo
	kindSessionExpires
	kindAuthenticate // WWW- and Proxy-Authenticate: read, and copied into a merged 401 or 407
)

// fold reports whether b is the lower-case ASCII name s in any case. Only
// letters and '-' occur in s, and no other byte but CR folds onto them, which
// a name cannot hold.
func fold(b []byte, s string) bool {
	if len(b) != len(s) {
		return false
	}
	for i := range b {
		if b[i]|0x20 != s[i] {
			return false
		}
	}
	return true
}

// EqualFold reports whether b is the lower-case ASCII word s in any case.
func EqualFold(b []byte, s string) bool { return fold(b, s) }

// kindOf names the header (RFC 3261 §7.3.1: any case, §7.3.3: compact forms).
// One switch by length and then by first letter.
func kindOf(name []byte) kind {
	switch len(name) {
	case 1:
		return compactKind(name[0] | 0x20)
	case 2:
		return oneOf(name, "to", kindTo)
	case 3:
		return oneOf(name, "via", kindVia)
	case 4:
		switch name[0] | 0x20 {
		case 'f':
			return oneOf(name, "from", kindFrom)
		case 'c':
			return oneOf(name, "cseq", kindCSeq)
		}
		if k := oneOf(name, "rseq", kindRSeq); k != kindOther {
			return k
		}
		return oneOf(name, "rack", kindRAck)
	case 5:
		if name[0]|0x20 == 'r' {
			return oneOf(name, "route", kindRoute)
		}
		return oneOf(name, "event", kindEvent)
	case 6:
		return oneOf(name, "reason", kindReason)
	case 7:
		return kind7(name)
	case 8:
		if k := oneOf(name, "replaces", kindReplaces); k != kindOther {
			return k
		}
		return oneOf(name, "refer-to", kindReferTo)
	case 9:
		if name[0]|0x20 == 't' {
			return oneOf(name, "timestamp", kindTimestamp)
		}
		return oneOf(name, "diversion", kindDiversion)
	case 11:
		return oneOf(name, "retry-after", kindRetryAfter)
	case 12:
		return kind12(name)
	case 13:
		if name[0]|0x20 == 'p' {
			return oneOf(name, "proxy-require", kindProxyRequire)
		}
		return oneOf(name, "authorization", kindAuthorization)
	case 14:
		return oneOf(name, "content-length", kindContentLength)
	case 15:
		return oneOf(name, "session-expires", kindSessionExpires)
	case 16:
		return oneOf(name, "www-authenticate", kindAuthenticate)
	case 18:
		return oneOf(name, "proxy-authenticate", kindAuthenticate)
	case 19:
		return oneOf(name, "proxy-authorization", kindProxyAuthorization)
	}
	return kindOther
}

func oneOf(name []byte, s string, k kind) kind {
	if fold(name, s) {
		return k
	}
	return kindOther
}

func kind7(name []byte) kind {
	switch name[0] | 0x20 {
	case 'e':
		return oneOf(name, "expires", kindExpires)
	case 'r':
		return oneOf(name, "require", kindRequire)
	}
	if k := oneOf(name, "contact", kindContact); k != kindOther {
		return k
	}
	return oneOf(name, "call-id", kindCallID)
}

func kind12(name []byte) kind {
	switch name[0] | 0x20 {
	case 'm':
		return oneOf(name, "max-forwards", kindMaxForwards)
	case 'r':
		return oneOf(name, "record-route", kindRecordRoute)
	}
	return oneOf(name, "history-info", kindHistoryInfo)
}

func compactKind(c byte) kind {
	switch c {
	case 'v':
		return kindVia
	case 'f':
		return kindFrom
	case 't':
		return kindTo
	case 'i':
		return kindCallID
	case 'l':
		return kindContentLength
	case 'm':
		return kindContact
	case 'o':
		return kindEvent
	case 'r':
		return kindReferTo
	case 'x':
		return kindSessionExpires
	}
	return kindOther
}

// compactOf returns the compact form of a long header name, 0 when it has none
// (RFC 3261 §7.3.3 and the registry of header fields).
func compactOf(name []byte) byte {
	switch {
	case fold(name, "via"):
		return 'v'
	case fold(name, "from"):
		return 'f'
	case fold(name, "to"):
		return 't'
	case fold(name, "call-id"):
		return 'i'
	case fold(name, "content-length"):
		return 'l'
	case fold(name, "content-type"):
		return 'c'
	case fold(name, "contact"):
		return 'm'
	case fold(name, "content-encoding"):
		return 'e'
	case fold(name, "subject"):
		return 's'
	case fold(name, "supported"):
		return 'k'
	case fold(name, "event"):
		return 'o'
	case fold(name, "allow-events"):
		return 'u'
	case fold(name, "refer-to"):
		return 'r'
	case fold(name, "referred-by"):
		return 'b'
	case fold(name, "session-expires"):
		return 'x'
	case fold(name, "accept-contact"):
		return 'a'
	case fold(name, "reject-contact"):
		return 'j'
	case fold(name, "request-disposition"):
		return 'd'
	case fold(name, "identity"):
		return 'y'
	case fold(name, "identity-info"):
		return 'n'
	}
	return 0
}

// sameName reports whether two header names mean the same field.
func sameName(a, b []byte) bool {
	if equalFold(a, b) {
		return true
	}
	if len(a) == 1 && len(b) > 1 {
		return a[0]|0x20 == compactOf(b)
	}
	if len(b) == 1 && len(a) > 1 {
		return b[0]|0x20 == compactOf(a)
	}
	return false
}

// equalFold compares ASCII without case.
func equalFold(a, b []byte) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if lower(a[i]) != lower(b[i]) {
			return false
		}
	}
	return true
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c | 0x20
	}
	return c
}

// methodOf names the method; case matters (RFC 3261 §7.1).
func methodOf(b []byte) Method {
	switch string(b) {
	case "INVITE":
		return INVITE
	case "ACK":
		return ACK
	case "CANCEL":
		return CANCEL
	case "BYE":
		return BYE
	case "OPTIONS":
		return OPTIONS
	case "REGISTER":
		return REGISTER
	case "PRACK":
		return PRACK
	case "UPDATE":
		return UPDATE
	case "REFER":
		return REFER
	case "NOTIFY":
		return NOTIFY
	case "SUBSCRIBE":
		return SUBSCRIBE
	case "INFO":
		return INFO
	case "MESSAGE":
		return MESSAGE
	case "PUBLISH":
		return PUBLISH
	}
	return Other
}

// isToken reports whether b is a token (RFC 3261 §25.1).
func isToken(b []byte) bool {
	for _, c := range b {
		if !tokenByte(c) {
			return false
		}
	}
	return len(b) > 0
}

func tokenByte(c byte) bool {
	switch {
	case 'a' <= c|0x20 && c|0x20 <= 'z', '0' <= c && c <= '9':
		return true
	}
	switch c {
	case '-', '.', '!', '%', '*', '_', '+', '`', '\'', '~':
		return true
	}
	return false
}
