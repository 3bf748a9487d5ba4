// Package password makes and checks the password hashes of who may see the
// alarm screen: argon2id (RFC 9106) in the PHC string format,
//
//	$argon2id$v=19$m=19456,t=2,p=1$SALT$HASH
//
// It keeps no state, reads no file and may be used by any goroutine. A check
// costs what its hash asks for (see Most): who calls Matches for strangers
// bounds how many run at once.
package password

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"
)

// What New asks for, our choice: the least that OWASP advises for argon2id, for
// the machine has calls to carry beside it.
const (
	memory  = 19 << 10 // KiB
	passes  = 2
	threads = 1
	saltLen = 16
	hashLen = 32
)

// Most bounds what a hash of the file may ask for, our choice: 256 MiB.
const Most = 256 << 10

// Shortest and Longest bound a password, in bytes, our choice; ANSSI's guide on
// authentication asks for nine to eleven characters where attempts are limited.
const (
	Shortest = 10
	Longest  = 256
)

// ErrLength: the password is too short or too long.
var ErrLength = fmt.Errorf("a password has %d to %d bytes: choose another", Shortest, Longest)

// ErrFormat: the text is no hash that New makes.
var ErrFormat = errors.New("not an argon2id hash: make one with releve user hash")

// Hash is one stored password. The zero Hash matches nothing.
type Hash struct {
	memory, passes uint32
	threads        uint8
	salt, sum      []byte
}

// New returns the hash of secret with a fresh salt. Errors: ErrLength.
func New(secret string) (string, error) {
	if len(secret) < Shortest || len(secret) > Longest {
		return "", ErrLength
	}
	salt := make([]byte, saltLen)
	_, _ = rand.Read(salt) // never fails (crypto/rand)
	h := Hash{memory: memory, passes: passes, threads: threads, salt: salt, sum: make([]byte, hashLen)}
	h.sum = h.of(secret)
	return h.String(), nil
}

// Nobody returns a hash that costs what New's do and that no password is known
// to match: for an unknown name, so that it takes as long as a wrong password.
func Nobody() Hash {
	h := Hash{memory: memory, passes: passes, threads: threads, salt: make([]byte, saltLen), sum: make([]byte, hashLen)}
	_, _ = rand.Read(h.salt) // never fails (crypto/rand)
	_, _ = rand.Read(h.sum)
	return h
}

// String is the PHC string.
func (h Hash) String() string {
	enc := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, h.memory, h.passes, h.threads, enc(h.salt), enc(h.sum))
}

// Parse reads a PHC string, with white space around it. Errors: ErrFormat, also
// for parameters beyond Most.
func Parse(s string) (Hash, error) {
	parts := strings.Split(strings.TrimSpace(s), "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" {
		return Hash{}, ErrFormat
	}
	var h Hash
	var version int
	if n, err := fmt.Sscanf(parts[2], "v=%d", &version); n != 1 || err != nil || version != argon2.Version {
		return Hash{}, ErrFormat
	}
	if n, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &h.memory, &h.passes, &h.threads); n != 3 || err != nil {
		return Hash{}, ErrFormat
	}
	var errSalt, errSum error
	h.salt, errSalt = base64.RawStdEncoding.DecodeString(parts[4])
	h.sum, errSum = base64.RawStdEncoding.DecodeString(parts[5])
	sound := h.memory >= 8<<10 && h.memory <= Most && h.passes >= 1 && h.passes <= 10 && h.threads >= 1 && h.threads <= 8 &&
		len(h.salt) >= 8 && len(h.salt) <= 64 && len(h.sum) >= 16 && len(h.sum) <= 64
	if errSalt != nil || errSum != nil || !sound {
		return Hash{}, ErrFormat
	}
	return h, nil
}

// Matches says in constant time whether secret is the password.
func (h Hash) Matches(secret string) bool {
	if len(h.sum) == 0 || len(secret) > Longest {
		return false
	}
	return subtle.ConstantTimeCompare(h.of(secret), h.sum) == 1
}

func (h Hash) of(secret string) []byte {
	return argon2.IDKey([]byte(secret), h.salt, h.passes, h.memory, h.threads, uint32(len(h.sum)))
}
