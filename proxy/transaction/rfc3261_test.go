package transaction

import (
	"testing"
	"time"

	"releve/router"
)

const ms = time.Millisecond

// move is one event and what must follow from it.
type move struct {
	at     time.Duration
	event  Event
	status uint16
	want   Actions
	phase  Phase
	next   time.Duration // Next after it; never: no timer
}

const never = time.Duration(router.Never)

// figure is one sentence of a specification.
type figure struct {
	name     string
	kind     Kind
	reliable bool
	moves    []move
}

// TestFigures walks the figures and sentences of RFC 3261 §17 and RFC 6026 §7:
// each case starts a machine at 0 and checks action, phase and deadline of each
// move. Section numbers are those of RFC 3261 unless the name says otherwise.
func TestFigures(t *testing.T) {
	for _, group := range [][]figure{inviteClientFigures, clientFigures, inviteServerFigures, serverFigures} {
		for _, f := range group {
			t.Run(f.name, func(t *testing.T) {
				s, _ := New(f.kind, f.reliable, 0)
				for i, m := range f.moves {
					got := s.Step(router.Instant(m.at), m.event, m.status)
					if got != m.want || s.Phase != m.phase || time.Duration(s.Next()) != m.next {
						t.Fatalf("move %d at %v: actions %b, phase %d, next %v; want %b, %d, %v",
							i, m.at, got, s.Phase, time.Duration(s.Next()), m.want, m.phase, m.next)
					}
				}
			})
		}
	}
}

var inviteClientFigures = []figure{
	{"17.1.1.2 Calling: a 1xx stops Timers A and B and goes to the user", InviteClient, false, []move{
		{200 * ms, Response, 100, Pass, Proceeding, never},
		{40 * time.Second, Timer, 0, 0, Proceeding, never},
	}},
	{"17.1.1.2 Proceeding: any further provisional goes to the user", InviteClient, false, []move{
		{1 * ms, Response, 100, Pass, Proceeding, never},
		{2 * ms, Response, 180, Pass, Proceeding, never},
		{3 * ms, Response, 183, Pass, Proceeding, never},
	}},
	{"17.1.1.2 Calling: 300-699 goes to the user and is acknowledged; Timer D is 32 s over UDP", InviteClient, false, []move{
		{100 * ms, Response, 486, SendAck | Pass, Completed, 100*ms + TimerD},
		{100*ms + TimerD, Timer, 0, Terminate, Terminated, never},
	}},
	{"17.1.1.2 Proceeding: 300-699 likewise", InviteClient, false, []move{
		{10 * ms, Response, 180, Pass, Proceeding, never},
		{100 * ms, Response, 699, SendAck | Pass, Completed, 100*ms + TimerD},
	}},
	{"17.1.1.2 Timer D is zero on a reliable transport", InviteClient, true, []move{
		{100 * ms, Response, 300, SendAck | Pass | Terminate, Terminated, never},
		{101 * ms, Response, 300, 0, Terminated, never},
	}},
	{"17.1.1.2 Completed: each repeat of the final is acknowledged at once, not passed up", InviteClient, false, []move{
		{100 * ms, Response, 486, SendAck | Pass, Completed, 100*ms + TimerD},
		{600 * ms, Response, 486, SendAck, Completed, 100*ms + TimerD},
		{601 * ms, Response, 486, SendAck, Completed, 100*ms + TimerD},
		{700 * ms, Response, 180, 0, Completed, 100*ms + TimerD},
	}},
	{"17.1.1.2 Completed: a failure to send the ACK informs the user and ends it", InviteClient, false, []move{
		{100 * ms, Response, 486, SendAck | Pass, Completed, 100*ms + TimerD},
		{101 * ms, Failed, 0, PassFailed | Terminate, Terminated, never},
	}},
	{"our choice: a 2xx in Completed goes to the user, a 2xx is never dropped", InviteClient, false, []move{
		{100 * ms, Response, 487, SendAck | Pass, Completed, 100*ms + TimerD},
		{101 * ms, Response, 200, Pass, Completed, 100*ms + TimerD},
	}},
	{"RFC 6026 7.2 Calling: a 2xx enters Accepted for Timer M, 64*T1", InviteClient, false, []move{
		{100 * ms, Response, 200, Pass | Forget, Accepted, 32100 * ms},
		{32100 * ms, Timer, 0, Terminate, Terminated, never},
	}},
	{"RFC 6026 7.2 Timer M is 64*T1 on a reliable transport too", InviteClient, true, []move{
		{50 * ms, Response, 180, Pass, Proceeding, never},
		{100 * ms, Response, 200, Pass | Forget, Accepted, 32100 * ms},
	}},
	{"RFC 6026 7.2 Accepted: every 2xx is passed up, nothing else, and Timer M runs on", InviteClient, false, []move{
		{100 * ms, Response, 200, Pass | Forget, Accepted, 32100 * ms},
		{600 * ms, Response, 200, Pass, Accepted, 32100 * ms},
		{700 * ms, Response, 299, Pass, Accepted, 32100 * ms},
		{800 * ms, Response, 180, 0, Accepted, 32100 * ms},
		{900 * ms, Response, 486, 0, Accepted, 32100 * ms},
		{901 * ms, Failed, 0, 0, Accepted, 32100 * ms},
		{902 * ms, Stop, 0, 0, Accepted, 32100 * ms},
	}},
	{"17.1.4 Calling: a transport error informs the user and ends it", InviteClient, false, []move{
		{1 * ms, Failed, 0, PassFailed | Terminate, Terminated, never},
	}},
	{"our choice: a broken connection in Proceeding is told once; a late 2xx is still treated", InviteClient, true, []move{
		{100 * ms, Response, 180, Pass, Proceeding, never},
		{200 * ms, Failed, 0, PassFailed, Proceeding, 32200 * ms},
		{300 * ms, Failed, 0, 0, Proceeding, 32200 * ms},
		{400 * ms, Response, 200, Pass | Forget, Accepted, 32400 * ms},
	}},
	{"our choice: after a broken connection in Proceeding it ends without a second report", InviteClient, true, []move{
		{100 * ms, Response, 180, Pass, Proceeding, never},
		{200 * ms, Failed, 0, PassFailed, Proceeding, 32200 * ms},
		{32200 * ms, Timer, 0, Terminate, Terminated, never},
	}},
	{"16.6 an abandoned INVITE is sent no more, and Timer B runs on", InviteClient, false, []move{
		{500 * ms, Timer, 0, Transmit, Calling, 1500 * ms},
		{600 * ms, Stop, 0, 0, Calling, 32000 * ms},
		{1500 * ms, Timer, 0, 0, Calling, 32000 * ms},
		{32000 * ms, Timer, 0, PassTimeout | Terminate, Terminated, never},
	}},
	{"9.1 an abandoned INVITE that is answered late goes to the user, who cancels it", InviteClient, false, []move{
		{2000 * ms, Stop, 0, 0, Calling, 32000 * ms},
		{9000 * ms, Response, 180, Pass, Proceeding, 41000 * ms},
		{9100 * ms, Response, 487, SendAck | Pass, Completed, 9100*ms + TimerD},
	}},
	{"9.1 a cancelled INVITE without a final ends 64*T1 after the CANCEL", InviteClient, false, []move{
		{100 * ms, Response, 180, Pass, Proceeding, never},
		{1000 * ms, Stop, 0, 0, Proceeding, 33000 * ms},
		{2000 * ms, Stop, 0, 0, Proceeding, 33000 * ms},
		{3000 * ms, Response, 180, Pass, Proceeding, 33000 * ms},
		{33000 * ms, Timer, 0, PassTimeout | Terminate, Terminated, never},
	}},
	{"9.1 a cancelled INVITE that is answered 200 is passed up", InviteClient, false, []move{
		{100 * ms, Response, 180, Pass, Proceeding, never},
		{1000 * ms, Stop, 0, 0, Proceeding, 33000 * ms},
		{1001 * ms, Response, 200, Pass | Forget, Accepted, 33001 * ms},
	}},
	{"a timer that comes early does nothing; one that comes late makes no burst", InviteClient, false, []move{
		{499 * ms, Timer, 0, 0, Calling, 500 * ms},
		{9000 * ms, Timer, 0, Transmit, Calling, 10000 * ms},
	}},
}

var clientFigures = []figure{
	{"17.1.2.2 Trying: a 1xx goes to the user; the running Timer E goes on, the next is T2", Client, false, []move{
		{200 * ms, Response, 100, Pass, Proceeding, 500 * ms},
		{500 * ms, Timer, 0, Transmit, Proceeding, 4500 * ms},
		{4500 * ms, Timer, 0, Transmit, Proceeding, 8500 * ms},
	}},
	{"17.1.2.2 Trying: a final goes to the user; Timer K is T4 over UDP", Client, false, []move{
		{100 * ms, Response, 200, Pass | Forget, Completed, 5100 * ms},
		{200 * ms, Response, 200, 0, Completed, 5100 * ms},
		{300 * ms, Response, 404, 0, Completed, 5100 * ms},
		{301 * ms, Failed, 0, 0, Completed, 5100 * ms},
		{5100 * ms, Timer, 0, Terminate, Terminated, never},
	}},
	{"17.1.2.2 Proceeding: a final likewise", Client, false, []move{
		{100 * ms, Response, 100, Pass, Proceeding, 500 * ms},
		{200 * ms, Response, 603, Pass | Forget, Completed, 5200 * ms},
	}},
	{"17.1.2.2 Timer K is zero on a reliable transport", Client, true, []move{
		{100 * ms, Response, 200, Pass | Terminate, Terminated, never},
	}},
	{"17.1.2.2 Proceeding: Timer F ends it", Client, true, []move{
		{100 * ms, Response, 100, Pass, Proceeding, 32000 * ms},
		{32000 * ms, Timer, 0, PassTimeout | Terminate, Terminated, never},
	}},
	{"17.1.4 a transport error informs the user and ends it, in Trying", Client, false, []move{
		{1 * ms, Failed, 0, PassFailed | Terminate, Terminated, never},
	}},
	{"17.1.4 a transport error informs the user and ends it, in Proceeding", Client, false, []move{
		{1 * ms, Response, 100, Pass, Proceeding, 500 * ms},
		{2 * ms, Failed, 0, PassFailed | Terminate, Terminated, never},
	}},
	{"an abandoned request is sent no more, and Timer F runs on", Client, false, []move{
		{1 * ms, Stop, 0, 0, Calling, 32000 * ms},
		{32000 * ms, Timer, 0, PassTimeout | Terminate, Terminated, never},
	}},
}

var inviteServerFigures = []figure{
	{"17.2.1 Proceeding: 100 is due when the user said nothing (100 ms, our choice within 200 ms)", InviteServer, false, []move{
		{50 * ms, Request, 0, 0, Proceeding, 100 * ms},
		{100 * ms, Timer, 0, Trying, Proceeding, never},
		{100 * ms, Send, 100, Transmit, Proceeding, never},
	}},
	{"17.2.1 Proceeding: no 100 is due when the user spoke", InviteServer, false, []move{
		{50 * ms, Send, 180, Transmit, Proceeding, never},
		{100 * ms, Timer, 0, 0, Proceeding, never},
	}},
	{"17.2.1 Proceeding: a repeated INVITE gets the most recent provisional", InviteServer, false, []move{
		{1 * ms, Send, 100, Transmit, Proceeding, never},
		{500 * ms, Request, 0, Transmit, Proceeding, never},
		{600 * ms, Send, 180, Transmit, Proceeding, never},
		{1500 * ms, Request, 0, Transmit, Proceeding, never},
	}},
	{"17.2.1 Completed: a repeated INVITE gets the final; Timer G runs on", InviteServer, false, []move{
		{0, Send, 486, Transmit, Completed, 500 * ms},
		{400 * ms, Request, 0, Transmit, Completed, 500 * ms},
		{500 * ms, Timer, 0, Transmit, Completed, 1500 * ms},
	}},
	{"17.2.1 Completed: the ACK enters Confirmed for Timer I, T4; further ACKs are absorbed", InviteServer, false, []move{
		{0, Send, 486, Transmit, Completed, 500 * ms},
		{10 * ms, Ack, 0, Forget, Confirmed, 5010 * ms},
		{20 * ms, Ack, 0, 0, Confirmed, 5010 * ms},
		{30 * ms, Request, 0, 0, Confirmed, 5010 * ms},
		{40 * ms, Failed, 0, 0, Confirmed, 5010 * ms},
		{5010 * ms, Timer, 0, Terminate, Terminated, never},
	}},
	{"17.2.1 Timer I is zero on a reliable transport", InviteServer, true, []move{
		{0, Send, 486, Transmit, Completed, 32000 * ms},
		{10 * ms, Ack, 0, Terminate, Terminated, never},
	}},
	{"17.2.1 Completed: other finals of the user are discarded", InviteServer, false, []move{
		{0, Send, 486, Transmit, Completed, 500 * ms},
		{1 * ms, Send, 480, 0, Completed, 500 * ms},
		{2 * ms, Send, 200, 0, Completed, 500 * ms},
		{3 * ms, Send, 180, 0, Completed, 500 * ms},
	}},
	{"17.2.1 Timer H runs on a reliable transport, without repeats", InviteServer, true, []move{
		{0, Send, 500, Transmit, Completed, 32000 * ms},
		{32000 * ms, Timer, 0, PassTimeout | Terminate, Terminated, never},
	}},
	{"RFC 6026 7.1 Proceeding: a 2xx is sent once and enters Accepted for Timer L, 64*T1", InviteServer, false, []move{
		{5 * ms, Send, 200, Transmit | Forget, Accepted, 32005 * ms},
		{32005 * ms, Timer, 0, Terminate, Terminated, never},
	}},
	{"RFC 6026 7.1 Timer L is 64*T1 on a reliable transport too", InviteServer, true, []move{
		{5 * ms, Send, 200, Transmit | Forget, Accepted, 32005 * ms},
	}},
	{"RFC 6026 7.1 Accepted: repeats of the INVITE are absorbed, 2xx of the user sent, ACK passed up", InviteServer, false, []move{
		{0, Send, 200, Transmit | Forget, Accepted, 32000 * ms},
		{1 * ms, Request, 0, 0, Accepted, 32000 * ms},
		{500 * ms, Send, 200, Transmit, Accepted, 32000 * ms},
		{600 * ms, Ack, 0, Pass, Accepted, 32000 * ms},
		{700 * ms, Send, 486, 0, Accepted, 32000 * ms},
		{800 * ms, Send, 180, 0, Accepted, 32000 * ms},
	}},
	{"RFC 6026 7.1 a transport error is told and changes no state", InviteServer, false, []move{
		{0, Send, 100, Transmit, Proceeding, never},
		{1 * ms, Failed, 0, PassFailed, Proceeding, never},
		{2 * ms, Send, 486, Transmit, Completed, 502 * ms},
		{3 * ms, Failed, 0, PassFailed, Completed, 502 * ms},
		{502 * ms, Timer, 0, Transmit, Completed, 1502 * ms},
	}},
	{"RFC 6026 7.1 a transport error in Accepted is told and changes no state", InviteServer, false, []move{
		{0, Send, 200, Transmit | Forget, Accepted, 32000 * ms},
		{1 * ms, Failed, 0, PassFailed, Accepted, 32000 * ms},
	}},
	{"an ACK before any final means nothing", InviteServer, false, []move{
		{1 * ms, Ack, 0, 0, Proceeding, 100 * ms},
	}},
}

var serverFigures = []figure{
	{"17.2.2 Trying: repeats of the request are discarded", Server, false, []move{
		{500 * ms, Request, 0, 0, Calling, 3500 * ms},
	}},
	{"RFC 4320 4.1 a 100 is due when Timer E would reach T2, not before", Server, false, []move{
		{3499 * ms, Timer, 0, 0, Calling, 3500 * ms},
		{3500 * ms, Timer, 0, Trying, Calling, 37000 * ms},
		{3500 * ms, Send, 100, Transmit, Proceeding, 37000 * ms},
	}},
	{"17.2.2 Proceeding: a repeat gets the most recent provisional", Server, false, []move{
		{3500 * ms, Send, 100, Transmit, Proceeding, 37000 * ms},
		{3600 * ms, Request, 0, Transmit, Proceeding, 37000 * ms},
	}},
	{"17.2.2 Completed: a repeat gets the final; Timer J is 64*T1 over UDP", Server, false, []move{
		{100 * ms, Send, 200, Transmit, Completed, 32100 * ms},
		{500 * ms, Request, 0, Transmit, Completed, 32100 * ms},
		{600 * ms, Send, 404, 0, Completed, 32100 * ms},
		{32100 * ms, Timer, 0, Terminate, Terminated, never},
	}},
	{"17.2.2 Timer J is zero on a reliable transport", Server, true, []move{
		{100 * ms, Send, 200, Transmit | Terminate, Terminated, never},
	}},
	{"17.2.4 a transport error informs the user and ends it", Server, false, []move{
		{100 * ms, Send, 200, Transmit, Completed, 32100 * ms},
		{101 * ms, Failed, 0, PassFailed | Terminate, Terminated, never},
	}},
	{"RFC 4320 4.2 a request that gets no final ends in silence", Server, false, []move{
		{3500 * ms, Timer, 0, Trying, Calling, 37000 * ms},
		{37000 * ms, Timer, 0, Terminate, Terminated, never},
		{37001 * ms, Send, 200, 0, Terminated, never},
	}},
}
