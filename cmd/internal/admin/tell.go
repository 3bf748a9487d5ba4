package admin

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"releve/cmd/internal/text"
	"releve/db"
)

// Teller is the part of Node that tells people of alarms.
type Teller interface {
	// AlarmHistory returns the alarms that stand and those that ended, as long as
	// the table holds them.
	AlarmHistory(ctx context.Context) []db.Alarm
	// Receivers returns the state of each receiver of alarms.
	Receivers(ctx context.Context) []Receiver
	// TestReceivers sends a test to the receivers of that name, of that kind, or
	// "all", and waits for what they say; a *Fault when there is none.
	TestReceivers(ctx context.Context, name string) ([]ReceiverTest, error)
	// Silences returns those that are open or planned.
	Silences(ctx context.Context) []Silence
	// Silence plans one; a *Fault when it may not be.
	Silence(ctx context.Context, s SilenceAsked) (Silence, error)
	// EndSilence ends one, 0: all; a *Fault when there is none.
	EndSilence(ctx context.Context, id uint32, actor string) ([]Silence, error)
}

// Receiver is who is told of alarms: a mail address, a program.
type Receiver struct {
	Name    string `json:"name"`
	Waiting int    `json:"waiting"` // notices that it has not taken yet
	Sent    uint64 `json:"sent"`    // since the start, as all counts
	Failed  uint64 `json:"failed"`
	Dropped uint64 `json:"dropped"`
	Down    bool   `json:"down"`            // it fails again and again
	Cause   string `json:"cause,omitempty"` // of the newest failure; empty: the newest attempt went well
}

// ReceiverTest is how a test went.
type ReceiverTest struct {
	Name   string  `json:"name"`
	OK     bool    `json:"ok"`
	Answer string  `json:"answer,omitempty"` // what the receiver said
	Cause  string  `json:"cause,omitempty"`  // why not
	Took   float64 `json:"took_ms"`
}

// Silence is a time in which alarms are raised and shown, and not sent.
type Silence struct {
	ID     uint32    `json:"id"`
	Start  time.Time `json:"start"`
	End    time.Time `json:"end"`
	Reason string    `json:"reason"`
	By     string    `json:"by"`
	All    bool      `json:"all"` // alarm 1002 (nobody answers), too
	Open   bool      `json:"open"`
}

// SilenceAsked plans a silence.
type SilenceAsked struct {
	Start  time.Time     `json:"start"`     // zero: now
	Length time.Duration `json:"length_ns"` // 1 min – 7 d
	Reason string        `json:"reason"`    // 1–500 characters
	All    bool          `json:"all"`
	Actor  string        `json:"-"` // set by the server
}

func (d *Door) alarmHistory(ctx context.Context, _ *http.Request) (any, error) {
	return list(d.node.AlarmHistory(ctx)), nil
}

func (d *Door) receivers(ctx context.Context, _ *http.Request) (any, error) {
	return list(d.node.Receivers(ctx)), nil
}

func (d *Door) testReceivers(ctx context.Context, r *http.Request) (any, error) {
	tests, err := d.node.TestReceivers(ctx, r.PathValue("name"))
	return list(tests), err
}

func (d *Door) silences(ctx context.Context, _ *http.Request) (any, error) {
	return list(d.node.Silences(ctx)), nil
}

func (d *Door) silence(ctx context.Context, r *http.Request) (any, error) {
	var s SilenceAsked
	if err := decode(r, &s); err != nil {
		return nil, err
	}
	s.Reason, s.Actor = strings.TrimSpace(s.Reason), actor(ctx)
	if s.Reason == "" || utf8.RuneCountInString(s.Reason) > maxReason {
		return nil, bad(text.FaultReason)
	}
	return d.node.Silence(ctx, s)
}

func (d *Door) endSilence(ctx context.Context, r *http.Request) (any, error) {
	id, err := strconv.ParseUint(r.PathValue("id"), 10, 32)
	if err != nil {
		return nil, &Fault{Status: http.StatusNotFound, Code: text.FaultNoSilence}
	}
	ended, err := d.node.EndSilence(ctx, uint32(id), actor(ctx))
	return list(ended), err
}
