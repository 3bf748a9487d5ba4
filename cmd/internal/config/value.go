package config

import (
	"fmt"
	"log/slog"
	"strconv"
	"strings"
)

// plainName accepts a host name (RFC 1123), or what looks like one. Digits and
// dots alone are a mistyped IP address.
func plainName(s string) bool {
	if s == "" || len(s) > 253 || strings.Trim(s, "0123456789.") == "" {
		return false
	}
	return strings.Trim(strings.ToLower(s), "abcdefghijklmnopqrstuvwxyz0123456789-._") == ""
}

// plainUser accepts the user parts that telephony uses, our choice: no
// escapes, no password, so that the user is compared as it is written.
func plainUser(s string) bool {
	if s == "" || len(s) > 64 {
		return false
	}
	return strings.Trim(strings.ToLower(s), "abcdefghijklmnopqrstuvwxyz0123456789-._+*#") == ""
}

// plainNumber accepts a phone number: digits, * and #, one leading +.
func plainNumber(s string) bool {
	s = strings.TrimPrefix(s, "+")
	return s != "" && len(s) <= 32 && strings.Trim(s, "0123456789*#") == ""
}

// Version is a Wel'Suite version, compared part by part.
type Version [3]uint16

// oldestAboveBase is the first Wel'Suite version of the levels above base.
var oldestAboveBase = Version{5, 3, 6}

// IsZero says that no version was given.
func (v Version) IsZero() bool { return v == Version{} }

// String prints 5.3.6; "" for the zero Version.
func (v Version) String() string {
	if v.IsZero() {
		return ""
	}
	return fmt.Sprintf("%d.%d.%d", v[0], v[1], v[2])
}

// Before says that v is older than w.
func (v Version) Before(w Version) bool {
	for i := range v {
		if v[i] != w[i] {
			return v[i] < w[i]
		}
	}
	return false
}

// parseVersion reads 5.3.6, 5.3 (as 5.3.0) or 5.
func parseVersion(s string) (Version, bool) {
	parts := strings.Split(s, ".")
	if len(parts) > 3 {
		return Version{}, false
	}
	var v Version
	for i, p := range parts {
		n, err := strconv.ParseUint(p, 10, 16)
		if err != nil {
			return Version{}, false
		}
		v[i] = uint16(n)
	}
	return v, !v.IsZero()
}

// Secret is a password with where it came from. It prints as *** in every
// verb, JSON and slog.
type Secret struct {
	File  string // password_file
	Env   string // password_env
	value string
}

// NewSecret holds a password that was not read by Load.
func NewSecret(value string) Secret { return Secret{value: value} }

// Given says that there is a password, or that one was said to be somewhere.
func (s Secret) Given() bool { return s.File != "" || s.Env != "" || s.value != "" }

// Value returns the password itself, for the digest and nothing else.
func (s Secret) Value() string { return s.value }

const stars = "***"

// String hides the password.
func (s Secret) String() string { return stars }

// GoString hides the password from %#v.
func (s Secret) GoString() string { return stars }

// Format hides the password from every verb of package fmt.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(stars)) }

// MarshalText hides the password from JSON.
func (s Secret) MarshalText() ([]byte, error) { return []byte(stars), nil }

// LogValue hides the password from slog.
func (s Secret) LogValue() slog.Value { return slog.StringValue(stars) }
