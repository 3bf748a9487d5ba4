package admin

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"releve/cmd/internal/text"
	"releve/db"
)

// maxReason bounds an operator's words, in characters.
const maxReason = 500

// answer is a handler that returns what to send as JSON, or an error.
type answer func(ctx context.Context, r *http.Request) (any, error)

func (d *Door) routes(metrics http.Handler) http.Handler {
	mux := http.NewServeMux()
	for pattern, h := range map[string]answer{
		"GET /api/v1/status":                  d.status,
		"GET /api/v1/calls":                   d.calls,
		"GET /api/v1/events":                  d.events,
		"GET /api/v1/licence":                 d.licence,
		"GET /api/v1/verdicts":                d.explain,
		"GET /api/v1/report":                  d.report,
		"GET /api/v1/alarms":                  d.alarms,
		"GET /api/v1/alarms/history":          d.alarmHistory,
		"POST /api/v1/alarms/{number}/ack":    d.acknowledge,
		"GET /api/v1/version":                 d.version,
		"POST /api/v1/servers/{name}/probes":  d.probe,
		"POST /api/v1/commands":               d.command,
		"GET /api/v1/procedures":              d.procedures,
		"POST /api/v1/procedures":             d.record,
		"POST /api/v1/exercise":               d.exercise,
		"POST /api/v1/config/reloads":         d.reload,
		"GET /api/v1/receivers":               d.receivers,
		"POST /api/v1/receivers/{name}/tests": d.testReceivers,
		"GET /api/v1/silences":                d.silences,
		"POST /api/v1/silences":               d.silence,
		"POST /api/v1/silences/{id}/end":      d.endSilence,
	} {
		mux.HandleFunc(pattern, d.json(h))
	}
	mux.HandleFunc("GET /api/v1/config/running", d.config)
	mux.HandleFunc("GET /healthz", d.alive)
	mux.HandleFunc("GET /readyz", d.ready)
	if metrics != nil {
		mux.Handle("GET /metrics", metrics)
	}
	return d.bounded(mux)
}

// bounded limits every request and gives the mux's own refusals a problem.
func (d *Door) bounded(mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d.requests.Add(1)
		ctx, cancel := context.WithTimeout(r.Context(), requestLimit)
		defer cancel()
		r = r.WithContext(ctx)
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		if _, pattern := mux.Handler(r); pattern == "" {
			code, status := text.FaultNoRoute, http.StatusNotFound
			for _, method := range []string{http.MethodGet, http.MethodPost} {
				other := &http.Request{Method: method, URL: r.URL, Host: r.Host}
				if _, p := mux.Handler(other); p != "" {
					code, status = text.FaultMethod, http.StatusMethodNotAllowed
				}
			}
			d.fault(w, r, &Fault{Status: status, Code: code})
			return
		}
		if d.mayOnlyLook(r) {
			d.fault(w, r, &Fault{Status: http.StatusForbidden, Code: text.FaultRole})
			return
		}
		mux.ServeHTTP(w, r)
	})
}

func (d *Door) json(h answer) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		v, err := h(r.Context(), r)
		if err != nil {
			d.fault(w, r, err)
			return
		}
		d.send(w, http.StatusOK, "application/json", v)
	}
}

func (d *Door) send(w http.ResponseWriter, status int, kind string, v any) {
	raw, err := json.Marshal(v)
	if err != nil { // a value of ours that JSON cannot say: a bug
		d.log.Error("encode an answer of the admin socket", "error", err)
		http.Error(w, "internal fault", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(append(raw, '\n')) // the client may be gone; nobody else to tell
}

// fault sends err as problem details in the reader's language.
func (d *Door) fault(w http.ResponseWriter, r *http.Request, err error) {
	d.faults.Add(1)
	say := text.For(language(r))
	f := &Fault{}
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &f):
		copied := *f
		f = &copied
	case errors.As(err, &tooLarge):
		f = &Fault{Status: http.StatusRequestEntityTooLarge, Code: text.FaultTooLarge}
	case errors.Is(err, db.ErrNotFound):
		f = &Fault{Status: http.StatusNotFound, Code: text.FaultNotFound}
	case errors.Is(err, context.DeadlineExceeded):
		f = &Fault{Status: http.StatusGatewayTimeout, Code: text.FaultTimeout}
	default:
		d.log.Error("answer on the admin socket", "path", r.URL.Path, "error", err)
		f = &Fault{Status: http.StatusInternalServerError, Code: text.FaultInternal}
	}
	f.Type, f.Title = "about:blank", http.StatusText(f.Status)
	if about := f.Detail; about == "" {
		f.Detail = say.Fault(f.Code)
	} else {
		f.Detail = about + ": " + say.Fault(f.Code)
	}
	d.send(w, f.Status, "application/problem+json", f)
}

// language reads Accept-Language: French when it comes before English, or when
// neither is named.
func language(r *http.Request) text.Lang {
	h := strings.ToLower(r.Header.Get("Accept-Language"))
	fr, en := strings.Index(h, "fr"), strings.Index(h, "en")
	if en >= 0 && (fr < 0 || en < fr) {
		return text.English
	}
	return text.French
}

func bad(code FaultCode) *Fault { return &Fault{Status: http.StatusBadRequest, Code: code} }

// limit reads the query parameter limit: 1–1000.
func limit(r *http.Request, standard int) (int, error) {
	q := r.URL.Query().Get("limit")
	if q == "" {
		return standard, nil
	}
	n, err := strconv.Atoi(q)
	if err != nil || n < 1 || n > maxList {
		return 0, bad(text.FaultLimit)
	}
	return n, nil
}

func (d *Door) status(ctx context.Context, _ *http.Request) (any, error) {
	return d.node.Status(ctx), nil
}

func (d *Door) licence(ctx context.Context, _ *http.Request) (any, error) {
	return d.node.Licence(ctx), nil
}

func (d *Door) alarms(ctx context.Context, _ *http.Request) (any, error) {
	return list(d.node.Alarms(ctx)), nil
}

func (d *Door) version(context.Context, *http.Request) (any, error) {
	return map[string]string{"version": d.node.Version()}, nil
}

func (d *Door) calls(ctx context.Context, r *http.Request) (any, error) {
	n, err := limit(r, 50)
	if err != nil {
		return nil, err
	}
	calls, err := d.node.Calls(ctx, r.URL.Query().Get("filter"), n)
	return list(calls), err
}

func (d *Door) events(ctx context.Context, r *http.Request) (any, error) {
	n, err := limit(r, 100)
	if err != nil {
		return nil, err
	}
	since := time.Time{}
	if q := r.URL.Query().Get("since"); q != "" {
		if since, err = time.Parse(time.RFC3339Nano, q); err != nil {
			return nil, bad(text.FaultSince)
		}
	}
	events, err := d.node.Events(ctx, since, n)
	return list(events), err
}

// list makes an empty list [] rather than null.
func list[T any](in []T) []T {
	if in == nil {
		return []T{}
	}
	return in
}

func (d *Door) probe(ctx context.Context, r *http.Request) (any, error) {
	return d.node.Probe(ctx, r.PathValue("name"))
}

func (d *Door) command(ctx context.Context, r *http.Request) (any, error) {
	var c Command
	if err := decode(r, &c); err != nil {
		return nil, err
	}
	switch c.Name {
	case Switchover, Return, MaintenanceStart, MaintenanceStop, Drain, DrainStop:
	default:
		return nil, bad(text.FaultCommand)
	}
	c.Reason = strings.TrimSpace(c.Reason)
	if utf8.RuneCountInString(c.Reason) > maxReason || c.Reason == "" && c.Name != MaintenanceStop && c.Name != DrainStop {
		return nil, bad(text.FaultReason)
	}
	if c.ExpectedActive != "" {
		if now := d.node.Status(ctx).Active; now != c.ExpectedActive {
			return nil, &Fault{Status: http.StatusConflict, Code: text.FaultCrossed}
		}
	}
	c.Actor = actor(ctx)
	return d.node.Command(ctx, c)
}

// decode reads the one JSON value of a body.
func decode(r *http.Request, v any) error {
	body := json.NewDecoder(r.Body)
	body.DisallowUnknownFields()
	if err := body.Decode(v); err != nil {
		var tooLarge *http.MaxBytesError
		if errors.As(err, &tooLarge) {
			return err
		}
		return bad(text.FaultBody)
	}
	if _, err := body.Token(); !errors.Is(err, io.EOF) {
		return bad(text.FaultBody)
	}
	return nil
}

func (d *Door) acknowledge(ctx context.Context, r *http.Request) (any, error) {
	n, err := strconv.ParseUint(r.PathValue("number"), 10, 16)
	if err != nil {
		return nil, bad(text.FaultNotActive)
	}
	var a Acknowledgement
	if err := decode(r, &a); err != nil {
		return nil, err
	}
	a.Number, a.Comment, a.Actor = uint16(n), strings.TrimSpace(a.Comment), actor(ctx)
	if utf8.RuneCountInString(a.Comment) > maxReason {
		return nil, bad(text.FaultComment)
	}
	if err := d.node.Acknowledge(ctx, a); err != nil {
		return nil, err
	}
	return list(d.node.Alarms(ctx)), nil
}

func (d *Door) config(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/yaml; charset=utf-8")
	_, _ = io.WriteString(w, d.node.ConfigText())
}

func (d *Door) alive(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok\n") }

func (d *Door) ready(w http.ResponseWriter, r *http.Request) {
	ok, cause := d.node.Ready(r.Context())
	status := http.StatusOK
	if !ok {
		status = http.StatusServiceUnavailable
	}
	d.send(w, status, "application/json", Readiness{Ready: ok, Cause: cause})
}
