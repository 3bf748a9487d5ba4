package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"releve/cmd/internal/app"
	"releve/cmd/internal/doctor"
	"releve/cmd/internal/text"
)

// askRunning bounds the question to a daemon that may hang.
const askRunning = 2 * time.Second

func (c *cli) doctorVerb() *cobra.Command {
	return c.verb("doctor", "doctor", 0, 0, func(ctx context.Context, _ []string) error {
		cfg, problems, _ := c.load()
		if cfg == nil || len(cfg.Listen) == 0 {
			for _, p := range problems {
				if !p.Advice {
					fmt.Fprintln(c.err, p)
				}
			}
			return exit{doctor.ExitUnable, c.m.DoctorNoConfig(c.configPath)}
		}
		if c.socket != "" {
			cfg.Admin.Socket = c.socket
		}
		program := "releve"
		if own, err := os.Executable(); err == nil {
			program = filepath.Base(own)
		}
		r := doctor.Look(ctx, doctor.Options{
			Config: cfg, Problems: problems, Path: c.configPath, Program: program, Messages: c.m,
			Store: app.Examine, Running: c.runningVersion,
		})
		if err := c.print(doctorShown(c.m, r), func() string { return doctorText(c.m, r) }); err != nil {
			return err
		}
		if code := r.Exit(); code != doctor.ExitWell {
			return quiet(code)
		}
		return nil
	}, "diagnostic")
}

// runningVersion asks who serves; "": nobody.
func (c *cli) runningVersion(ctx context.Context) string {
	ctx, cancel := context.WithTimeout(ctx, askRunning)
	defer cancel()
	v, err := c.client().Version(ctx)
	if err != nil {
		return ""
	}
	return v
}

// shownDoctor is the report as JSON: codes, and sentences in the reader's
// language.
type shownDoctor struct {
	At       time.Time       `json:"at"`
	State    text.StudyState `json:"state"`
	Findings []shownFinding  `json:"findings"`
}

type shownFinding struct {
	doctor.Finding
	Title string `json:"title"`
	Seen  string `json:"seen"`
	Means string `json:"means,omitempty"`
	Do    string `json:"do,omitempty"`
}

func doctorShown(m text.Messages, r doctor.Report) shownDoctor {
	out := shownDoctor{At: r.At, State: r.State}
	for _, f := range r.Findings {
		t := f.Text(m)
		out.Findings = append(out.Findings, shownFinding{f, t.Title, t.Seen, t.Means, t.Do})
	}
	return out
}

// doctorText has one line a finding, and under one that is not well what it
// means and what to do.
func doctorText(m text.Messages, r doctor.Report) string {
	var rows [][]string
	var notes []string
	for _, f := range r.Findings {
		t := f.Text(m)
		rows = append(rows, []string{m.StudyStateWord(f.State), t.Title, t.Seen})
		note := ""
		if t.Means != "" {
			note += "    " + t.Means + "\n"
		}
		if t.Do != "" {
			note += "    " + m.WhatToDo() + " " + t.Do + "\n"
		}
		notes = append(notes, note)
	}
	lines := strings.SplitAfter(table(rows), "\n")
	var b strings.Builder
	for i := range rows {
		b.WriteString(lines[i] + notes[i])
	}
	b.WriteString("\n" + m.DoctorVerdict(r.State, r.Count(text.StudyNoGo), r.Count(text.StudyReservation), r.Count(text.StudyUnknown)) + "\n")
	return b.String()
}
