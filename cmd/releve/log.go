package main

import (
	"fmt"
	"io"
	"sync"
	"time"
)

// maxLines bounds the log lines that wait to be written; more are dropped, and
// the next line that gets through says how many.
const maxLines = 4096

// lastWords is how long the end waits for what is still unwritten.
const lastWords = 2 * time.Second

// logWriter writes lines in a goroutine of its own: a journal that stalls, a
// terminal stopped with Ctrl-S, never holds up a call or a verification. Write
// never blocks and never fails. Safe for concurrent use.
type logWriter struct {
	to    io.Writer
	lines chan []byte
	done  chan struct{}

	mu      sync.Mutex
	closed  bool   // guarded by mu
	dropped uint64 // guarded by mu: since the last line that found room
}

func newLogWriter(to io.Writer) *logWriter {
	w := &logWriter{to: to, lines: make(chan []byte, maxLines), done: make(chan struct{})}
	go func() {
		defer close(w.done)
		for l := range w.lines {
			_, _ = w.to.Write(l) // nobody is left to tell
		}
	}()
	return w
}

func (w *logWriter) Write(line []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return len(line), nil
	}
	out := append([]byte(nil), line...)
	if w.dropped > 0 {
		out = append(fmt.Appendf(nil, "level=WARN msg=\"log lines were dropped\" count=%d\n", w.dropped), out...)
	}
	select {
	case w.lines <- out:
		w.dropped = 0
	default:
		w.dropped++
	}
	return len(line), nil
}

// Close writes what waits, unless that takes too long.
func (w *logWriter) Close() {
	w.mu.Lock()
	if !w.closed {
		w.closed = true
		close(w.lines)
	}
	w.mu.Unlock()
	limit := time.NewTimer(lastWords)
	defer limit.Stop()
	select {
	case <-w.done:
	case <-limit.C:
	}
}
