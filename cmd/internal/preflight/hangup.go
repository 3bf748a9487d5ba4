package preflight

import (
	"context"

	"releve/proxy/message"
)

// cancel gives the call up: at once when something came, else with the first
// provisional (RFC 3261 §9.1).
func (c *call) cancel() {
	c.mu.Lock()
	due := !c.given && c.final == nil
	c.given = c.given || c.final == nil
	due = due && c.progress
	c.mu.Unlock()
	if due {
		c.sendCancel()
	}
}

func (c *call) sendCancel() {
	var sent message.Head
	c.mu.Lock()
	raw, r, _ := message.Scan(c.invite, &sent)
	c.mu.Unlock()
	if r == message.OK {
		c.s.send(c.q.to, message.AppendCancel(nil, raw, &sent, nil))
	}
}

// end hangs up, whatever became of the call, and waits for its end a little.
func (c *call) end() {
	c.once.Do(func() {
		ctx, cancel := context.WithTimeout(context.Background(), cleanLimit)
		defer cancel()
		c.mu.Lock()
		final := c.final
		c.mu.Unlock()
		if final == nil {
			c.cancel()
			final = c.leave(ctx)
		}
		if s := final.status(); s >= 200 && s < 300 {
			c.d.bye(ctx)
		}
		close(c.quit)
		<-c.done
	})
}

// leave waits for the final of a call that is given up, the CANCEL repeated.
func (c *call) leave(ctx context.Context) *heard {
	c.mu.Lock()
	mute := len(c.got) == 0 && !c.s.heardOf(c.q.to.Remote.Addr())
	c.mu.Unlock()
	if mute { // nobody is there, by all signs: no CANCEL may go out (RFC 3261 §9.1)
		short, cancel := within(ctx, t1)
		defer cancel()
		ctx = short
	}
	for {
		turn, cancel := within(ctx, t1)
		m := c.wait(turn, isFinal)
		cancel()
		c.mu.Lock()
		failed, progress := c.failed, c.progress
		c.mu.Unlock()
		if m != nil || failed || ctx.Err() != nil {
			return m
		}
		if progress {
			c.sendCancel()
		}
	}
}
