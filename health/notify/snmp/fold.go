package snmp

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// spelled are the characters of French and English text that do not fold by
// taking their marks away.
var spelled = strings.NewReplacer(
	"œ", "oe", "Œ", "OE", "æ", "ae", "Æ", "AE", "ß", "ss", "ø", "o", "Ø", "O",
	"« ", "\"", " »", "\"", "«\u00a0", "\"", "«\u202f", "\"", "\u00a0»", "\"", "\u202f»", "\"",
	"«", "\"", "»", "\"", "“", "\"", "”", "\"", "’", "'", "‘", "'",
	"–", "-", "—", "-", "‑", "-", "…", "...", "→", "->", "€", "EUR", "°", " deg",
	"\u00a0", " ", "\u202f", " ", "\u2009", " ",
)

// fold writes text in ASCII: letters lose their accents (NFD, then without
// marks), the rest becomes a question mark. Line ends become spaces.
func fold(s string) string {
	var b strings.Builder
	for _, r := range norm.NFD.String(spelled.Replace(strings.ToValidUTF8(s, "?"))) {
		switch {
		case unicode.Is(unicode.Mn, r):
		case unicode.IsSpace(r):
			b.WriteByte(' ')
		case r < ' ' || r == 0x7f:
		case r < utf8.RuneSelf:
			b.WriteRune(r)
		default:
			b.WriteByte('?')
		}
	}
	return b.String()
}

// plain keeps accents: control characters become spaces.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
}

// cut shortens s to at most n bytes at the end of a character.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
