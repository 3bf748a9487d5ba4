package register

import (
	"crypto/sha256"
	"fmt"
	"strconv"

	"releve/proxy/message"
)

// contact is the binding that we ask for. Its +sip.instance (RFC 5626 §4.1) is
// there to be found again when the registrar lists what it made of the URI; no
// reg-id: we ask for no flows.
func contact(u User, expires int) string {
	return "<" + u.Contact + `>;+sip.instance="` + instance(u) + `";expires=` + strconv.Itoa(expires)
}

// instance is one for the life of this user at this site, as its Call-ID is (RFC
// 9562 §5.8: a UUID of our own making).
func instance(u User) string {
	h := sha256.Sum256([]byte(u.CallID))
	h[6], h[8] = h[6]&0x0f|0x80, h[8]&0x3f|0x80
	return fmt.Sprintf("<urn:uuid:%x-%x-%x-%x-%x>", h[:4], h[4:6], h[6:8], h[8:10], h[10:16])
}

// ours reports whether a listed Contact is our binding. Our choice: our instance
// says so whatever became of the URI (a NAT, an SBC), and so do our user and our
// host with another port or other parameters; RFC 3261 §19.1.4 would want the
// very URI. To take a foreign binding for ours hides an alarm; to take ours for
// foreign would prove us absent, and two users be bound.
func ours(c message.ContactValue, u User) bool {
	if string(c.Instance) == instance(u) || message.SameURI(c.URI, []byte(u.Contact)) {
		return true
	}
	listed, ok1 := message.ParseURI(c.URI)
	own, ok2 := message.ParseURI([]byte(u.Contact))
	return ok1 && ok2 && message.SameURI(bare(listed), bare(own))
}

// bare is the user and host of a URI.
func bare(u message.URI) []byte {
	return fmt.Appendf(nil, "sip:%s@%s", u.User, u.Host)
}
