package preflight

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"os"
	"strings"
	"time"

	"releve/cmd/internal/text"
	"releve/proxy/transport"
)

// endsSoon is when the end of a certificate is near, our choice: it leaves time to order
// a new one.
const endsSoon = 30 * 24 * time.Hour

// The alerts that speak of our certificate, or of the version (RFC 8446 §6.2).
const (
	alertHandshake tls.AlertError = 40
	alertNoCert    tls.AlertError = 41
	alertBadCert   tls.AlertError = 42
	alertUnknown   tls.AlertError = 46
	alertUnknownCA tls.AlertError = 48
	alertDenied    tls.AlertError = 49
	alertVersion   tls.AlertError = 70
	alertNeedsCert tls.AlertError = 116
)

// judgeTLS says what is wrong with a TLS connection to name, and with whose certificate.
func judgeTLS(h shaken, name string, now time.Time) Finding {
	parted := h.version != 0 && !h.asked && alertOf(h.failure) == 0 // it hung up without a reason: OPTIONS tells more
	switch {
	case h.closed:
		return unseen(text.StudyTLS, text.WhyNoAnswer)
	case h.failure != nil && !parted:
		return judgeFailure(h)
	case h.fault != nil:
		return judgeCertificate(h, name, now)
	}
	f := certified(h, OK, "")
	switch {
	case h.chain[0].NotAfter.Sub(now) < endsSoon:
		return certified(h, Reservation, "soon")
	case h.asked && !h.own:
		return certified(h, Info, "asks")
	}
	return f
}

// certified is a finding about a far end that showed a certificate.
func certified(h shaken, state State, name string, pairs ...string) Finding {
	f := seen(text.StudyTLS, state, append([]string{"version", tls.VersionName(h.version)}, pairs...)...)
	if len(h.chain) > 0 {
		leaf := h.chain[0]
		f.Values["names"] = printable(strings.Join(transport.Identities(leaf), ", "))
		f.Values["issuer"] = printable(leaf.Issuer.String())
		f.Values["since"], f.Values["until"] = leaf.NotBefore.Format(time.DateOnly), leaf.NotAfter.Format(time.DateOnly)
	}
	if name != "" {
		f.Values["case"] = name
	}
	return f
}

// judgeFailure: the far end, or TLS itself, ended the handshake.
func judgeFailure(h shaken) Finding {
	var record tls.RecordHeaderError
	said, name := saidBy(h.failure), ""
	switch {
	case errors.As(h.failure, &record):
		name = "plain"
	case errors.Is(h.failure, context.DeadlineExceeded), errors.Is(h.failure, os.ErrDeadlineExceeded):
		name = "silent"
	case h.asked || len(h.chain) > 0 || alertOf(h.failure) != 0: // or it hung up without a word
		name = alerted(cmp.Or(alertOf(h.failure), alertBadCert), h)
	}
	return certified(h, NoGo, name, "said", said)
}

// saidBy is an error without the addresses before it.
func saidBy(err error) string {
	var op *net.OpError
	if errors.As(err, &op) && op.Err != nil {
		return op.Err.Error()
	}
	return err.Error()
}

// alertOf is the alert that the far end sent; 0: none that is known here. crypto/tls
// keeps its type to itself, and its words are those of AlertError.
func alertOf(err error) tls.AlertError {
	var op *net.OpError
	if !errors.As(err, &op) || op.Op != "remote error" {
		return 0
	}
	for _, a := range []tls.AlertError{
		alertHandshake, alertNoCert, alertBadCert, alertUnknown, alertUnknownCA, alertDenied, alertVersion, alertNeedsCert,
	} {
		if op.Err.Error() == a.Error() {
			return a
		}
	}
	return 0
}

func alerted(a tls.AlertError, h shaken) string {
	switch a {
	case alertVersion:
		return "version"
	case alertNeedsCert, alertNoCert, alertHandshake, alertBadCert, alertUnknown, alertUnknownCA, alertDenied:
		switch {
		case !h.asked && a != alertNeedsCert:
			return ""
		case h.own:
			return "ours"
		}
		return "wanted"
	}
	return ""
}

// judgeCertificate: we do not trust what it showed.
func judgeCertificate(h shaken, name string, now time.Time) Finding {
	var wrong *transport.NameError
	var authority x509.UnknownAuthorityError
	leaf := x509.Certificate{}
	if len(h.chain) > 0 {
		leaf = *h.chain[0]
	}
	switch {
	case errors.As(h.fault, &wrong):
		return certified(h, NoGo, "name", "name", name)
	case len(h.chain) > 0 && now.After(leaf.NotAfter):
		return certified(h, NoGo, "expired")
	case len(h.chain) > 0 && now.Before(leaf.NotBefore):
		return certified(h, NoGo, "early")
	case errors.As(h.fault, &authority) && leaf.Issuer.String() == leaf.Subject.String():
		return certified(h, NoGo, "self")
	case errors.As(h.fault, &authority):
		return certified(h, NoGo, "authority")
	}
	return certified(h, NoGo, "", "said", h.fault.Error())
}
