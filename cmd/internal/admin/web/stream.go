package web

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// beatEvery is how often a stream without news says that the node lives: the page
// is grey after ten seconds of silence.
const beatEvery = 5 * time.Second

// beat is what every message carries.
type beat struct {
	Now      int64  `json:"now"`      // the node's clock, ms
	Observed int64  `json:"observed"` // when its decisions last looked, ms
	Clock    string `json:"clock"`
	Fresh    bool   `json:"fresh"`
}

// state is a beat with everything that is shown.
type state struct {
	beat
	Stamp    string            `json:"stamp"`
	Title    string            `json:"title"`
	Tone     string            `json:"tone"`
	Sections map[string]string `json:"sections"`
	Alarms   []string          `json:"alarms"`
}

// stream sends the state now and whenever it changes, as server-sent events. The id
// is a digest of what is shown: who comes back with it (Last-Event-ID) gets a beat.
func (s *Server) stream(w http.ResponseWriter, r *http.Request) {
	select {
	case s.streams <- struct{}{}:
		defer func() { <-s.streams }()
	default:
		s.turned.Add(1)
		w.Header().Set("Retry-After", "30")
		http.Error(w, "as many screens are open as there may be: close one", http.StatusServiceUnavailable)
		return
	}
	out := http.NewResponseController(w)
	_ = out.SetReadDeadline(time.Time{}) // a stream lasts; a connection that cannot is refused by the first write
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("X-Accel-Buffering", "no")
	sub := s.feed.join(s.viewer(r))
	defer s.feed.leave(sub)

	send := func(event, id string, v any) bool {
		raw, err := json.Marshal(v)
		if err != nil {
			s.log.Error("encode the state of the alarm screen", "error", err)
			return false
		}
		_ = out.SetWriteDeadline(time.Now().Add(writeLimit)) // where there is none the write fails below
		if id != "" {
			id = "id: " + id + "\n"
		}
		if _, err := fmt.Fprintf(w, "event: %s\n%sretry: 2000\ndata: %s\n\n", event, id, raw); err != nil {
			return false
		}
		return out.Flush() == nil
	}
	tick := time.NewTicker(beatEvery)
	defer tick.Stop()
	last := r.Header.Get("Last-Event-ID")
	for {
		good := true
		select {
		case <-r.Context().Done():
			return
		case p := <-sub.news:
			sum := p.Digest()
			id := hex.EncodeToString(sum[:12])
			if id == last {
				good = send("beat", "", s.feed.beat())
				break
			}
			last = id
			good = send("state", id, state{s.feed.beat(), s.pages.Stamp(), p.Title, p.Tone, p.Sections, p.Alarms})
		case <-tick.C:
			if !s.who(r).looks {
				send("end", "", struct{}{})
				return
			}
			good = send("beat", "", s.feed.beat())
		}
		if !good {
			return
		}
	}
}
