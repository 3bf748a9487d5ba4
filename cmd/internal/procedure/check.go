package procedure

import (
	"fmt"
	"time"

	"releve/cmd/internal/admin"
	"releve/router"
)

// The looks that several checklists share. Each reads Facts and nothing else.

// serves: the server of that role is active and nothing moves.
func serves(role string) func(*Facts) Finding {
	return func(f *Facts) Finding {
		switch s := &f.Status; {
		case s.Phase == "maintenance":
			return no("word=maintenance")
		case s.Phase == "switching" || s.Phase == "returning":
			return no("word=moving")
		default:
			return when(s.Active == role, "active="+f.server(s.Active).Name, "active="+f.server(s.Active).Name)
		}
	}
}

// state is what the node thinks of a server.
func state(role string) func(*Facts) Finding {
	return func(f *Facts) Finding { return yes("verdict=" + f.server(role).Verdict) }
}

// holds counts the calls of a server.
func holds(role string) func(*Facts) Finding {
	return func(f *Facts) Finding { return yes(fmt.Sprint("calls=", f.server(role).Calls)) }
}

// answers reads the OPTIONS of the newest probe.
func answers(f *Facts) Finding {
	switch f.Probe.SIP {
	case "ok", "busy":
		return yes("word=answers rtt=" + time.Duration(f.Probe.RTT*float64(time.Millisecond)).String())
	case "refused":
		return no("word=refused")
	case "silent":
		return no("word=silent")
	}
	return no("word=unknown")
}

func took(d time.Duration) string { return d.Round(time.Millisecond).String() }

// ready: the passive server of that role could take over.
func ready(role string) func(*Facts) Finding {
	return func(f *Facts) Finding {
		s := f.server(role)
		switch {
		case s.Drained != nil:
			return no("word=drained")
		case s.Ready:
			return yes("word=ready verdict=" + s.Verdict)
		}
		return no("word=not-ready verdict=" + s.Verdict)
	}
}

// stable: five good rounds in a row.
func stable(role string) func(*Facts) Finding {
	return func(f *Facts) Finding {
		p := f.server(role).Stability
		return when(p.N > 0 && p.K >= p.N, rounds(p), rounds(p))
	}
}

func rounds(p admin.Progress) string { return fmt.Sprintf("rounds=%d/%d", p.K, p.N) }

// bound: the licence is with the server of role alone.
func bound(role string) func(*Facts) Finding {
	return func(f *Facts) Finding {
		for _, b := range f.Licence.Bindings {
			switch {
			case b.Role != role && b.Possible:
				return no("word=elsewhere")
			case b.Foreign:
				return no("word=foreign")
			}
		}
		r := &f.Status.Registration
		return when(r.Holder == role && r.Phase == "bound" && !r.Refused, "word=bound", "word=unbound")
	}
}

// nowhere: no IPBX may still have a binding of this server's user.
func nowhere(role string) func(*Facts) Finding {
	return func(f *Facts) Finding {
		for _, b := range f.Licence.Bindings {
			switch {
			case b.Role != role:
			case b.Foreign:
				return no("word=foreign")
			case b.Possible || !b.Elsewhere.IsZero():
				return no("word=elsewhere")
			}
		}
		return yes("word=unbound")
	}
}

// testCall reads the newest test call of the probe.
func testCall(f *Facts) Finding {
	for _, c := range f.Probe.Checks {
		if c.Type == "call" {
			return when(c.State == "ok", "word=audible", "word=no-answer")
		}
	}
	return no("word=no-call")
}

func served(f *Facts) Finding { return when(f.Served, "word=answered", "word=no-call") }

// worst is how long the registration may take to move.
func worst(f *Facts) Finding { return yes("worst=" + f.Licence.WorstMove.String()) }

// dataAge is the age of the copy by hand; it holds when it is known and not above
// what was configured.
func dataAge(f *Facts) Finding {
	d := f.Status.Data
	if d == nil || d.CopiedAt.IsZero() {
		return no("age=unknown")
	}
	age := max(f.Status.Now.Sub(d.CopiedAt), 0).Round(time.Second)
	return when(!d.Old(f.Status.Now), "age="+age.String(), "age="+age.String())
}

// mirrorLag is what a switchover would lose.
func mirrorLag(f *Facts) Finding {
	m := f.Mirror
	if m == nil || m.LagAt.IsZero() {
		return no("word=unknown")
	}
	return when(!m.Blocks, "lag="+m.Lag.Round(time.Millisecond).String(), "lag="+m.Lag.Round(time.Millisecond).String())
}

// mayReturn: the time that has to pass since the primary's failure has passed.
func mayReturn(f *Facts) Finding {
	left := f.Status.ReturnAt.Sub(f.Status.Now)
	if f.Status.ReturnAt.IsZero() || left <= 0 {
		return yes("")
	}
	return no("reason=" + string(router.ReasonReturnTooEarly) + " wait=" + left.Round(time.Second).String())
}

// quiet: the calls of a server are few enough.
func quiet(role string) func(*Facts) Finding {
	return func(f *Facts) Finding {
		n := f.server(role).Calls
		return when(n <= f.Quiet, fmt.Sprint("calls=", n), fmt.Sprint("calls=", n))
	}
}

// idle: a server holds no call any more.
func idle(role string) func(*Facts) Finding {
	return func(f *Facts) Finding {
		n := f.server(role).Calls
		return when(n == 0, "calls=0", fmt.Sprint("calls=", n))
	}
}

// calm: no alarm that somebody should come for. At level backup both servers are
// needed for an exercise: alarm 1019 is what that looks like.
func calm(f *Facts) Finding {
	for _, a := range f.Status.Alarms {
		grave := a.Severity == "critical" || a.Severity == "major"
		if a.Cleared.IsZero() && grave && !(f.backup() && a.Number == 1019) && a.Number != 1081 {
			return no(fmt.Sprint("alarm=", a.Number))
		}
	}
	return yes("")
}

// absent: the server of role does not answer the node.
func absent(role string) func(*Facts) bool {
	return func(f *Facts) bool {
		s := f.server(role)
		return s.State == admin.StateAbsent || s.State == admin.StateDown || s.Verdict == "UNKNOWN"
	}
}
