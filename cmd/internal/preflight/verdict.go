package preflight

import (
	"slices"
	"strings"

	"releve/cmd/internal/text"
)

// essential is what a GO cannot do without: not measured, it is a reservation.
func essential() []ID {
	return []ID{text.StudyOptions, text.StudyRouteBack, text.StudyRecordRoute, text.StudyBusy}
}

// conclude fills the verdict and its reasons.
func (s *Study) conclude() {
	s.settle()
	s.Reasons = []Reason{}
	worst := Go
	for _, f := range s.Findings {
		v := verdictOf(f)
		if v == Go {
			continue
		}
		s.Reasons = append(s.Reasons, Reason{Finding: f.ID, Target: f.Target, State: f.State})
		worst = worse(worst, v)
	}
	for _, q := range s.Questions {
		switch q.State {
		case NoGo:
			worst = worse(worst, No)
		case Reservation, Unknown:
			worst = worse(worst, Reservations)
		default:
			continue
		}
		s.Reasons = append(s.Reasons, Reason{Question: q.ID, State: q.State})
	}
	slices.SortStableFunc(s.Reasons, func(a, b Reason) int { return rank(b.State) - rank(a.State) })
	if !s.tested() || s.Interrupted && worst != No {
		worst = NotTestable
	}
	s.Verdict = worst
	s.Profile = profile(s.Findings)
}

func rank(s State) int { return slices.Index([]State{Unknown, Reservation, NoGo}, s) }

func worse(a, b Verdict) Verdict {
	if b.Code() > a.Code() {
		return b
	}
	return a
}

func verdictOf(f Finding) Verdict {
	switch f.State {
	case NoGo:
		return No
	case Reservation:
		return Reservations
	case Unknown:
		if f.Subject == IPBX && slices.Contains(essential(), f.ID) {
			return Reservations
		}
	}
	return Go
}

// settle softens the silence to OPTIONS of an IPBX that spoke otherwise: calls and
// registrations are sight enough of it.
func (s *Study) settle() {
	for i, f := range s.Findings {
		if f.ID == text.StudyOptions && f.Subject == IPBX && f.State == NoGo && f.Values["case"] == "silent" && s.spoke(f.Target) {
			s.Findings[i].State = Reservation
		}
	}
}

// spoke says whether a target answered anything else than OPTIONS.
func (s *Study) spoke(target string) bool {
	return slices.ContainsFunc(s.Findings, func(f Finding) bool {
		call := f.ID == text.StudyTrunk || f.ID == text.StudyRegistrar || f.ID == text.StudyRouteBack
		return f.Target == target && call && f.State != Unknown && f.Values["case"] != "silent" && f.Values["status"] != ""
	})
}

// tested says whether the study found anything out of an IPBX, or of a server where
// no IPBX was given.
func (s *Study) tested() bool {
	subject := Server
	for _, t := range s.Targets {
		if t.Subject == IPBX {
			subject = IPBX
		}
	}
	for _, t := range s.Targets {
		if t.Subject == subject && (s.answered(t.Name) || s.spoke(t.Name)) {
			return true
		}
	}
	return false
}

func (s *Study) answered(target string) bool {
	return slices.ContainsFunc(s.Findings, func(f Finding) bool {
		return f.Target == target && (f.ID == text.StudyOptions && f.Values["status"] != "" || f.ID == text.StudyTLS && f.Values["until"] != "")
	})
}

// profile is what the IPBX's section of the configuration should say, from what was
// measured. Keys are those of the file.
func profile(all []Finding) (out []Setting) {
	for _, f := range all {
		if f.Subject != IPBX && f.Subject != Registrar || f.State == Unknown {
			continue
		}
		if key, value := setting(f); key != "" {
			out = append(out, Setting{Key: key, Value: value, From: f.ID})
		}
	}
	slices.SortStableFunc(out, func(a, b Setting) int { return strings.Compare(a.Key, b.Key) })
	return slices.CompactFunc(out, func(a, b Setting) bool { return a.Key == b.Key })
}

// settled makes to know of what is a reservation only until the configuration has the
// setting for it: it has.
func (r *run) settled(s *Study) {
	for i, f := range s.Findings {
		at := slices.IndexFunc(r.far, func(x far) bool { return x.Subject == IPBX && x.Name == f.Target })
		if f.Subject != IPBX || f.State != Reservation || at < 0 {
			continue
		}
		if key, value := remedy(f); key != "" && r.far[at].Has[key] == value {
			s.Findings[i].State, s.Findings[i].Values["settled"] = Info, key+": "+value
		}
	}
}

// remedy is the setting with which Relève lives with a finding; "": there is none.
func remedy(f Finding) (key, value string) {
	switch f.ID {
	case text.StudyRecordRoute, text.StudyBusy, text.StudyRefusals, text.StudyRinging:
		return setting(f)
	case text.StudyLarge:
		if f.Values["large"] == "tcp" {
			return setting(f)
		}
	}
	return "", ""
}

// setting is the line that one finding leads to; "": none.
func setting(f Finding) (key, value string) {
	ok := f.State == OK
	switch f.ID {
	case text.StudyRecordRoute:
		return "rewrite_contact", boolean(!ok)
	case text.StudyBusy:
		return "dissuasion.requeue", boolean(ok)
	case text.StudyRefusals:
		return "dissuasion.status", f.Values["status"]
	case text.StudyLarge:
		return "large", f.Values["large"]
	case text.StudyNoAnswer:
		return noAnswer(f)
	case text.StudyRinging:
		if !ok {
			return "hold_signal", "180"
		}
	case text.StudyEarly:
		if !ok {
			return "hold_signal", "none"
		}
	case text.StudyGrant:
		return "max_grant", f.Values["granted"] + "s"
	case text.StudyRedirect:
		if !ok {
			return "redirect_rescue", "false"
		}
	}
	return "", ""
}

// noAnswer is the timer in whole seconds, as far as it was waited for: no less than
// the file takes.
func noAnswer(f Finding) (key, value string) {
	whole, _, _ := strings.Cut(f.Values["after"], ".")
	if f.Values["case"] == "longer" || len(whole) < 1 || len(whole) == 1 && whole < "5" {
		return "", ""
	}
	return "no_answer", whole + "s"
}

func boolean(b bool) string {
	if b {
		return "true"
	}
	return "false"
}
