package preflight

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"releve/cmd/internal/text"
	"releve/proxy/message"
)

// Bounds of what is tried in a call, our choice.
const (
	modifyLimit = 1700 * time.Millisecond // a re-INVITE or UPDATE: two transmissions
	listenFor   = 900 * time.Millisecond  // to sound: three windows that are heard need 300 ms
	hangLimit   = 400 * time.Millisecond  // to see whether a call is cut
	tellLimit   = 2 * time.Second         // for the first NOTIFY
)

// talk is an established call with a far end, of either direction: what is tried in
// it is the same.
type talk struct {
	r    *run
	f    far
	d    *dialog
	peer *heard    // its INVITE, or its 2xx
	desc described // its description
	line *rtpLine
}

// modify tries re-INVITE (hold and back) and UPDATE.
func (t *talk) modify(ctx context.Context) {
	hold := t.d.ask(ctx, inside{method: "INVITE", body: offer(t.line.addr(), "sendonly"), kind: "application/sdp", limit: modifyLimit})
	if hold.final.status() >= 200 && hold.final.status() < 300 {
		hold = t.d.ask(ctx, inside{method: "INVITE", body: offer(t.line.addr(), "sendrecv"), kind: "application/sdp", limit: modifyLimit})
	}
	t.r.note(t.f, t.modified(text.StudyReinvite, hold.final.status(), true))
	listed := t.peer.lists("Allow", "UPDATE")
	status := 0
	if listed {
		status = t.d.ask(ctx, inside{method: "UPDATE", limit: modifyLimit}).final.status()
	}
	t.r.note(t.f, t.modified(text.StudyUpdate, status, listed))
}

// modified judges one; where our certificate keeps the far end from reaching us, silence
// says nothing of it.
func (t *talk) modified(id ID, status int, listed bool) Finding {
	f := judgeModify(id, status, listed)
	if status == 0 && f.State == Reservation && t.r.wentOff(t.f) != nil {
		return unseen(id, text.WhyUntrusted)
	}
	return f
}

// keys judges codecs and keys; INFO is tried where no voice server could take it for
// an answer of a caller.
func (t *talk) keys(ctx context.Context, offered bool) {
	t.r.note(t.f, judgeCodecs(t.desc, offered))
	info := 0
	if t.desc.dtmf == "" && t.f.Subject == IPBX {
		info = t.d.ask(ctx, inside{
			method: "INFO", kind: "application/dtmf-relay", body: []byte("Signal=1\r\nDuration=160\r\n"), limit: modifyLimit,
		}).final.status()
	}
	t.r.note(t.f, judgeDTMF(t.desc, info))
}

// timerOf reads Session-Expires of the far end.
func (t *talk) timer(refused timer) {
	if refused.status != 0 {
		t.r.note(t.f, judgeTimer(refused))
		return
	}
	v := t.peer.get("Session-Expires")
	if v == "" {
		v = t.peer.get("x")
	}
	expires, rest, _ := strings.Cut(v, ";")
	n, err := strconv.Atoi(strings.TrimSpace(expires))
	if err != nil {
		n = -1
	}
	who := ""
	for p := range strings.SplitSeq(rest, ";") {
		if name, value, _ := strings.Cut(strings.TrimSpace(p), "="); strings.EqualFold(name, "refresher") {
			who = strings.ToLower(value)
		}
	}
	t.r.note(t.f, judgeTimer(timer{expires: n, refresher: who, response: !t.peer.head.Request}))
}

// contact judges both Contacts: ours, by a request m of the far end (nil: none came),
// and its own.
func (t *talk) contact(ctx context.Context, m *heard) {
	if changed := t.ourContact(m); changed != nil {
		t.r.note(t.f, changed...)
		return
	}
	t.r.note(t.f, t.r.judgeContact(ctx, t.f, t.peer))
}

// ourContact judges how the far end knows us: the Request-URI of its requests in the
// call is our Contact, unless something on the way rewrote it (SIP ALG). Nothing comes
// back when it is as it should be.
func (t *talk) ourContact(m *heard) []Finding {
	if m == nil {
		return nil
	}
	sent, got := uriOf(t.r.s.contact(t.d.flow)), string(m.head.URI.Of(m.raw))
	if message.SameURI([]byte(sent), []byte(got)) || hostPort(sent) == hostPort(got) {
		return nil
	}
	return []Finding{seen(text.StudyContact, Reservation, "case", "changed", "sent", sent, "got", got)}
}

// judgeContact: where requests of a dialog would go.
func (r *run) judgeContact(ctx context.Context, f far, m *heard) Finding {
	uri, from := string(m.head.ContactURI.Of(m.raw)), m.flow.Remote
	if uri == "" {
		return seen(text.StudyContact, Reservation, "case", "missing")
	}
	for v := range message.Values(m.raw, &m.head, "Record-Route") {
		if !r.s.isHop(calling)(v) && !r.s.isHop(called)(v) { // they go to its proxy
			return seen(text.StudyContact, OK, "case", "routed", "contact", uri, "route", uriOf(string(v)))
		}
	}
	at, ok := hostOf(uri)
	if !ok {
		addrs := r.addresses(ctx, hostName(uri))
		if len(addrs) == 0 {
			return seen(text.StudyContact, Reservation, "case", "name", "contact", uri)
		}
		at = netip.AddrPortFrom(addrs[0], 5060)
	}
	known := at.Addr() == f.at.Remote.Addr() || at.Addr() == from.Addr() || slices.Contains(f.Sources, at.Addr())
	if !known {
		return seen(text.StudyContact, Reservation, "case", "other", "contact", uri, "address", f.at.Remote.Addr().String())
	}
	if !strings.Contains(strings.ToLower(uri), "transport=") && f.at.Network.String() == "UDP" && at.Port() != from.Port() && at != f.at.Remote {
		return seen(text.StudyContact, Info, "contact", uri, "address", from.String())
	}
	return seen(text.StudyContact, OK, "contact", uri)
}

// sound listens to an answered call, and speaks.
func (t *talk) sound(ctx context.Context, tone bool) {
	if len(t.desc.laws) == 0 || t.line == nil {
		t.r.note(t.f, unseen(text.StudyAudio, text.WhyNoCall))
		return
	}
	t.line.speak(t.desc.to, t.desc.laws[0], tone)
	select {
	case <-time.After(listenFor):
	case <-ctx.Done():
	}
	t.r.note(t.f, judgeAudio(t.line.report()))
}

// routes says that a request names our hop as its way.
func (r *run) routes(m *heard) bool {
	for v := range message.Values(m.raw, &m.head, "Route") {
		if r.s.isHop(calling)(v) || r.s.isHop(called)(v) {
			return m.flow.Network.Reliable()
		}
	}
	return false
}

// followed judges where a request of the far end came.
func (r *run) followed(m *heard) Finding {
	if m == nil {
		return unseen(text.StudyRecordRoute, text.WhyNoTrigger)
	}
	method := string(m.head.Token.Of(m.raw))
	if atHop(m.flow.Listener) || r.routes(m) { // over a connection that is open already
		return seen(text.StudyRecordRoute, OK, "method", method)
	}
	return seen(text.StudyRecordRoute, Reservation, "method", method)
}

// transfers asks for a transfer to a name that is no number, so that nobody rings, and
// looks whether the call lives on; then for a real one, where a number was given.
func (t *talk) transfers(ctx context.Context) {
	status := t.refer(ctx, "releve-preflight-nobody").final.status()
	t.r.note(t.f, t.survived(ctx, status))
	switch {
	case status == 0:
		t.r.note(t.f, seen(text.StudyTransfer, Reservation, "case", "silent"))
	case status == 405, status == 501, status == 603, status == 403:
		t.r.note(t.f, seen(text.StudyTransfer, Reservation, "status", number(status)))
	case t.r.plan.TransferTo == "":
		t.r.note(t.f, unseen(text.StudyTransfer, text.WhyNoTransfer))
	case t.d.ended():
		t.r.note(t.f, unseen(text.StudyTransfer, text.WhyNoCall))
	default:
		t.transfer(ctx)
	}
}

// survived judges what became of the call after the transfer to nobody.
func (t *talk) survived(ctx context.Context, status int) Finding {
	if status == 0 {
		return unseen(text.StudyReferRefused, text.WhyNoAnswer)
	}
	if status < 300 {
		tell, cancel := within(ctx, tellLimit)
		defer cancel()
		if n := notified(t.d.wait(tell, func(m *heard) bool { return told(200)(m) || isMethod(message.BYE)(m) })); n != 0 {
			status = n
		}
	}
	if status >= 200 && status < 300 && t.told2xx() { // it sends unknown names somewhere
		return seen(text.StudyReferRefused, Info, "case", "taken", "status", number(status))
	}
	watch, cancel := within(ctx, hangLimit)
	defer cancel()
	f := seen(text.StudyReferRefused, OK, "status", number(status))
	if t.d.wait(watch, isMethod(message.BYE)) != nil {
		f.State = Reservation
	}
	return f
}

// told2xx says whether a NOTIFY told of a transfer that was done.
func (t *talk) told2xx() bool {
	t.d.mu.Lock()
	defer t.d.mu.Unlock()
	return slices.ContainsFunc(t.d.got, func(m *heard) bool {
		n := notified(m)
		return m.head.Method == message.NOTIFY && n >= 200 && n < 300
	})
}

// transfer asks for a real one: the number rings.
func (t *talk) transfer(ctx context.Context) {
	t.r.called(t.r.plan.TransferTo)
	t.d.mu.Lock()
	t.d.got = slices.DeleteFunc(t.d.got, isMethod(message.NOTIFY)) // those of the one before
	t.d.mu.Unlock()
	s := t.refer(ctx, t.r.plan.TransferTo).final.status()
	f := seen(text.StudyTransfer, OK, "status", number(s))
	if s == 0 || s >= 300 {
		f.State = Reservation
		if s == 0 {
			f.Values["case"] = "silent"
		}
		t.r.note(t.f, f)
		return
	}
	tell, cancel := within(ctx, tellLimit+t.r.plan.Wait)
	defer cancel()
	m := t.d.wait(tell, told(200))
	if m == nil {
		m = t.d.wait(tell, told(100))
	}
	f.Values["notify"] = number(notified(m))
	switch n := notified(m); {
	case n == 0:
		f.State, f.Values["case"] = Reservation, "no-notify"
	case n >= 300:
		f.State, f.Values["case"] = Reservation, "failed"
	}
	t.r.note(t.f, f)
}

func (t *talk) refer(ctx context.Context, user string) answered {
	return t.d.ask(ctx, inside{
		method: "REFER", extra: lines("Refer-To", t.referTo(user), "Referred-By", "<"+uriOf(t.d.known().local)+">"), limit: modifyLimit,
	})
}

func (t *talk) referTo(user string) string {
	return "<" + withUser(user, "sip:"+hostPort(t.f.URI)) + ">"
}

// told fits a NOTIFY that reports at least a status (RFC 3515 §2.4.5).
func told(least int) func(*heard) bool {
	return func(m *heard) bool { return m.head.Method == message.NOTIFY && notified(m) >= least }
}

// notified is the status that a NOTIFY reports; 0: none.
func notified(m *heard) (status int) {
	if m == nil {
		return 0
	}
	_, _ = fmt.Sscanf(string(m.body()), "SIP/2.0 %d", &status)
	return status
}

// addresses of a name, as this machine's DNS knows it.
func (r *run) addresses(ctx context.Context, name string) []netip.Addr {
	ctx, cancel := within(ctx, 2*time.Second)
	defer cancel()
	addrs, _ := net.DefaultResolver.LookupNetIP(ctx, "ip", name)
	for i, a := range addrs {
		addrs[i] = a.Unmap()
	}
	return addrs
}
