package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"releve/testbed/ipbx"
	"releve/testbed/server"
)

// summary is what the story measured; the last line shows it. A negative number
// was not measured.
type summary struct {
	wall             time.Duration
	switchover       time.Duration
	licence, back    time.Duration
	switchovers      int
	falseSwitchovers int
	bindings         int
}

// accounts ends what runs and holds the books against what the parties saw.
func (d *demo) accounts(ctx context.Context) error {
	if err := d.traffic.end(); err != nil {
		return d.missed(wantTraffic, err.Error())
	}
	if err := d.traffic.release(ctx); err != nil {
		return err
	}
	if err := d.nothingOpen(ctx); err != nil {
		return err
	}
	if err := d.roles(ctx); err != nil {
		return err
	}
	if err := d.losses(); err != nil {
		return err
	}
	if err := d.counted(ctx); err != nil {
		return err
	}
	if err := d.tidy(); err != nil {
		return err
	}
	return d.check(time.Since(d.began) < inTime, wantInTime, "%s", time.Since(d.began))
}

// openAtIPBX counts calls at the IPBX that it did not offer.
func (d *demo) openAtIPBX(ctx context.Context) (n int, err error) {
	var st ipbx.Stats
	if err := d.site.ipbx.remote.Do(ctx, "stats", nil, &st); err != nil {
		return 0, err
	}
	d.book.read(func() { n = st.Open - d.book.open() })
	return n, nil
}

// nothingOpen: every BYE and CANCEL reached the far end.
func (d *demo) nothingOpen(ctx context.Context) error {
	err := d.until(ctx, patience, wantNothingLeft, func() (bool, string) {
		for _, c := range d.book.calls {
			if !c.over {
				return false, c.fate()
			}
		}
		return true, ""
	})
	if err != nil {
		return err
	}
	err = d.poll(ctx, 5*time.Second, wantNothingLeft, func(ctx context.Context) (bool, string) {
		n, err := d.openAtIPBX(ctx)
		if err != nil || n != 0 {
			return false, fmt.Sprintf("%d calls open at the IPBX %v", n, err)
		}
		for _, p := range d.site.servers {
			var st server.Stats
			if err := p.remote.Do(ctx, "stats", nil, &st); err != nil || st.Lines != 0 {
				return false, fmt.Sprintf("%s has %d lines in use %v", p.name, st.Lines, err)
			}
		}
		return true, ""
	})
	if err != nil {
		return err
	}
	err = d.await(ctx, 5*time.Second, wantNothingLeft, func(s status) bool {
		return s.server(0).Reserved == 0 && s.server(1).Reserved == 0
	})
	if err == nil {
		d.done(nothingLeft)
	}
	return err
}

// roles holds Relève's journal against the registrar's log.
func (d *demo) roles(ctx context.Context) error {
	log, err := d.registrarLog(ctx)
	if err != nil {
		return err
	}
	journal, err := d.site.door.journal(ctx, d.began)
	if err != nil {
		return err
	}
	d.line(stays)
	held := intervals(log)
	for _, s := range held {
		from := d.took(s.from.Sub(d.began))
		if s.to.IsZero() {
			d.line(stayOpen, s.user, from)
			continue
		}
		d.line(stay, s.user, from, d.took(s.to.Sub(d.began)))
	}
	d.sum.bindings = ipbx.MostBindings(log, time.Now(), user1, user2).Bindings
	all := moves(held)
	d.sum.switchovers, d.sum.falseSwitchovers = switchovers(all, d.book.deaths)
	told := map[string]int{}
	for _, e := range journal {
		told[e.Code]++
	}
	if err := d.check(d.sum.bindings == 1, wantOneBinding, "%d", d.sum.bindings); err != nil {
		return err
	}
	return d.check(len(all) == 2 && d.sum.switchovers == 1 && d.sum.falseSwitchovers == 0 &&
		told["switchover-done"] == 1 && told["return-done"] == 1, wantSwitchovers, "registrar %+v, journal %v", all, told)
}

// losses: nobody was lost, and nobody was refused without a reason.
func (d *demo) losses() error {
	var lost, refused []string
	for _, c := range d.book.calls {
		switch {
		case c.outcome == Lost:
			lost = append(lost, c.fate())
		case c.outcome == Dissuaded && (c.offered.Before(d.busyFrom) || c.offered.After(d.busyTo)):
			refused = append(refused, c.fate())
		}
	}
	if err := d.check(len(lost) == 0, wantNoLoss, "%s", strings.Join(lost, "; ")); err != nil {
		return err
	}
	return d.check(len(refused) == 0, wantDissuaded, "%s", strings.Join(refused, "; "))
}

// counted holds our count against the IPBX's own.
func (d *demo) counted(ctx context.Context) error {
	var st ipbx.Stats
	if err := d.site.ipbx.remote.Do(ctx, "stats", nil, &st); err != nil {
		return err
	}
	t := d.book.count()
	if err := d.check(t.offered == t.sum() && t.offered == st.Placed && t.offered > steadyCalls, wantCounts,
		"%d offered, %d settled, the IPBX placed %d", t.offered, t.sum(), st.Placed); err != nil {
		return err
	}
	if err := d.check(t.outcomes[Rescued] == st.Rescued, wantRescueCount, "we %d, the IPBX %d", t.outcomes[Rescued], st.Rescued); err != nil {
		return err
	}
	return d.check(t.outcomes[Cancelled] == d.mayCancel && d.mayCancel > 0, wantCancelCount,
		"%d cancelled, %d were to", t.outcomes[Cancelled], d.mayCancel)
}

// tidy: every process ends when asked to, Relève first.
func (d *demo) tidy() error {
	for _, p := range []*process{d.site.releve, d.site.servers[0], d.site.servers[1], d.site.ipbx} {
		if err := p.end(3 * time.Second); err != nil {
			return d.missed(wantTidy, fmt.Sprintf("%s: %v %s", p.name, err, p.stderr))
		}
	}
	return nil
}

// report prints the summary and the last line; the verdict is its error.
func (d *demo) report(fault error) error {
	t := d.book.count()
	d.table(t)
	var missed *missedCheck
	switch {
	case fault == nil:
		fmt.Fprintln(d.out, "\n"+d.say(verdictGood))
	case errors.As(fault, &missed):
		fmt.Fprintf(d.out, "\n%s %s\n", d.say(verdictBad), missed.sentence)
	case errors.Is(fault, context.Canceled):
		fmt.Fprintln(d.out, "\n"+d.say(interrupted))
	default:
		fmt.Fprintf(d.out, "\n%s %v\n", d.say(verdictBad), fault)
	}
	if fault != nil && d.site.releve != nil {
		d.evidence()
	}
	last, err := json.Marshal(d.last(t, fault))
	if err != nil {
		return err
	}
	fmt.Fprintln(d.out, string(last))
	if fault != nil {
		return ErrFailed
	}
	return nil
}

// evidence shows what Relève's journal and log say, for whoever must find out
// why a check failed.
func (d *demo) evidence() {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	journal, _ := d.site.door.journal(ctx, d.began) // Relève may be gone; then there is none
	fmt.Fprintf(d.out, "\n%s\n", d.say(releveSaid))
	for _, e := range journal {
		fmt.Fprintf(d.out, "%6s s  %s %v\n", d.number(e.Time.Sub(d.began).Seconds(), 2), e.Code, e.Params)
	}
	fmt.Fprintf(d.out, "%s\n\n", d.site.releve.stderr)
}

func (d *demo) table(t tally) {
	fmt.Fprintf(d.out, "\n%s\n", d.say(sumTitle))
	row := func(l line, value any) {
		label := d.say(l)
		fmt.Fprintf(d.out, "  %s%s %8v\n", label, strings.Repeat(" ", max(0, 50-utf8.RuneCountInString(label))), value)
	}
	row(sumOffered, t.offered)
	row(sumAnswered, t.outcomes[Answered])
	row(sumDissuaded, t.outcomes[Dissuaded])
	row(sumCancelled, t.outcomes[Cancelled])
	row(sumRescued, t.outcomes[Rescued])
	row(sumLost, t.outcomes[Lost])
	row(sumCut, t.cut)
	row(sumSwitchovers, d.sum.switchovers)
	row(sumFalse, d.sum.falseSwitchovers)
	row(sumBindings, d.sum.bindings)
	row(sumSwitchover, d.took(d.sum.switchover))
	row(sumLicence, d.took(d.sum.licence))
	row(sumLicenceBack, d.took(d.sum.back))
	row(sumWall, d.took(d.sum.wall))
}

// lastLine is the JSON object that others read; times in milliseconds.
type lastLine struct {
	Offered          int     `json:"calls_offered"`
	Answered         int     `json:"calls_answered"`
	Dissuaded        int     `json:"calls_dissuaded"`
	Cancelled        int     `json:"calls_cancelled"`
	Rescued          int     `json:"calls_rescued"`
	Lost             int     `json:"calls_lost"`
	Unsettled        int     `json:"calls_unsettled"` // had no end yet when the story was given up
	Cut              int     `json:"conversations_cut"`
	FalseSwitchovers int     `json:"false_switchovers"`
	Switchovers      int     `json:"switchovers"`
	Bindings         int     `json:"max_bindings_at_once"`
	Switchover       float64 `json:"switchover_ms"`
	Licence          float64 `json:"licence_move_ms"`
	LicenceBack      float64 `json:"licence_return_ms"`
	Wall             float64 `json:"wall_ms"`
	Passed           bool    `json:"passed"`
}

func (d *demo) last(t tally, fault error) lastLine {
	ms := func(x time.Duration) float64 { return float64(x.Microseconds()) / 1000 }
	return lastLine{
		Offered: t.offered, Answered: t.outcomes[Answered], Dissuaded: t.outcomes[Dissuaded],
		Cancelled: t.outcomes[Cancelled], Rescued: t.outcomes[Rescued], Lost: t.outcomes[Lost],
		Unsettled: t.offered - t.sum(), Cut: t.cut,
		FalseSwitchovers: d.sum.falseSwitchovers, Switchovers: d.sum.switchovers, Bindings: d.sum.bindings,
		Switchover: ms(d.sum.switchover), Licence: ms(d.sum.licence), LicenceBack: ms(d.sum.back),
		Wall: ms(d.sum.wall), Passed: fault == nil,
	}
}
