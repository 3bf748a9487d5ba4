package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"releve/cmd/internal/admin"
	"releve/cmd/internal/text"
	"releve/db"
)

// The verb alarms: what stands, who takes it, who is told.

func (c *cli) alarmsVerb() *cobra.Command {
	cmd := c.verb("alarms", "alarms", 0, 0, func(ctx context.Context, _ []string) error {
		api := c.client()
		alarms, err := api.Alarms(ctx)
		if err != nil {
			return err
		}
		s, err := api.Status(ctx) // knows whom to call
		if err != nil {
			return err
		}
		silences, err := api.Silences(ctx)
		if err != nil {
			return err
		}
		page := func() string {
			return c.view().silences(silences) + c.view().alarms(alarms) + c.view().contacts(s.Contacts, alarms)
		}
		if err := c.print(alarms, page); err != nil {
			return err
		}
		return quiet(alarmsCode(alarms))
	}, "alarmes")
	cmd.AddCommand(c.ackVerb(), c.alarmHistoryVerb(), c.receiversVerb(), c.testVerb(), c.silenceVerb(), c.resumeVerb())
	return cmd
}

// alarmsCode: 0 none, 1 minor or warning, 2 major or critical.
func alarmsCode(alarms []db.Alarm) int {
	worst := exitDone
	for _, a := range alarms {
		if !a.Cleared.IsZero() {
			continue
		}
		switch text.Severity(a.Severity) {
		case text.Critical, text.Major:
			worst = exitDown
		case text.Minor, text.Warning:
			worst = max(worst, exitNo)
		}
	}
	return worst
}

func (c *cli) ackVerb() *cobra.Command {
	var object, comment string
	use := c.placeholder("ack NUMBER", "ack NUMÉRO")
	cmd := c.verb("alarms ack", use, 1, 1, func(ctx context.Context, args []string) error {
		n, err := strconv.ParseUint(args[0], 10, 16)
		if err != nil {
			return usage(c.m.NoAlarmNumber(args[0]))
		}
		if object == "" {
			if object, err = c.theOne(ctx, uint16(n)); err != nil {
				return err
			}
		}
		left, err := c.client().Acknowledge(ctx, admin.Acknowledgement{Number: uint16(n), Object: object, Comment: comment})
		if err != nil {
			return err
		}
		return c.print(left, func() string { return c.m.Acknowledged(uint16(n), object) + "\n" })
	}, "acquitter")
	cmd.Flags().StringVar(&object, "object", "", c.m.Flag("object"))
	cmd.Flags().StringVar(&comment, "comment", "", c.m.Flag("comment"))
	return cmd
}

// theOne is the object of the active alarm n, when there is a single one.
func (c *cli) theOne(ctx context.Context, n uint16) (string, error) {
	alarms, err := c.client().Alarms(ctx)
	if err != nil {
		return "", err
	}
	var objects []string
	for _, a := range alarms {
		if a.Number == n && a.Cleared.IsZero() {
			objects = append(objects, a.Object)
		}
	}
	switch len(objects) {
	case 0:
		return "", &admin.Fault{Detail: c.m.Fault(text.FaultNotActive), Code: text.FaultNotActive}
	case 1:
		return objects[0], nil
	}
	return "", usage(c.m.WhichObject(n, objects))
}

func (c *cli) alarmHistoryVerb() *cobra.Command {
	return c.verb("alarms history", "history", 0, 0, func(ctx context.Context, _ []string) error {
		all, err := c.client().AlarmHistory(ctx)
		if err != nil {
			return err
		}
		return c.print(all, func() string { return c.view().alarms(all) })
	}, "historique")
}

func (c *cli) receiversVerb() *cobra.Command {
	return c.verb("alarms receivers", "receivers", 0, 0, func(ctx context.Context, _ []string) error {
		all, err := c.client().Receivers(ctx)
		if err != nil {
			return err
		}
		return c.print(all, func() string {
			if len(all) == 0 {
				return c.m.NoReceiver() + "\n"
			}
			var rows [][]string
			for _, r := range all {
				rows = append(rows, []string{r.Name, c.m.ReceiverCounts(r.Sent, r.Waiting, r.Dropped), c.m.ReceiverState(r.Down, c.m.ReceiverCause(r.Cause))})
			}
			return table(rows)
		})
	}, "destinataires")
}

func (c *cli) testVerb() *cobra.Command {
	use := c.placeholder("test RECEIVER|all", "test DESTINATAIRE|all")
	return c.verb("alarms test", use, 1, 2, func(ctx context.Context, args []string) error {
		tests, err := c.client().TestReceivers(ctx, strings.Join(args, " "))
		if err != nil {
			return err
		}
		code := exitDone
		var rows [][]string
		for _, t := range tests {
			said := c.m.ReceiverAnswer(t.Name, t.Answer)
			if !t.OK {
				code, said = exitDown, c.m.ReceiverCause(t.Cause)
			}
			took := c.m.Ago(time.Duration(t.Took * float64(time.Millisecond)))
			rows = append(rows, []string{t.Name, c.m.Tested(t.OK), took, said})
		}
		if err := c.print(tests, func() string { return table(rows) }); err != nil {
			return err
		}
		return quiet(code)
	}, "essai")
}

func (c *cli) silenceVerb() *cobra.Command {
	var s admin.SilenceAsked
	var from string
	use := c.placeholder("silence DURATION", "silence DURÉE")
	cmd := c.verb("alarms silence", use, 1, 1, func(ctx context.Context, args []string) error {
		var err error
		if s.Length, err = time.ParseDuration(args[0]); err != nil {
			return usage(c.m.FlagBadValue(args[0], args[0]))
		}
		if strings.TrimSpace(s.Reason) == "" {
			return usage(c.m.NeedReason())
		}
		if from != "" {
			if s.Start, err = c.future(from); err != nil {
				return err
			}
		}
		planned, err := c.client().Silence(ctx, s)
		if err != nil {
			return err
		}
		return c.print(planned, func() string { return c.view().silences([]admin.Silence{planned}) })
	}, "taire")
	cmd.Flags().StringVar(&s.Reason, "reason", "", c.m.Flag("reason"))
	cmd.Flags().StringVar(&from, "from", "", c.m.Flag("from"))
	cmd.Flags().BoolVar(&s.All, "all", false, c.m.Flag("all"))
	return cmd
}

// future reads a moment to come: an hour (the next time it is so late), or a
// date and an hour of this machine.
func (c *cli) future(s string) (time.Time, error) {
	now := c.now().In(c.zone)
	for _, form := range []string{time.RFC3339, "2006-01-02T15:04", "2006-01-02 15:04"} {
		if t, err := time.ParseInLocation(form, s, c.zone); err == nil {
			return t, nil
		}
	}
	t, err := time.ParseInLocation("15:04", s, c.zone)
	if err != nil {
		return t, usage(c.m.FlagBadValue("--from", s))
	}
	t = time.Date(now.Year(), now.Month(), now.Day(), t.Hour(), t.Minute(), 0, 0, c.zone)
	if t.Before(now) {
		t = t.AddDate(0, 0, 1)
	}
	return t, nil
}

func (c *cli) resumeVerb() *cobra.Command {
	use := c.placeholder("resume [NUMBER]", "resume [NUMÉRO]")
	return c.verb("alarms resume", use, 0, 1, func(ctx context.Context, args []string) error {
		var id uint64
		if len(args) == 1 {
			var err error
			if id, err = strconv.ParseUint(args[0], 10, 32); err != nil || id == 0 {
				return usage(c.m.FlagBadValue(args[0], args[0]))
			}
		}
		ended, err := c.client().EndSilence(ctx, uint32(id))
		if err != nil {
			return err
		}
		return c.print(ended, func() string { return c.m.SilencesEnded(len(ended)) + "\n" })
	}, "reprendre")
}

// silences says which are open or planned.
func (v view) silences(silences []admin.Silence) string {
	var b strings.Builder
	for _, s := range silences {
		fmt.Fprintln(&b, v.m.Silence(s.ID, s.Open, v.clock(s.Start), v.clock(s.End), s.By, s.Reason, s.All))
	}
	return b.String()
}
