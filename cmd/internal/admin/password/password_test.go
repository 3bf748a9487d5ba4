package password

import (
	"errors"
	"strings"
	"testing"
)

func TestRoundTrip(t *testing.T) {
	s, err := New("correct horse")
	if err != nil || !strings.HasPrefix(s, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Fatalf("%q %v", s, err)
	}
	h, err := Parse("\n" + s + " \n")
	if err != nil || !h.Matches("correct horse") || h.Matches("correct horsf") || h.Matches("") {
		t.Errorf("%v: the password does not match, or another does", err)
	}
	if other, _ := New("correct horse"); other == s {
		t.Error("two hashes share a salt")
	}
	if (Hash{}).Matches("") || Nobody().Matches("correct horse") {
		t.Error("nobody has a password")
	}
}

// TestKnownAnswer: libargon2's own answer (argon2 somesalt -id -t 2 -m 16 -p 1
// of "password", argon2 1.3), so that hashes of other tools are taken.
func TestKnownAnswer(t *testing.T) {
	h, err := Parse("$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc")
	if err != nil || !h.Matches("password") || h.Matches("Password") {
		t.Errorf("the answer of the reference implementation does not match: %v", err)
	}
}

func TestRefused(t *testing.T) {
	for _, s := range []string{
		"", "secret", "$argon2i$v=19$m=19456,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
		"$argon2id$v=16$m=19456,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
		"$argon2id$v=19$m=4194304,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc", // 4 GiB
		"$argon2id$v=19$m=19456,t=99,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
		"$argon2id$v=19$m=19456,t=2,p=0$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
		"$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHQ$", "$argon2id$v=19$m=19456,t=2,p=1$!!$AAAA",
	} {
		if _, err := Parse(s); !errors.Is(err, ErrFormat) {
			t.Errorf("%q is taken: %v", s, err)
		}
	}
	for _, p := range []string{"", "neufcarac", strings.Repeat("a", 257)} {
		if _, err := New(p); !errors.Is(err, ErrLength) {
			t.Errorf("a password of %d bytes: %v", len(p), err)
		}
	}
}
