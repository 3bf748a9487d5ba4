package register

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"releve/proxy/digest"
	"releve/router/licence"
)

// TestConformanceRegistration: rules G and H of docs/conformance.md on the wire:
// what our REGISTERs look like, and what is read from their answers. When they are
// sent is package licence's.
func TestConformanceRegistration(t *testing.T) {
	t.Run("G01 RFC 3261 §10.2 one Call-ID", TestRequestsAsWritten)
	t.Run("G03 RFC 3261 §10.2.4 the expiry of our Contact", TestLists)
	t.Run("G04 RFC 3261 §10.2.2", TestRequestsAsWritten)
	t.Run("G04 RFC 3261 §10.2.2 never a wildcard", testNeverAWildcard)
	t.Run("G05 RFC 3261 §10.2.8", TestOtherFinals)
	t.Run("G06 RFC 3261 §10.3(8)", TestLists)
	t.Run("G06 RFC 3261 §10.3(8) no expiry", TestListedWithoutExpiryIsBound)
	t.Run("G06 RFC 3261 §10.3(8) unreadable", TestUnreadableContactMakesNoProof)
	t.Run("G07 RFC 3261 §10.2.3", TestRequestsAsWritten)
	t.Run("G08 RFC 3261 §22.2", TestWrongPasswordIsShownOncePerAttempt)
	t.Run("G09 RFC 7616 §3.3", TestStaleNonceIsNoWrongPassword)
	t.Run("G10 RFC 3261 §21.5.4", TestOtherFinals)
	t.Run("G11 RFC 3261 §10.2 our choice: not followed", testMovedIsNotFollowed)
	t.Run("H01 RFC 7616 §3.4", TestNonceCounts)
	t.Run("H01 RFC 7616 §3.4 the same nonce again", TestSameNonceShownAgainGoesOnCounting)
	t.Run("H01 RFC 7616 §3.4 fresh cnonce", testFreshCnonce)
	t.Run("H03 RFC 3261 §22.3 mode gate: the server's challenges", TestCredentialsOfTheServerPassUnchanged)
	t.Run("H05 RFC 7616 §3.4.6 mode gate: the Request-URI of the server's digest", TestCredentialsOfTheServerPassUnchanged)
	t.Run("H08 RFC 7616 §3.5 mode gate: the next nonce reaches the server", TestAcceptedRegisterOfTheServer)
	t.Run("H02 RFC 8760 §2.4", TestChallengeAnsweredByAlgorithm)
	t.Run("H02 RFC 8760 §2.4 none we know", TestUnusableChallenge)
	t.Run("H08 RFC 7616 §3.5", TestNextNonceWasIgnored)
	t.Run("flow 31 two finals to one REGISTER", testTwoFinals)
	t.Run("flow 32 our Contact with expires=0, or not at all", TestLists)
	t.Run("flow 32 rewritten Contact", TestLists)
}

// testNeverAWildcard: "Contact: *" would take the bindings of others too.
func testNeverAWildcard(t *testing.T) {
	in(t, func(b *bed) {
		for _, e := range []licence.Effect{register, unregister, fetch, authorised} {
			raw := b.send(e)
			if strings.Contains(header(raw, "Contact"), "*") {
				b.Errorf("a wildcard in\n%s", raw)
			}
			b.answer(raw, 200)
		}
	})
}

// testMovedIsNotFollowed: the Contact of a 3xx is asked nothing.
func testMovedIsNotFollowed(t *testing.T) {
	in(t, func(b *bed) {
		b.want(b.answer(b.send(register), 302, "Contact: <sip:10.9.9.9>"), licence.Event{Kind: licence.Answer, Status: 302})
		raw := b.send(register)
		if !strings.HasPrefix(raw, "REGISTER sip:10.0.0.1 SIP/2.0\r\n") {
			b.Errorf("sent to\n%s", raw)
		}
		b.answer(raw, 200)
	})
}

// testFreshCnonce: no two requests carry the same one.
func testFreshCnonce(t *testing.T) {
	in(t, func(b *bed) {
		b.bind("n1")
		seen := map[string]bool{}
		for range 10 {
			raw := b.send(register)
			_, after, _ := strings.Cut(header(raw, "Authorization"), `cnonce="`)
			cnonce, _, _ := strings.Cut(after, `"`)
			if len(cnonce) < 16 || seen[cnonce] {
				b.Errorf("cnonce %q", cnonce)
			}
			seen[cnonce] = true
			b.answer(raw, 200, ourList)
		}
	})
}

// TestNextNonceWasIgnored: a registrar that names the next nonce had the old one
// shown once more each time, and challenged it.
func TestNextNonceWasIgnored(t *testing.T) {
	in(t, func(b *bed) {
		b.answer(b.send(register), 401, challenge("n1", nil))
		b.answer(b.send(authorised), 200, ourList, `Authentication-Info: nextnonce="n2", qop=auth, nc=00000001`)
		for count := range 2 {
			raw := b.send(register)
			if a := b.verified(raw, "Authorization", secret); a.Nonce != "n2" || a.NonceCount != uint32(count+1) {
				b.Errorf("nonce %s count %d", a.Nonce, a.NonceCount)
			}
			b.answer(raw, 200, ourList)
		}
		for _, nonsense := range []string{"", "nextnonce", `nextnonce="open`, "qop=auth", `Digest nextnonce="n9"`} {
			raw := b.send(register)
			if a := b.verified(raw, "Authorization", secret); a.Nonce != "n2" {
				b.Errorf("after %q: nonce %s", nonsense, a.Nonce)
			}
			b.answer(raw, 200, ourList, "Authentication-Info: "+nonsense)
		}
		raw := b.send(register)
		if a := b.verified(raw, "Authorization", secret); a.Nonce != "n2" {
			b.Errorf("nonce %s", a.Nonce)
		}
		b.answer(raw, 401, challenge("n3", func(c *digest.Challenge) { c.Stale = true }))
		if a := b.verified(b.send(authorised), "Authorization", secret); a.Nonce != "n3" {
			b.Errorf("nonce %s", a.Nonce)
		}
	})
}

// testTwoFinals: the first counts, whichever they are; the second is absorbed.
func testTwoFinals(t *testing.T) {
	in(t, func(b *bed) {
		for _, finals := range [][2]int{{423, 500}, {403, 200}, {200, 403}} {
			raw := b.send(register)
			first := b.answer(raw, finals[0], "Min-Expires: 90")
			ended := b.ended
			out := fmt.Sprintf("SIP/2.0 %d Second\r\n", finals[1])
			for _, name := range []string{"Via", "From", "To", "Call-ID", "CSeq"} {
				out += name + ": " + header(raw, name) + "\r\n"
			}
			b.must(b.end.Send(us, []byte(out+"Content-Length: 0\r\n\r\n")))
			synctest.Wait()
			time.Sleep(10 * time.Second)
			synctest.Wait()
			if b.ended != ended || b.last != first || int(first.Status) != finals[0] {
				b.Errorf("%v: %d events more, last %+v", finals, b.ended-ended, b.last)
			}
		}
	})
}
