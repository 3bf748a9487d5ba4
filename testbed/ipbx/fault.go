package ipbx

import (
	"fmt"
	"time"

	"releve/testbed/phone"
)

// Fault is a way of failing, switched while the IPBX runs.
type Fault string

// Healthy ends the others. Silent reads and drops everything and sends nothing.
// Refuse closes the socket: the kernel answers with ICMP. RegistrarSilent drops
// REGISTER only. Slow treats each datagram late.
const (
	Healthy         Fault = "healthy"
	Silent          Fault = "silent"
	Refuse          Fault = "refuse"
	RegistrarSilent Fault = "registrar-silent"
	Slow            Fault = "slow"
)

// SetFault switches to one fault, ending the one before. late is for Slow: how
// late each datagram is treated.
func (x *IPBX) SetFault(f Fault, late time.Duration) error {
	switch f {
	case Healthy, Silent, Refuse, RegistrarSilent, Slow:
	default:
		return fmt.Errorf("no fault %q: write healthy, silent, refuse, registrar-silent or slow", f)
	}
	x.reg.setSilent(f == RegistrarSilent)
	p := x.phone()
	var err error
	p.Do(func() {
		p.SetSilent(f == Silent)
		p.SetDelay(nil)
		if f == Slow {
			p.SetDelay(func() time.Duration { return late })
		}
		if f == Refuse {
			p.CloseSocket()
			return
		}
		err = p.OpenSocket()
	})
	return err
}

// Restart loses every call; the bindings too, unless they are kept.
func (x *IPBX) Restart(keepBindings bool) error {
	p := x.phone()
	var err error
	p.Do(func() {
		p.Forget()
		p.CloseSocket()
		p.SetSilent(false)
		p.SetDelay(nil)
		err = p.OpenSocket()
	})
	x.reg.restart(keepBindings)
	return err
}

// heartbeat is the goroutine that sends OPTIONS.
type heartbeat struct{ stop, done chan struct{} }

// StartOptions sends OPTIONS to Relève every interval until StopOptions.
func (x *IPBX) StartOptions(interval time.Duration) {
	x.StopOptions()
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.closed || x.options != nil {
		return
	}
	h := &heartbeat{make(chan struct{}), make(chan struct{})}
	x.options = h
	go func() {
		defer close(h.done)
		tick := time.NewTicker(interval)
		defer tick.Stop()
		for {
			x.sendOptions()
			select {
			case <-h.stop:
				return
			case <-tick.C:
			}
		}
	}()
}

// StopOptions ends the periodic OPTIONS; none is sent after it returned.
func (x *IPBX) StopOptions() {
	x.mu.Lock()
	h := x.options
	x.options = nil
	x.mu.Unlock()
	if h != nil {
		close(h.stop)
		<-h.done
	}
}

func (x *IPBX) sendOptions() {
	p := x.phone()
	p.Do(func() { x.optionsOn(p) })
}

func (x *IPBX) optionsOn(p *phone.Phone) {
	uri := "sip:" + x.cfg.Releve.String()
	m := p.NewRequest("OPTIONS", uri, "sip:"+x.cfg.Name+"@"+p.Addr().String(), uri, "", 1)
	x.count(func(s *Stats) { s.OptionsSent++ })
	p.Request(m, x.cfg.Releve, func(answer *phone.Message) {
		if answer == nil {
			x.event(Event{Kind: "options", Text: "no answer"})
			return
		}
		if answer.Status == 200 {
			x.count(func(s *Stats) { s.OptionsAnswered++ })
		}
		x.event(Event{Kind: "options", Text: fmt.Sprint(answer.Status)})
	})
}
