package app

import (
	"fmt"
	"net/netip"
	"time"

	"releve/cmd/internal/config"
	"releve/cmd/internal/text"
	"releve/health/metric"
	"releve/proxy/media"
)

// prepareMedia opens what test calls and the hold prompt need. Without a port for the
// prompt held callers get the plain signal, and the alarm says so: no call waits for a
// sound.
func (a *App) prepareMedia() error {
	local, _ := a.cfg().MediaAt()
	a.tests.ports = media.NewPorts(local, a.cfg().Media.First, a.cfg().Media.Last)
	file := a.cfg().Overflow.HoldPrompt
	if file == "" {
		return nil
	}
	prompt, err := config.ReadPrompt(file)
	if err != nil {
		return fmt.Errorf("read the hold prompt %s: %w; run releve config check", file, err)
	}
	if a.player, err = a.tests.ports.Player(prompt); err != nil {
		a.log.Error("the hold prompt cannot be played", "error", err)
		return nil
	}
	a.stops = append(a.stops, a.player.Close)
	return nil
}

// prompt is a hook of the proxy: it plays to the caller whom an offer describes. The
// prompt goes where the caller's own IPBX says that he listens, and nowhere else: not
// to this machine, unless Relève itself speaks from there.
func (a *App) prompt(offer []byte) (answer []byte, stop func()) {
	if a.player == nil {
		return nil, nil
	}
	local, advertised := a.cfg().MediaAt()
	c, ok := media.ReadOffer(offer)
	if !ok || c.To.Addr().IsLoopback() && !local.IsLoopback() || c.To.Addr().Is4() != advertised.Is4() {
		return nil, nil
	}
	if stop, ok = a.player.Play(c); !ok {
		return nil, nil
	}
	return c.Answer(uint64(time.Now().UnixNano()), netip.AddrPortFrom(advertised, a.player.Port())), stop
}

func (a *App) promptLimit() limit {
	p := a.player
	if p == nil {
		return limit{name: text.LimitPrompts, count: func() uint64 { return 0 }}
	}
	return limit{name: text.LimitPrompts, count: p.Refused}.holding(p.MaxListeners(), p.Playing)
}

// promptMetrics declares the series of the hold prompt.
func (a *App) promptMetrics(set *metric.Set) {
	of := func(value func(p *media.Player) float64) func() float64 {
		return func() float64 {
			if a.player == nil {
				return 0
			}
			return value(a.player)
		}
	}
	set.GaugeFunc("releve_prompts_total", "held callers who heard the hold prompt begin", of(func(p *media.Player) float64 { return float64(p.Played()) }))
	set.GaugeFunc("releve_prompts_playing", "held callers who hear it now", of(func(p *media.Player) float64 { return float64(p.Playing()) }))
	set.GaugeFunc("releve_prompt_packets_total", "RTP packets of the hold prompt", of(func(p *media.Player) float64 { return float64(p.Packets()) }))
}
