// Package demo tells the whole story of Relève in less than a minute, over
// real sockets on loopback, with Go alone: calls under steady traffic, busy
// lines, the primary killed, the licence moved, the return, both servers down,
// Relève itself killed. Each party is a process of its own: the program starts
// itself.
//
//	releve demo ─┬─ releve demo --party ipbx        127.83.x.y+1   stdin/stdout: phone.Line
//	             ├─ releve demo --party primary     127.83.x.y+2   killed and restarted
//	             ├─ releve demo --party secondary   127.83.x.y+3   killed and restarted
//	             ├─ releve serve -c FILE            127.83.x.y     killed and restarted
//	             └─ releve return -y --force …      the operator
//
// What is claimed is what the parties saw: the IPBX's calls (who answered,
// audible RTP), the registrar's log, the servers' own records. Relève's status
// is read to know when to go on, and its journal to be held against the
// registrar's log.
//
// Every call that the simulated IPBX offers is counted and has one outcome
// (type Outcome). Conversations that are cut because the process of their
// server is killed were answered: no router can carry them on; they are counted
// apart. Relève is killed while calls are in conversation and none is being set
// up: what a second node does for those is no part of this story.
//
// Owner and lock: a demo belongs to the goroutine that runs it; the book and
// the traffic have locks of their own.
package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"
)

// ErrFailed: a check did not hold; the story said which one.
var ErrFailed = errors.New("the demo failed: a check did not hold")

// inTime is the longest the story may last, from the first process on.
const inTime = time.Minute

// Options of a run.
type Options struct {
	Self string    // path of the program that has the verbs demo, serve and return
	Lang Lang      // of the reader
	Out  io.Writer // the story; the last line is one JSON object
}

// Run tells the story. nil when every check held; ErrFailed when one did not,
// which Out says. When ctx ends the story ends. Either way no process and no
// file is left.
func Run(ctx context.Context, o Options) error {
	dir, err := os.MkdirTemp("", "releve-demo-")
	if err != nil {
		return fmt.Errorf("make a directory for the demo: %w", err)
	}
	s := &site{self: o.Self, dir: dir, lang: o.Lang, nursery: newNursery()}
	defer s.close()
	ctx, cancel := context.WithTimeoutCause(ctx, inTime, errTooLong)
	defer cancel()
	d := &demo{reader: reader{o.Lang}, out: o.Out, site: s, book: newBook(ctx, s), began: time.Now()}
	d.line(title)
	fault := d.story(ctx)
	cancel()
	d.book.watch.Wait()
	d.sum.wall = time.Since(d.began)
	return d.report(fault)
}

var errTooLong = errors.New("60 s are over")

// demo is one run.
type demo struct {
	reader
	out     io.Writer
	site    *site
	book    *book
	traffic *traffic
	began   time.Time
	sum     summary

	busyFrom, busyTo time.Time // when the lines were full on purpose
	mayCancel        int       // callers that the story made hang up
	kept             *call     // a conversation on the secondary
}

// story is the chapters in order; the first failed check ends it.
func (d *demo) story(ctx context.Context) (err error) {
	if err := d.open(ctx); err != nil {
		return err
	}
	for _, chapter := range []struct {
		title line
		tell  func(context.Context) error
	}{
		{chapter1, d.steady},
		{chapter2, d.busy},
		{chapter3, d.switchover},
		{chapter4, d.onSecondary},
		{chapter5, d.primaryReturns},
		{chapter6, d.operatorReturns},
		{chapter7, d.bothDown},
		{chapter8, d.releveKilled},
		{chapterEnd, d.accounts},
	} {
		d.heading(chapter.title)
		if err := chapter.tell(ctx); err != nil {
			return err
		}
	}
	return nil
}

// open starts everything and waits until calls may come.
func (d *demo) open(ctx context.Context) error {
	starting, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if err := d.site.open(starting, d.book.event); err != nil {
		return d.missed(wantStart, err.Error())
	}
	d.line(parties, d.site.ipbxAddr, d.site.addrs[0], d.site.addrs[1], d.site.address, lines)
	d.line(watchIt, d.site.screen)
	err := d.await(ctx, 10*time.Second, wantReady, func(s status) bool {
		return s.Registration.Phase == "bound" && s.Registration.Holder == "primary" && s.server(1).Ready
	})
	if err != nil {
		return err
	}
	d.done(ready, user1)
	d.traffic = startTraffic(ctx, d.book)
	return nil
}

// line prints a sentence with the time since the beginning.
func (d *demo) line(l line, args ...any) { d.print(" ", d.say(l, args...)) }

// done prints what was checked and holds.
func (d *demo) done(l line, args ...any) { d.print("✓", d.say(l, args...)) }

func (d *demo) print(mark, sentence string) {
	fmt.Fprintf(d.out, "%6s s  %s %s\n", d.number(time.Since(d.began).Seconds(), 1), mark, sentence)
}

func (d *demo) heading(l line) { fmt.Fprintf(d.out, "\n%s\n", d.say(l)) }

// missedCheck is a check that did not hold.
type missedCheck struct{ sentence string }

func (m *missedCheck) Error() string { return m.sentence }

// missed says in one sentence what was wanted and what was seen.
func (d *demo) missed(want line, seen string) error {
	return &missedCheck{d.say(failed, d.say(want), seen)}
}

// check is missed unless ok.
func (d *demo) check(ok bool, want line, seen string, args ...any) error {
	if ok {
		return nil
	}
	return d.missed(want, fmt.Sprintf(seen, args...))
}

// poll asks until ok says yes; ok also tells what it saw last.
func (d *demo) poll(ctx context.Context, limit time.Duration, want line, ok func(context.Context) (bool, string)) error {
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("%s passed", limit))
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	seen := "nothing"
	for {
		yes, saw := ok(ctx)
		if yes {
			return nil
		}
		if ctx.Err() == nil { // else it saw the end of its time, no more
			seen = saw
		}
		select {
		case <-ctx.Done():
			return d.missed(want, fmt.Sprintf("%s (%v)", seen, context.Cause(ctx)))
		case <-tick.C:
		}
	}
}

// await polls Relève's status.
func (d *demo) await(ctx context.Context, limit time.Duration, want line, ok func(status) bool) error {
	last := "nothing"
	return d.poll(ctx, limit, want, func(ctx context.Context) (bool, string) {
		s, err := d.site.door.status(ctx)
		switch {
		case err == nil && ok(s):
			return true, ""
		case err == nil:
			last = s.String()
		case ctx.Err() == nil:
			last = err.Error()
		}
		return false, last + d.ended()
	})
}

// ended says when Relève's process is gone, which explains every silence.
func (d *demo) ended() string {
	select {
	case <-d.site.releve.done:
		return fmt.Sprintf("; Relève's process ended: %v", d.site.releve.status)
	default:
		return ""
	}
}

// until waits for what the book knows.
func (d *demo) until(ctx context.Context, limit time.Duration, want line, ok func() (bool, string)) error {
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("%s passed", limit))
	defer cancel()
	var seen string
	if d.book.until(ctx, func() (yes bool) { yes, seen = ok(); return yes }) {
		return nil
	}
	return d.missed(want, fmt.Sprintf("%s (%v)", seen, context.Cause(ctx)))
}
