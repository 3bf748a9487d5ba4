package phone

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
)

// maxLine bounds one line of the control protocol; maxEvents the events that
// wait for a slow reader, beyond which they are dropped and counted.
const (
	maxLine   = 1 << 20
	maxEvents = 4096
)

// Line is one line of the control protocol, JSON in both directions. A request
// has ID and Do; its reply has the same ID and Result or Error; an event has
// Event. A party starts with the event "ready".
type Line struct {
	ID     int64           `json:"id,omitempty"`
	Do     string          `json:"do,omitempty"`
	Args   json.RawMessage `json:"args,omitempty"`
	Result json.RawMessage `json:"result,omitempty"`
	Error  string          `json:"error,omitempty"`
	Event  string          `json:"event,omitempty"`
	Data   json.RawMessage `json:"data,omitempty"`
}

// Command performs one request of the control protocol. Commands run
// concurrently; the result is sent as JSON.
type Command func(ctx context.Context, args json.RawMessage) (any, error)

// Control is the party's end of the control protocol.
type Control struct {
	mu      sync.Mutex // one line at a time
	rw      io.ReadWriter
	events  chan Line
	dropped atomic.Int64
}

// NewControl makes the party's end over rw (stdin and stdout of a process).
func NewControl(rw io.ReadWriter) *Control {
	return &Control{rw: rw, events: make(chan Line, maxEvents)}
}

// Emit queues an event; it never blocks. What does not fit is dropped and
// counted. Safe for concurrent use, also from callbacks.
func (c *Control) Emit(event string, data any) {
	raw, err := json.Marshal(data)
	if err != nil {
		c.dropped.Add(1)
		return
	}
	select {
	case c.events <- Line{Event: event, Data: raw}:
	default:
		c.dropped.Add(1)
	}
}

// Dropped counts the events that were not sent.
func (c *Control) Dropped() int64 { return c.dropped.Load() }

// Serve performs the commands of rw until it ends, ctx ends, or "quit" comes.
func (c *Control) Serve(ctx context.Context, commands map[string]Command) error {
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	running.Go(func() { c.writeEvents(ctx) })
	lines, ended := make(chan Line), make(chan error, 1)
	go readLines(ctx, c.rw, lines, ended) // ends with rw; a blocked read ends with the process
	for {
		select {
		case <-ctx.Done():
			return nil
		case err := <-ended:
			return err
		case l := <-lines:
			if l.Do == "quit" {
				return c.write(Line{ID: l.ID})
			}
			running.Go(func() { c.perform(ctx, l, commands[l.Do]) })
		}
	}
}

func readLines(ctx context.Context, r io.Reader, lines chan<- Line, ended chan<- error) {
	scan := bufio.NewScanner(r)
	scan.Buffer(make([]byte, 0, 4096), maxLine)
	for scan.Scan() {
		var l Line
		if err := json.Unmarshal(scan.Bytes(), &l); err != nil {
			ended <- fmt.Errorf("read control line %q: %w", scan.Text(), err)
			return
		}
		select {
		case lines <- l:
		case <-ctx.Done():
			return
		}
	}
	ended <- scan.Err()
}

func (c *Control) perform(ctx context.Context, l Line, command Command) {
	reply := Line{ID: l.ID}
	if command == nil {
		reply.Error = fmt.Sprintf("unknown command %q", l.Do)
	} else if result, err := command(ctx, l.Args); err != nil {
		reply.Error = err.Error()
	} else if reply.Result, err = json.Marshal(result); err != nil {
		reply.Error = err.Error()
	}
	_ = c.write(reply) // the reader is gone: Serve ends by its own read
}

func (c *Control) writeEvents(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case l := <-c.events:
			if c.write(l) != nil {
				return
			}
		}
	}
}

func (c *Control) write(l Line) error {
	raw, err := json.Marshal(l)
	if err != nil {
		return fmt.Errorf("write control line: %w", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	_, err = c.rw.Write(append(raw, '\n'))
	return err
}

// ErrPartyGone: the party's process or pipe ended.
var ErrPartyGone = errors.New("the party ended its control connection: look at its standard error")

// Remote is the other end: it drives a party in another process. Safe for
// concurrent use.
type Remote struct {
	mu      sync.Mutex
	w       io.Writer
	serial  int64
	waiting map[int64]chan Line
	gone    chan struct{}
}

// Drive reads the party's lines from r and writes requests to w. onEvent is
// called in the reading goroutine and must not call Remote.
func Drive(r io.Reader, w io.Writer, onEvent func(event string, data json.RawMessage)) *Remote {
	d := &Remote{w: w, waiting: map[int64]chan Line{}, gone: make(chan struct{})}
	go d.read(r, onEvent)
	return d
}

func (d *Remote) read(r io.Reader, onEvent func(string, json.RawMessage)) {
	defer close(d.gone)
	scan := bufio.NewScanner(r)
	scan.Buffer(make([]byte, 0, 4096), maxLine)
	for scan.Scan() {
		var l Line
		if json.Unmarshal(scan.Bytes(), &l) != nil {
			continue // a stray print of the process
		}
		if l.Event != "" {
			if onEvent != nil {
				onEvent(l.Event, l.Data)
			}
			continue
		}
		d.mu.Lock()
		ch := d.waiting[l.ID]
		delete(d.waiting, l.ID)
		d.mu.Unlock()
		if ch != nil {
			ch <- l
		}
	}
}

// Gone is closed when the party ended.
func (d *Remote) Gone() <-chan struct{} { return d.gone }

// Do sends a request and waits for its reply; result may be nil.
func (d *Remote) Do(ctx context.Context, do string, args, result any) error {
	raw, err := json.Marshal(args)
	if err != nil {
		return fmt.Errorf("%s: %w", do, err)
	}
	ch := make(chan Line, 1)
	if err := d.post(Line{Do: do, Args: raw}, ch); err != nil {
		return fmt.Errorf("%s: %w", do, err)
	}
	select {
	case <-ctx.Done():
		return fmt.Errorf("%s: %w", do, context.Cause(ctx))
	case <-d.gone:
		return fmt.Errorf("%s: %w", do, ErrPartyGone)
	case l := <-ch:
		if l.Error != "" {
			return fmt.Errorf("%s: %s", do, l.Error)
		}
		if result == nil {
			return nil
		}
		return json.Unmarshal(l.Result, result)
	}
}

func (d *Remote) post(l Line, reply chan Line) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.serial++
	l.ID = d.serial
	raw, err := json.Marshal(l)
	if err != nil {
		return err
	}
	d.waiting[l.ID] = reply
	if _, err = d.w.Write(append(raw, '\n')); err != nil {
		delete(d.waiting, l.ID)
	}
	return err
}

// Parse reads the arguments of a command into T; none are T's zero.
func Parse[T any](args json.RawMessage) (T, error) {
	var v T
	if len(args) == 0 {
		return v, nil
	}
	if err := json.Unmarshal(args, &v); err != nil {
		return v, fmt.Errorf("read arguments: %w", err)
	}
	return v, nil
}
