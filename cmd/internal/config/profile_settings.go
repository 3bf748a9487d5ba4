package config

import (
	"strconv"
	"strings"

	"releve/cmd/internal/text"
)

// Setting is one value of a profile as the file writes it.
type Setting struct {
	Key    string `json:"key"`   // under ipbx: dissuasion.status
	Value  string `json:"value"` // [diversion, history-info]
	Source Source `json:"source"`
}

// Settings are the values of p in the order of the file.
func (p Profile) Settings() []Setting {
	return []Setting{
		{"no_answer", text.Short(p.NoAnswer.Is), p.NoAnswer.Source},
		{"redundancy", redundancyName(p.MainStandby.Is), p.MainStandby.Source},
		{"max_grant", text.Short(p.MaxGrant.Is), p.MaxGrant.Source},
		{"hold_signal", signalName(p.HoldSignal.Is), p.HoldSignal.Source},
		{"dissuasion.requeue", strconv.FormatBool(p.Requeue.Is), p.Requeue.Source},
		{"dissuasion.status", strconv.Itoa(p.Status.Is), p.Status.Source},
		{"dissuasion.q850", strconv.Itoa(p.Q850.Is), p.Q850.Source},
		{"rewrite_contact", strconv.FormatBool(p.RewriteContact.Is), p.RewriteContact.Source},
		{"redirect_rescue", strconv.FormatBool(p.RedirectRescue.Is), p.RedirectRescue.Source},
		{"mark", "[" + strings.Join(markNames(p.Diversion.Is, p.HistoryInfo.Is), ", ") + "]", p.marks()},
		{"large", p.Large.Is, p.Large.Source},
	}
}

// marks joins the sources of the two headers: one line of the file holds both.
func (p Profile) marks() Source {
	a, b := p.Diversion.Source, p.HistoryInfo.Source
	if a == b || a.Ground != b.Ground || b.Reference == "" {
		return a
	}
	return Source{a.Ground, a.Reference + ", " + b.Reference}
}

// manners are the profile's, before the file's own replace them.
func (p Profile) manners() Manners {
	return Manners{
		HoldSignal: p.HoldSignal.Is, Status: p.Status.Is, Q850: p.Q850.Is, Requeue: p.Requeue.Is,
		RewriteContact: p.RewriteContact.Is, RedirectRescue: p.RedirectRescue.Is,
		Diversion: p.Diversion.Is, HistoryInfo: p.HistoryInfo.Is, Large: p.Large.Is,
	}
}

func markNames(diversion, historyInfo bool) (names []string) {
	if diversion {
		names = append(names, "diversion")
	}
	if historyInfo {
		names = append(names, "history-info")
	}
	return names
}

// redundancyName is the word of the file.
func redundancyName(mainStandby bool) string {
	if mainStandby {
		return "main-standby"
	}
	return "none"
}

// signalName is the word of the file for a hold signal.
func signalName(status uint16) string {
	if status == 0 {
		return "none"
	}
	return strconv.Itoa(int(status))
}
