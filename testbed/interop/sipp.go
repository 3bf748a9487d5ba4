package interop

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// SIPp (no stack: a scenario is what it sends) calls from behind the IPBX. As a
// voice server it has 72 flows of its own (testbed/sipp, make flows).

const sippBody = "v=0\no=sipp 1 1 IN IP4 [local_ip]\ns=-\nc=IN IP4 [media_ip]\nt=0 0\nm=audio [media_port] RTP/AVP 8\na=rtpmap:8 PCMA/8000\na="

// sippSend is one request of the caller. Outside a dialog it goes to number.
func sippSend(method, number string, cseq int, more, direction string) string {
	where, to, routes := "[next_url]", "<sip:"+number+"@ipbx.test>[peer_tag_param]", "[routes]\n"
	if number != "" && cseq == 1 && method != "ACK" {
		where, to, routes = "sip:"+number+"@ipbx.test", "<sip:"+number+"@ipbx.test>", ""
	}
	body := "Content-Length: 0\n"
	if direction != "" {
		body = "Content-Type: application/sdp\nContent-Length: [len]\n\n" + sippBody + direction + "\n"
	}
	retrans := ` retrans="500"`
	if method == "ACK" {
		retrans = ""
	}
	branch := "[branch]"
	if method == "CANCEL" {
		branch = "[branch-3]" // that of its INVITE, three messages before
	}
	return "<send" + retrans + "><![CDATA[\n" + method + " " + where + " SIP/2.0\nVia: SIP/2.0/[transport] [local_ip]:[local_port];branch=" + branch + "\n" + routes +
		"From: <sip:1001@ipbx.test>;tag=[call_number]x\nTo: " + to + "\nCall-ID: [call_id]\nCSeq: " + fmt.Sprint(cseq) + " " + method +
		"\nContact: <sip:1001@[local_ip]:[local_port]>\nMax-Forwards: 70\n" + more + body + "\n]]></send>\n"
}

func sippExpect(status string, keep bool) string {
	if keep {
		return `<recv response="` + status + `" rrs="true"/>` + "\n"
	}
	return `<recv response="` + status + `"/>` + "\n"
}

const sippMaybe = `<recv response="100" optional="true"/>` + "\n" + `<recv response="180" optional="true"/>` + "\n"

// sippCall is INVITE to ACK, then what happens in the call, then BYE.
func sippCall(inside string, bye int) string {
	return sippSend("INVITE", "5000", 1, "", "sendrecv") + sippMaybe + sippExpect("200", true) + sippSend("ACK", "5000", 1, "", "") +
		inside + `<pause milliseconds="200"/>` + "\n" + sippSend("BYE", "5000", bye, "", "") + sippExpect("200", false)
}

// sippCancel gives up after the 180.
func sippCancel() string {
	return sippSend("INVITE", "5000", 1, "", "sendrecv") + `<recv response="100"/>` + "\n" + `<recv response="180"/>` + "\n" +
		sippSend("CANCEL", "5000", 1, "", "") + sippExpect("200", false) + sippExpect("487", false) +
		strings.Replace(strings.Replace(sippSend("ACK", "5000", 1, "", ""), "[next_url]", "sip:5000@ipbx.test", 1), "branch=[branch]", "branch=[branch-6]", 1)
}

func sippHold() string {
	one := func(cseq int, direction string) string {
		return sippSend("INVITE", "5000", cseq, "", direction) + `<recv response="100" optional="true"/>` + "\n" + sippExpect("200", false) + sippSend("ACK", "5000", cseq, "", "")
	}
	return one(2, "sendonly") + one(3, "sendrecv")
}

// sipp plays a scenario as phone 1001 and returns when it ended well.
func (w *World) sipp(ctx context.Context, name, scenario string) error {
	dir := filepath.Join(w.dir, "sipp-"+name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	file := filepath.Join(dir, name+".xml")
	text := `<?xml version="1.0" encoding="UTF-8"?>` + "\n<scenario name=\"" + name + "\">\n" + scenario + "</scenario>\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		return err
	}
	at := w.net.at(hostPhone)
	p, err := start("sipp-"+name, dir, "sipp", "-sf", file, "-i", at.Addr().String(), "-p", fmt.Sprint(at.Port()), "-bind_local", "-m", "1", "-nostdin",
		"-timeout", "25", "-timeout_error", "-trace_msg", "-message_file", filepath.Join(dir, "messages"), "-skip_rlimit", w.net.at(hostIPBX).String())
	if err != nil {
		return err
	}
	defer p.kill()
	select {
	case <-p.done:
	case <-ctx.Done():
		return ctx.Err()
	}
	if code := p.cmd.ProcessState.ExitCode(); code != 0 {
		p.logs = append(p.logs, filepath.Join(dir, "messages"))
		return fmt.Errorf("sipp %s ended with %d\n%s", name, code, p.tail(3000))
	}
	return nil
}

// sippPlays is the row of SIPp as a phone.
func sippPlays() map[Action]play {
	return map[Action]play{
		CallIn: func(ctx context.Context, w *World) error {
			s := w.now()
			if err := errors.Join(w.sipp(ctx, "call", sippCall("", 2)), s.saw(ctx, w.primary, established), s.saw(ctx, w.primary, ended)); err != nil {
				return err
			}
			return w.settled(ctx, "in answered primary 200 caller")
		},
		Hold: func(ctx context.Context, w *World) error {
			s := w.now()
			if err := errors.Join(w.sipp(ctx, "hold", sippCall(sippHold(), 4)), s.saw(ctx, w.primary, held), s.saw(ctx, w.primary, ended)); err != nil {
				return err
			}
			return w.settled(ctx, "in answered primary 200 caller")
		},
		Cancel: func(ctx context.Context, w *World) error {
			if err := w.primary.auto(false); err != nil {
				return err
			}
			s := w.now()
			if err := errors.Join(w.sipp(ctx, "cancel", sippCancel()), s.saw(ctx, w.primary, ended), s.never(w.primary, established), w.primary.auto(true)); err != nil {
				return err
			}
			return w.settled(ctx, "in cancelled")
		},
		Switchover: func(ctx context.Context, w *World) error {
			w.primary.self().kill()
			s := w.now()
			if err := errors.Join(w.sipp(ctx, "held", sippCall("", 2)), s.within(ctx, 15*time.Second, w.secondary, established)); err != nil {
				return err
			}
			if err := w.settled(ctx, "in answered secondary 200 caller"); err != nil {
				return err
			}
			return w.moved(ctx)
		},
	}
}

// asks: sipsak cannot bind an address, so it comes from 127.0.0.1. As an address
// of the IPBX it gets 200 to OPTIONS while a call would be treated; as a stranger
// it gets none.
func asks(known bool) play {
	return func(ctx context.Context, w *World) error {
		short, cancel := context.WithTimeout(ctx, 6*time.Second)
		defer cancel()
		raw, err := exec.CommandContext(short, "sipsak", "-vv", "-s", uri("", w.net.at(hostReleve), "udp")).CombinedOutput()
		if errors.Is(err, exec.ErrNotFound) {
			return err
		}
		if served := err == nil && strings.Contains(string(raw), "SIP/2.0 200"); served != known {
			return fmt.Errorf("sipsak, known %t: %v\n%s", known, err, raw)
		}
		s, err := w.hop.status(ctx)
		if err == nil && s.Counters.InProgress != 0 {
			err = fmt.Errorf("OPTIONS left a call: %+v", s.Counters)
		}
		return err
	}
}
