package levels

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"releve/testbed/feasibility"
)

// Options of a run.
type Options struct {
	Binary string
	Short  bool // the outage of the receivers is 10 s instead of a minute, and a few quirks stand for all
	Out    io.Writer
}

// Report is the last line. Passed and Failed count levels, as does Levels; the
// sites beside them and the checks of all have counts of their own.
type Report struct {
	Levels       int   `json:"levels"`
	Passed       int   `json:"passed"`
	Failed       int   `json:"failed"`
	Sites        int   `json:"sites"`
	SitesPassed  int   `json:"sites_passed"`
	Checks       int   `json:"checks"`
	ChecksFailed int   `json:"checks_failed"`
	Raised       int   `json:"alarms_raised"`    // critical and major ones, as the nodes' journals say
	Delivered    int   `json:"alarms_delivered"` // of these, to the mailbox and the webhook
	Lost         int   `json:"alarms_lost"`
	MirrorDetect int64 `json:"mirror_detect_ms"` // from the main database's death to its alarm
	Found        int   `json:"preflight_quirks_found"`
	Planted      int   `json:"preflight_quirks_planted"`
}

// Good says whether all that was looked at holds.
func (r Report) Good() bool {
	return r.Levels > 0 && r.Passed == r.Levels && r.Failed == 0 && r.SitesPassed == r.Sites && r.Raised > 0 && r.Lost == 0 && r.Planted > 0 && r.Found == r.Planted && r.ChecksFailed == 0 && r.Checks > 0
}

// book takes down the checks of one story. It belongs to that story's goroutine.
type book struct {
	lines  []string
	checks int
	failed int
	detect time.Duration // of the main database's death; 0: not measured
	told   tellings
	soon   time.Duration // the bar of what must be told
}

// detected notes how long the main database had been dead when that was told.
func (b *book) detected(after time.Duration) { b.detect = after }

// soon is how soon people must know that the main database has died. The short form
// runs beside another proof on any machine: it proves that they are told, and the full
// one how fast.
const (
	soon      = 10 * time.Second
	soonShort = time.Minute
)

// within checks that what must be told was told in time.
func (b *book) within(holds bool, after time.Duration, what string) {
	b.check(holds && after <= b.soon, "%s %.1f s after the death", what, after.Seconds())
}

// check notes one thing that holds, or does not.
func (b *book) check(holds bool, format string, a ...any) {
	mark := "✔"
	if !holds {
		mark = "✘"
		b.failed++
	}
	b.checks++
	b.lines = append(b.lines, "  "+mark+" "+fmt.Sprintf(format, a...))
}

// Run tells every story, all at once, for most of their time is waiting; then
// the feasibility study is asked for what was planted. The error says what kept it
// from a result.
func Run(ctx context.Context, o Options) (Report, error) {
	r, err := tellAll(ctx, o)
	if err != nil {
		return r, err
	}
	r.Found, r.Planted, err = feasibility.Run(ctx, o.Binary, feasibility.Options{Short: o.Short, Out: o.Out})
	return r, err
}

func tellAll(ctx context.Context, o Options) (r Report, err error) {
	outage := time.Minute
	if o.Short {
		outage = 10 * time.Second
	}
	list := stories(outage)
	books, errs := make([]book, len(list)), make([]error, len(list))
	bar := soon
	if o.Short {
		bar = soonShort
	}
	mail, err := openOffice(ctx, len(list))
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, mail.close()) }()
	var all sync.WaitGroup
	for i, chapter := range list {
		books[i].soon = bar
		all.Go(func() { errs[i] = play(ctx, o, mail, i, chapter, &books[i]) })
	}
	all.Wait()
	for i, chapter := range list {
		b := &books[i]
		fmt.Fprintf(o.Out, "%s\n", chapter.name)
		for _, line := range b.lines {
			fmt.Fprintln(o.Out, line)
		}
		if errs[i] != nil {
			err = errors.Join(err, fmt.Errorf("%s: %w", chapter.name, errs[i]))
		}
		r.MirrorDetect = max(r.MirrorDetect, b.detect.Milliseconds())
		r.Raised += b.told.raised
		r.Delivered += b.told.delivered
		r.Checks += b.checks
		r.ChecksFailed += b.failed
		good := b.failed == 0 && b.checks > 0 && errs[i] == nil
		switch {
		case chapter.level && good:
			r.Passed++
		case chapter.level:
			r.Failed++
		case good:
			r.SitesPassed++
		}
		if chapter.level {
			r.Levels++
		} else {
			r.Sites++
		}
	}
	r.Lost = r.Raised - r.Delivered
	return r, err
}

// play tells one story on a site of its own.
func play(ctx context.Context, o Options, mail *office, i int, chapter story, b *book) (err error) {
	s := &site{binary: o.Binary, example: chapter.example, number: i}
	defer func() {
		if b.failed > 0 && s.node != nil {
			b.lines = append(b.lines, s.node.Log())
		}
		err = errors.Join(err, s.close())
	}()
	if chapter.told {
		if err := s.receive(mail); err != nil {
			return err
		}
	}
	if err := chapter.tell(ctx, b, s); err != nil || !chapter.told || s.node == nil {
		return err
	}
	var missing []string
	b.told, missing = s.account(ctx)
	b.check(len(missing) == 0, "people heard of every grave alarm: %d of %d, %v", b.told.delivered, b.told.raised, missing)
	return nil
}
