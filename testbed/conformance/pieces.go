package conformance

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"releve/testbed/conformance/corpus"
)

// beside is how many connections are cut at a time, and together how many
// messages go in one write.
const (
	beside  = 16
	atOnce  = 50
	settled = 10 * time.Second
	// underway is how many copies of one message may lack their answer.
	underway = 256
)

// pieces sends a message cut at every offset, byte by byte, and fifty at once;
// each copy has a Call-ID and branch of its own.
func (b *bed) pieces(ctx context.Context, i int, m corpus.Message, want Outcome) error {
	m.Raw = streamed(m.Raw, readMessage(m.Raw), want)
	m.Raw, want = unpinged(m.Raw, want)
	conns := make([]*stream, beside)
	for k := range conns {
		c, err := dialTCP(ctx, b.sender(i), b.releve, b.ear)
		if err != nil {
			return err
		}
		defer c.close()
		conns[k] = c
	}
	if err := b.cutEverywhere(ctx, conns, m, want); err != nil {
		return fmt.Errorf("cut: %w", err)
	}
	if err := b.byteByByte(ctx, conns[0], m, want); err != nil {
		return fmt.Errorf("byte by byte: %w", err)
	}
	if err := b.inOneWrite(ctx, conns[0], m, want); err != nil {
		return fmt.Errorf("%d in one write: %w", atOnce, err)
	}
	return nil
}

// unpinged gives an OPTIONS that Relève would answer itself another method: it
// answers 20 a second and drops the rest.
func unpinged(raw []byte, want Outcome) ([]byte, Outcome) {
	m := readMessage(raw)
	if m.method() != "OPTIONS" || want.Forward || want.Status >= 300 && want.Status != 420 {
		return raw, want
	}
	if want.Status == 200 {
		want = Outcome{Forward: true}
	}
	if m.value("max-forwards") == "0" {
		want = Outcome{Status: 483}
	}
	return bytes.ReplaceAll(raw, []byte("OPTIONS"), []byte("OPTIONX")), want
}

func (b *bed) cutEverywhere(ctx context.Context, conns []*stream, m corpus.Message, want Outcome) error {
	c := b.copies()
	size := len(c.next(m.Raw))
	for offset := 1; offset < size; offset += len(conns) {
		now := conns[:min(len(conns), size-offset)]
		rest := make([][]byte, len(now))
		var fault error
		for k, conn := range now {
			raw := c.next(m.Raw)
			b.note(c, raw)
			fault = errors.Join(fault, conn.begin(raw[:offset+k]))
			rest[k] = raw[offset+k:]
		}
		time.Sleep(200 * time.Microsecond) // so that the two parts are two reads there
		for k, conn := range now {
			fault = errors.Join(fault, conn.end(rest[k]))
		}
		if fault != nil {
			return fault
		}
		c.pace(ctx, want)
	}
	return c.judge(ctx, want)
}

func (b *bed) byteByByte(ctx context.Context, conn *stream, m corpus.Message, want Outcome) error {
	c := b.copies()
	raw := c.next(m.Raw)
	b.note(c, raw)
	single := make([][]byte, 0, len(raw))
	for k := range raw[1:] {
		single = append(single, raw[k+1:k+2])
	}
	if err := errors.Join(conn.begin(raw[:1]), conn.end(single...)); err != nil {
		return err
	}
	return c.judge(ctx, want)
}

func (b *bed) inOneWrite(ctx context.Context, conn *stream, m corpus.Message, want Outcome) error {
	c := b.copies()
	var all []byte
	for range atOnce {
		raw := c.next(m.Raw)
		b.note(c, raw)
		all = append(all, raw...)
	}
	if err := conn.send(all); err != nil {
		return err
	}
	return c.judge(ctx, want)
}

// copies are many of one message on their way.
type copies struct {
	b     *bed
	count int
	sent  map[string]*message // by Call-ID, where there is one
}

func (b *bed) copies() *copies {
	b.ear.take()
	return &copies{b: b, sent: map[string]*message{}}
}

// note remembers a copy that is sent.
func (b *bed) note(c *copies, raw []byte) {
	c.count++
	m := readMessage(raw)
	c.sent[m.value("call-id")] = m
	b.ear.sends(m)
}

// next makes a copy with a Call-ID, and a branch where it has one, of its own.
func (c *copies) next(raw []byte) []byte {
	c.b.fences++
	mark := fmt.Sprintf("%07d", c.b.fences)
	out := raw
	if head, rest, ok := bytes.Cut(out, []byte("z9hG4bK")); ok {
		out = bytes.Join([][]byte{head, []byte("z9hG4bK" + mark), rest}, nil)
	}
	id := []byte(readMessage(raw).value("call-id"))
	if len(id) == 0 {
		return out
	}
	return bytes.Replace(out, id, append([]byte(mark), id...), 1)
}

// pace keeps fewer copies on their way than Relève has lines: on a slow machine
// it would find the server full.
func (c *copies) pace(ctx context.Context, want Outcome) {
	if want.Status == 0 && !want.Forward {
		return // none is answered
	}
	ctx, cancel := context.WithTimeout(ctx, settled)
	defer cancel()
	c.b.ear.until(ctx, func(_, finals []heard) bool { return c.count-len(finals) < underway }) // judge tells when it never is
}

// judge waits until every copy has its outcome, and compares each.
func (c *copies) judge(ctx context.Context, want Outcome) error {
	ctx, cancel := context.WithTimeout(ctx, settled)
	defer cancel()
	answered := want.Status != 0 || want.Forward
	all := c.b.ear.until(ctx, func(requests, finals []heard) bool {
		return !answered || len(finals) >= c.count
	})
	if !answered { // nothing comes: the fence says when
		if err := c.b.fence(ctx, c.b.watch.at, c.b.watch.send); err != nil {
			return err
		}
	}
	requests, finals := c.b.ear.take()
	requests, finals = withoutFences(requests), withoutFences(finals)
	if !all || answered && len(finals) != c.count {
		return fmt.Errorf("%d of %d were answered", len(finals), c.count)
	}
	if want.Forward != (len(requests) == c.count) || !want.Forward && len(requests) > 0 {
		return fmt.Errorf("%d of %d were forwarded", len(requests), c.count)
	}
	return c.compare(requests, finals, want)
}

func (c *copies) compare(requests, finals []heard, want Outcome) error {
	for _, r := range requests {
		sent := c.sent[r.msg.value("call-id")]
		if sent == nil {
			return fmt.Errorf("a Call-ID that nobody sent: %q", r.msg.value("call-id"))
		}
		if err := c.b.way().intact(sent, r.msg); err != nil {
			return fmt.Errorf("not intact: %w", err)
		}
	}
	for _, f := range finals {
		if want.Status != 0 && f.msg.status() != want.Status {
			return fmt.Errorf("%q, want %d", f.msg.start, want.Status)
		}
	}
	return nil
}
