package transport

import "time"

// stream is the reading side of a connection. Owned by its goroutine.
type stream struct {
	c      *conn
	framer framer
	buf    []byte // bytes read and not consumed, at its start
	pooled *[]byte
	armed  time.Time // what the read deadline was last set from
	midway bool      // that deadline is the one of a message begun
	pulse  pulse     // of a connection that we dialed
}

// run reads until the connection ends and says how it did.
func (r *stream) run() ended {
	r.pooled = r.c.t.buffers.Get().(*[]byte)
	r.buf = (*r.pooled)[:0]
	defer func() { r.c.t.buffers.Put(r.pooled) }()
	for {
		r.arm()
		r.room()
		n, err := r.c.receive(r.buf[len(r.buf):cap(r.buf)])
		r.buf = r.buf[:len(r.buf)+n]
		if n > 0 {
			if !r.cut() {
				return ended{cause: ConnectionLost}
			}
			r.listen()
		}
		if err == nil || (timedOut(err) && !r.late()) {
			continue
		}
		return r.why(err)
	}
}

// why reads the error that ended the loop, and counts what we decided ourselves.
func (r *stream) why(err error) ended {
	switch {
	case !timedOut(err):
		r.c.t.count.lost(err)
		return ended{cause: r.c.causeOf(err), closed: r.c.t.stop.Err() != nil}
	case r.midway:
		r.c.t.count.slowMessages.Add(1)
		return ended{cause: ConnectionLost}
	case r.pulse.lost:
		r.c.t.count.unanswered.Add(1)
		return ended{cause: ConnectionLost}
	}
	r.c.t.count.idleClosed.Add(1)
	return ended{closed: true}
}

// arm sets the read deadline when it has to change: a message that has begun
// must end in time; between messages the idle time runs, and is set anew only
// when a quarter of it has passed.
func (r *stream) arm() {
	now := time.Now()
	begun, d := r.framer.begun(), r.patience()
	if begun != r.midway || r.armed.IsZero() || (!begun && now.Sub(r.armed) > d/4) {
		if begun {
			d = r.c.t.limits.message
		}
		r.midway, r.armed = begun, now
		_ = r.c.tcp.SetReadDeadline(now.Add(d))
	}
}

// late reports whether an expired deadline really means the end: what we sent
// counts against idleness too.
func (r *stream) late() bool {
	if r.midway {
		return true
	}
	r.armed = time.Time{} // set it again
	if !r.c.inbound {
		return r.beat()
	}
	return time.Since(r.c.lastSent()) >= r.c.t.limits.idle
}

// room makes space behind what is held: doubled when full, exact once the
// message's size is known, small again when everything was consumed.
func (r *stream) room() {
	switch want := r.framer.want(); {
	case len(r.buf) == 0 && cap(r.buf) > firstRead:
		r.buf = (*r.pooled)[:0]
	case want > cap(r.buf):
		r.grow(want)
	case len(r.buf) == cap(r.buf):
		r.grow(2 * cap(r.buf))
	}
}

// grow is bounded by the framer, which refuses what exceeds its limits.
func (r *stream) grow(size int) {
	next := make([]byte, len(r.buf), size)
	copy(next, r.buf)
	r.buf = next
}

// cut hands over all whole messages and keeps the rest; false: the connection
// is to be closed.
func (r *stream) cut() bool {
	t, used, handed := r.c.t, 0, false
	for {
		kind, skip, size := r.framer.next(r.buf[used:])
		used += skip
		switch kind {
		case message:
			handed = true
			t.count.received.Add(1)
			t.handler.Receive(r.c.flow, r.buf[used:used+size:used+size])
			used += size
			continue
		case keepAlive:
			t.count.keepAlives.Add(1)
			_ = r.c.send([]byte("\r\n")) // RFC 5626 §4.4.1
			continue
		case lengthless, badLength:
			handed = true
			t.count.received.Add(1)
			t.handler.Receive(r.c.flow, r.buf[used:used+size:used+size])
		}
		if handed {
			r.armed = time.Time{} // the time of the next message starts here
			t.afterBatch(r.c.flow.Listener)
		}
		if kind == needMore {
			r.buf = r.buf[:copy(r.buf, r.buf[used:])]
			return true
		}
		r.refuse(kind)
		return false
	}
}

// refuse counts why the stream cannot go on, and lets an answer to a message
// without a usable Content-Length leave before the end.
func (r *stream) refuse(kind frame) {
	k := &r.c.t.count
	switch kind {
	case lengthless:
		k.withoutLength.Add(1)
		r.linger()
	case badLength:
		k.badLength.Add(1)
		r.linger()
	default:
		k.oversized.Add(1)
	}
}

// linger reads and discards for the grace time: closing with unread bytes would
// reset the connection and take the answer along.
func (r *stream) linger() {
	_ = r.c.tcp.SetReadDeadline(time.Now().Add(r.c.t.limits.grace))
	for {
		if _, err := r.c.receive(r.buf[:cap(r.buf)]); err != nil {
			return
		}
	}
}
