package main

import (
	"fmt"

	"releve/cmd/internal/admin"
)

func (v view) probes(probes []admin.Probe) string {
	rows := make([][]string, 0, len(probes))
	for _, p := range probes {
		sip := v.m.Evidence(p.SIP)
		if p.Status > 0 {
			sip = fmt.Sprintf("%s, %d, %s", sip, p.Status, v.m.Milliseconds(p.RTT))
		}
		rows = append(rows, []string{p.Server, "OPTIONS", sip, v.m.Line(v.m.Label("verdict"), v.m.VerdictName(p.Verdict))})
		for _, k := range p.Checks {
			rows = append(rows, []string{p.Server, checkName(k), v.m.CheckState(k.State, k.Up) + ", " + v.m.Milliseconds(k.Took), v.note(k)})
		}
	}
	return table(rows)
}

// checks are the newest results of the checks of each server.
func (v view) checks(servers []admin.Server) string {
	var rows [][]string
	for _, s := range servers {
		for _, k := range s.Checks {
			when := v.m.Label("unchecked")
			if !k.At.IsZero() {
				when = v.m.SeenAgo(v.now.Sub(k.At))
			}
			rows = append(rows, []string{"  " + s.Name, checkName(k), v.m.CheckState(k.State, k.Up), when, v.note(k)})
		}
	}
	return table(rows)
}

// note: what a plugin printed stays as it is.
func (v view) note(k admin.ProbeCheck) string {
	if k.Call != nil {
		return v.testCall(k.Call)
	}
	return v.m.CheckNote(k.Note, k.Type != "exec" || k.State == "unknown")
}

// testCall is what a test call met, and what its sound was.
func (v view) testCall(c *admin.TestCall) string {
	met := v.m.TestCall(c.Cause, c.Status)
	if heard := v.m.Heard(c.Packets, c.Lost, c.Jitter, c.Level); heard != "" {
		met += " (" + heard + ")"
	}
	return met
}

func checkName(k admin.ProbeCheck) string {
	if k.Name == "" {
		return k.Type
	}
	return k.Name
}
