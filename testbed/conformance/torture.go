package conformance

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"releve/testbed/conformance/corpus"
)

// tortureLimit is the longest that Torture may take.
const tortureLimit = 3 * time.Minute

// Torture sends every message of the page to the binary, from each side over
// each network, and returns one Test for each message and network, and a few
// for what must hold over all of them.
func Torture(ctx context.Context, binary string, p *Page) ([]Test, error) {
	if err := complete(p); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, tortureLimit)
	defer cancel()
	var wait sync.WaitGroup
	beds := make([]*bed, len(columns))
	fault := make([]error, len(columns))
	for i := range beds {
		beds[i] = newBed(os.Getpid(), i)
		wait.Go(func() { fault[i] = beds[i].run(ctx, binary, p) })
	}
	wait.Wait()
	var tests []Test
	for _, b := range beds {
		tests = append(tests, b.verdicts...)
	}
	return merge(tests), errors.Join(fault...)
}

// complete: the page and the corpus name the same messages.
func complete(p *Page) error {
	known := map[string]bool{}
	for _, d := range p.Demands {
		known[d.ID] = true
	}
	all := corpus.All()
	for _, m := range all {
		if !known[m.ID] {
			return fmt.Errorf("the page says nothing of message %s", m.ID)
		}
	}
	if len(known) != len(all) {
		return fmt.Errorf("the page has %d torture messages, the corpus %d", len(known), len(all))
	}
	return nil
}

// run is one bed from start to end. An error is a fault of the bed.
func (b *bed) run(ctx context.Context, binary string, p *Page) (err error) {
	defer func() { err = errors.Join(err, b.close(err != nil || !b.passed())) }()
	if err := b.open(ctx, binary); err != nil {
		return fmt.Errorf("%s: %w", b.name, err)
	}
	if b.base, err = b.footprint(ctx); err != nil {
		return err
	}
	raw := map[string]corpus.Message{}
	for _, m := range corpus.All() {
		raw[m.ID] = m
	}
	for i, d := range p.Demands {
		b.verdict(d.ID, b.one(ctx, i, raw[d.ID], d.Outcomes[b.column]))
	}
	if b.tcp && !b.server {
		for i, d := range p.Demands {
			if o := d.Outcomes[b.column]; !o.Close && !o.Hang && !(o.Forward && o.Status != 0) {
				b.verdict(d.ID, b.pieces(ctx, i, raw[d.ID], o))
			}
		}
	}
	if !b.server {
		b.verdict("PROTOS c07", b.anomalous(ctx))
	}
	for _, h := range b.hanging {
		b.verdict(h.id, b.outlived(ctx, h))
	}
	b.verdict("torture baseline", b.atRest(ctx))
	b.verdict("torture alive", b.sound(ctx))
	return nil
}

// verdict files what became of a message in this bed; its row is that of the
// network.
func (b *bed) verdict(id string, err error) {
	t := Test{ID: id + " " + map[bool]string{false: "UDP", true: "TCP"}[b.tcp], Package: "bin/releve", Name: "from the " + b.name, Passed: err == nil}
	if err != nil {
		t.Output = fmt.Sprintf("from the %s: %v\n", b.name, err)
	}
	b.verdicts = append(b.verdicts, t)
}

func (b *bed) passed() bool {
	for _, t := range b.verdicts {
		if !t.Passed {
			return false
		}
	}
	return true
}

// merge makes one Test of all that have the same ID, in order of appearance.
func merge(tests []Test) (out []Test) {
	at := map[string]int{}
	for _, t := range tests {
		i, ok := at[t.ID]
		if !ok {
			at[t.ID] = len(out)
			out = append(out, t)
			continue
		}
		out[i].Passed = out[i].Passed && t.Passed
		out[i].Output += t.Output
		if out[i].Name != t.Name {
			out[i].Name = "from both sides"
		}
	}
	return out
}
