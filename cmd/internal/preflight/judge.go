package preflight

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"releve/cmd/internal/text"
	"releve/proxy/media"
)

// Limits of the judgement, our choice. A round waits a second for an OPTIONS: what
// takes half of it is slow. Speech suffers from 30 ms of jitter and 1 % of loss.
const (
	slowMedian = 100 * time.Millisecond
	slowWorst  = 500 * time.Millisecond
	badJitter  = 30 * time.Millisecond
	clockLimit = 5 * time.Second
	slowName   = time.Second
	lateAnswer = 8 * time.Second // overflow.answer_timeout
)

// seen makes a finding; pairs are its values.
func seen(id ID, state State, pairs ...string) Finding {
	f := Finding{ID: id, State: state}
	if len(pairs) > 0 {
		f.Values = make(map[string]string, len(pairs)/2)
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		f.Values[pairs[i]] = printable(pairs[i+1])
	}
	return f
}

func unseen(id ID, why text.StudyWhy) Finding { return seen(id, Unknown, "why", string(why)) }

func millis(d time.Duration) string {
	return strconv.FormatFloat(float64(d)/float64(time.Millisecond), 'f', 1, 64)
}

func secondsOf(d time.Duration) string {
	return strings.TrimSuffix(strconv.FormatFloat(d.Seconds(), 'f', 1, 64), ".0")
}

func number(n int) string { return strconv.Itoa(n) }

// judgeOptions: any answer is life; what says "not here" or "broken" is doubtful.
func judgeOptions(subject Subject, a answered) Finding {
	switch {
	case a.final == nil && a.refused:
		return seen(text.StudyOptions, NoGo, "case", "refused")
	case a.final == nil && a.garbage:
		return seen(text.StudyOptions, NoGo, "case", "garbage")
	case a.final == nil:
		return seen(text.StudyOptions, NoGo, "case", "silent")
	}
	s, state := a.final.status(), OK
	switch {
	case s < 300:
	case s == 401, s == 403, s == 404, s == 407, s >= 500:
		state = Reservation
	default:
		state = Info
	}
	f := seen(text.StudyOptions, state, "status", number(s), "ms", millis(a.took), "agent", a.final.agent())
	if state == Info {
		f.Values["case"] = "alive"
	}
	return f
}

// judgeSeries judges round trips of a series of OPTIONS, in the order sent; 0: lost.
func judgeSeries(trips []time.Duration) []Finding {
	var came []time.Duration
	for _, d := range trips {
		if d > 0 {
			came = append(came, d)
		}
	}
	lost := len(trips) - len(came)
	loss := seen(text.StudyLoss, OK, "lost", number(lost), "count", number(len(trips)))
	if lost > 0 {
		loss.State = Reservation
	}
	if len(came) < 2 {
		return []Finding{unseen(text.StudyRoundTrip, text.WhyNoAnswer), unseen(text.StudyJitter, text.WhyNoAnswer), loss}
	}
	changes := make([]time.Duration, 0, len(came))
	for i := 1; i < len(came); i++ {
		changes = append(changes, (came[i] - came[i-1]).Abs())
	}
	slices.Sort(changes)
	jitter := changes[(len(changes)-1)/2] // the median: one late answer is no jitter, and shows as the worst
	slices.Sort(came)
	median, worst := came[len(came)/2], came[len(came)-1]
	trip := seen(text.StudyRoundTrip, OK, "p50", millis(median), "max", millis(worst), "count", number(len(trips)))
	if median > slowMedian || worst > slowWorst {
		trip.State = Reservation
	}
	shake := seen(text.StudyJitter, OK, "jitter", millis(jitter))
	if jitter > badJitter {
		shake.State = Reservation
	}
	return []Finding{trip, shake, loss}
}

// judgeClock compares the Date of a response with our clock.
func judgeClock(date string, at time.Time) Finding {
	if date == "" {
		return seen(text.StudyClock, Info, "case", "none")
	}
	theirs, err := time.Parse(time.RFC1123, date)
	if err != nil {
		return seen(text.StudyClock, Info, "case", "none")
	}
	offset := theirs.Sub(at.Truncate(time.Second))
	f := seen(text.StudyClock, OK, "offset", secondsOf(offset.Round(time.Second)))
	if offset.Abs() > clockLimit {
		f.State = Reservation
	}
	return f
}

// reach is which sizes were answered.
type reach struct {
	sizes    []int
	answered []bool
	tcp      int // status over TCP; 0: none
}

// judgeLarge: the smallest size is the control.
func judgeLarge(r reach) Finding {
	tcp := "-"
	if r.tcp != 0 {
		tcp = number(r.tcp)
	}
	if len(r.answered) == 0 || !r.answered[0] {
		return unseen(text.StudyLarge, text.WhyNoAnswer)
	}
	for i, ok := range r.answered {
		if !ok {
			f := seen(text.StudyLarge, Reservation, "lost", number(r.sizes[i-1]), "tcp", tcp, "large", "udp")
			if r.tcp != 0 {
				f.Values["large"] = "tcp"
			}
			return f
		}
	}
	return seen(text.StudyLarge, OK, "bytes", number(r.sizes[len(r.sizes)-1]), "tcp", tcp, "large", "udp")
}

// judgeCodecs judges the descriptions of a far end: what it offers, or what it
// chose of both laws.
func judgeCodecs(d described, offered bool) Finding {
	list := strings.Join(d.codecs, ", ")
	alaw, mulaw := slices.Contains(d.laws, media.ALaw), slices.Contains(d.laws, media.MuLaw)
	switch {
	case !d.found || d.refused:
		return seen(text.StudyCodecs, NoGo, "case", "none")
	case !alaw && !mulaw:
		return seen(text.StudyCodecs, NoGo, "codecs", list)
	case !alaw:
		return seen(text.StudyCodecs, Reservation, "case", "mu-only", "codecs", list)
	case !mulaw && offered:
		return seen(text.StudyCodecs, Info, "case", "a-only", "codecs", list)
	}
	return seen(text.StudyCodecs, OK, "codecs", list)
}

// judgeDTMF: info is the status of an INFO with a key; 0: none was sent.
func judgeDTMF(d described, info int) Finding {
	switch {
	case !d.found:
		return unseen(text.StudyDTMF, text.WhyNoCall)
	case d.dtmf != "":
		return seen(text.StudyDTMF, OK, "payload", d.dtmf)
	case info >= 200 && info < 300:
		return seen(text.StudyDTMF, Reservation, "case", "info")
	}
	return seen(text.StudyDTMF, Reservation)
}

// judgeAudio judges what was heard; answered calls only.
func judgeAudio(r media.Report) Finding {
	f := seen(text.StudyAudio, OK, "packets", number(r.Packets), "lost", number(r.Lost), "jitter", millis(r.Jitter))
	put := func(state State, name string) {
		f.State = state
		if name != "" {
			f.Values["case"] = name
		}
	}
	switch {
	case r.Packets == 0:
		put(NoGo, "none")
	case r.Heard == 0:
		put(NoGo, "silent")
	case r.Lost*100 > r.Packets+r.Lost:
		put(Reservation, "lost")
	case r.Jitter > badJitter:
		put(Reservation, "")
	}
	return f
}

// timer is what a session description says of RFC 4028.
type timer struct {
	expires   int // -1: absent
	refresher string
	min       int // Min-SE of a 422
	status    int // of a refusal; 0: none
	response  bool
}

// judgeTimer: Relève relays timers, and needs one to free a line whose BYE is lost.
func judgeTimer(t timer) Finding {
	switch {
	case t.status != 0:
		return seen(text.StudySessionTimer, Reservation, "case", "refused", "status", number(t.status), "minse", number(t.min))
	case t.expires < 0:
		return seen(text.StudySessionTimer, Info)
	case t.expires <= 90:
		return seen(text.StudySessionTimer, Reservation, "case", "short", "expires", number(t.expires))
	case t.response && t.refresher == "":
		return seen(text.StudySessionTimer, Reservation, "case", "broken", "expires", number(t.expires))
	}
	who := t.refresher
	if who == "" {
		who = "-"
	}
	return seen(text.StudySessionTimer, OK, "expires", number(t.expires), "refresher", who)
}

// judgeModify judges the final of a re-INVITE or an UPDATE; listed says whether the
// far end's Allow names the method.
func judgeModify(id ID, status int, listed bool) Finding {
	switch {
	case !listed && id == text.StudyUpdate:
		return seen(id, Info, "case", "absent")
	case status == 0:
		return seen(id, Reservation, "case", "silent")
	case status < 300:
		return seen(id, OK, "status", number(status))
	case id == text.StudyUpdate: // listed, so it will be used
		return seen(id, Reservation, "case", "listed", "status", number(status))
	}
	return seen(id, Reservation, "status", number(status))
}

// tries is how often one call was presented, when it was refused with status.
type tries struct {
	status int
	times  int           // presentations, the first included
	after  time.Duration // from the refusal to the next one
	final  int           // what the caller got
}

func judgeBusy(t tries) []Finding {
	final := "-"
	if t.final != 0 {
		final = number(t.final)
	}
	once := seen(text.StudyBusy, OK, "final", final)
	twice := seen(text.StudyBusyTwice, OK, "final", final)
	if t.final == 0 { // placed by hand: who called knows
		once.Values["case"], twice.Values["case"] = "unseen", "unseen"
	}
	if t.times > 1 { // two queues for one call, until ours is switched off
		once = seen(text.StudyBusy, Reservation, "times", number(t.times-1), "after", secondsOf(t.after), "final", final)
	}
	if t.times > 2 {
		twice = seen(text.StudyBusyTwice, Reservation, "times", number(t.times), "final", final)
	}
	return []Finding{once, twice}
}

// judgeRefusals recommends the first code that ends a call; 503 is never one
// (a client told 503 avoids us for every call).
func judgeRefusals(all []tries) Finding {
	words, best, odd := make([]string, 0, len(all)), 0, false
	for _, t := range all {
		words = append(words, fmt.Sprintf("%d ×%d", t.status, t.times))
		odd = odd || t.times > 1
		if best == 0 && t.times <= 2 && t.status != 503 {
			best = t.status
		}
	}
	f := seen(text.StudyRefusals, OK, "codes", strings.Join(words, ", "), "status", number(best))
	switch {
	case best == 0:
		f.State, f.Values["status"] = Reservation, "486"
	case best != 486:
		f.State = Reservation
	case odd:
		f.State = Info
	}
	return f
}

// judgeNoAnswer: the IPBX must wait longer than Relève keeps a call.
func judgeNoAnswer(after time.Duration, taken bool, ours time.Duration) []Finding {
	f := seen(text.StudyNoAnswer, OK, "after", secondsOf(after))
	margin := seen(text.StudyMargin, OK, "ours", secondsOf(ours), "theirs", secondsOf(after))
	switch {
	case !taken && after > ours:
		f.Values["case"] = "longer"
	case !taken:
		f.State, f.Values["case"] = Info, "longer"
		margin = unseen(text.StudyMargin, text.WhyNotAsked)
	case after <= ours:
		f.State, margin.State = Reservation, Reservation
	}
	return []Finding{f, margin}
}

// granted is what a registrar granted.
type granted struct {
	asked, got int // seconds; got -1: unsaid
	min        int // Min-Expires of a 423; 0: none
}

func judgeGrant(g granted) Finding {
	switch {
	case g.min > 0:
		return seen(text.StudyGrant, Reservation, "case", "brief", "asked", number(g.asked), "granted", number(max(g.got, g.min)))
	case g.got < 0:
		return seen(text.StudyGrant, Reservation, "case", "unsaid", "asked", number(g.asked), "granted", "3600")
	case g.got > g.asked:
		return seen(text.StudyGrant, Reservation, "asked", number(g.asked), "granted", number(g.got))
	case g.got < g.asked:
		return seen(text.StudyGrant, Info, "asked", number(g.asked), "granted", number(g.got))
	}
	return seen(text.StudyGrant, OK, "asked", number(g.asked), "granted", number(g.got))
}

func judgeShortGrant(g granted) Finding {
	switch {
	case g.min > 0 && g.min <= 60:
		return seen(text.StudyShortGrant, Info, "case", "brief", "asked", number(g.asked), "min", number(g.min))
	case g.min > 0:
		return seen(text.StudyShortGrant, Reservation, "case", "brief", "asked", number(g.asked), "min", number(g.min))
	case g.got < 0:
		return unseen(text.StudyShortGrant, text.WhyUnlisted)
	case g.got > 60:
		return seen(text.StudyShortGrant, Reservation, "asked", number(g.asked), "granted", number(g.got))
	case g.got > g.asked:
		return seen(text.StudyShortGrant, Info, "asked", number(g.asked), "granted", number(g.got))
	}
	return seen(text.StudyShortGrant, OK, "asked", number(g.asked))
}
