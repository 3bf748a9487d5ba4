package web

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"releve/cmd/internal/admin"
	"releve/cmd/internal/admin/page"
	"releve/cmd/internal/text"
)

// maxTyped bounds a typed name, in characters; maxComment a comment.
const (
	maxTyped   = 64
	maxComment = 500
)

// askAcknowledge is the form of one alarm, for browsers without script.
func (s *Server) askAcknowledge(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	f, _ := s.ackForm(r, q)
	s.write(w, http.StatusOK, func(b *bytes.Buffer) error { return s.pages.Acknowledge(b, f) })
}

func (s *Server) ackForm(r *http.Request, q url.Values) (page.Form, admin.Acknowledgement) {
	n, _ := strconv.ParseUint(q.Get("number"), 10, 16) // 0 is no alarm: refused below
	f := s.form(r)
	f.Number, f.Object, f.Name, f.Comment = uint16(n), q.Get("object"), strings.TrimSpace(q.Get("name")), strings.TrimSpace(q.Get("comment"))
	f.Heading = text.For(s.lang(r)).AlarmTitle(f.Number, f.Object)
	return f, admin.Acknowledgement{Number: f.Number, Object: f.Object, Comment: f.Comment}
}

// acknowledge takes the form. The script gets 204 or the reason as plain text; a
// browser goes back to the screen.
func (s *Server) acknowledge(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		s.refused(w, r, http.StatusBadRequest, s.say(r, "refused"))
		return
	}
	f, a := s.ackForm(r, r.PostForm)
	status, why := s.take(r.Context(), identityOf(r), f, &a, text.For(s.lang(r)))
	script := !strings.Contains(r.Header.Get("Accept"), "text/html")
	switch {
	case why != "" && script:
		http.Error(w, why, status)
	case why != "":
		f.Fault = why
		s.write(w, status, func(b *bytes.Buffer) error { return s.pages.Acknowledge(b, f) })
	case script:
		w.WriteHeader(http.StatusNoContent)
	default:
		q := url.Values{"lang": {string(s.lang(r))}}
		http.Redirect(w, r, "/?"+q.Encode()+"#alarms", http.StatusSeeOther)
	}
}

// take acknowledges, or says why not.
func (s *Server) take(ctx context.Context, id identity, f page.Form, a *admin.Acknowledgement, m text.Messages) (status int, why string) {
	a.Actor = id.name
	if id.typed {
		if f.Name == "" || utf8.RuneCountInString(f.Name) > maxTyped || strings.ContainsFunc(f.Name, unicode.IsControl) {
			why, _ = m.Screen("name-needed")
			return http.StatusUnprocessableEntity, why
		}
		a.Actor = m.TypedName(f.Name)
	}
	if utf8.RuneCountInString(a.Comment) > maxComment {
		return http.StatusUnprocessableEntity, m.Fault(text.FaultComment)
	}
	err := s.o.Node.Acknowledge(ctx, *a)
	var fault *admin.Fault
	switch {
	case errors.As(err, &fault):
		return fault.Status, m.Fault(fault.Code)
	case err != nil:
		s.log.Error("acknowledge an alarm", "number", a.Number, "error", err)
		return http.StatusInternalServerError, m.Fault(text.FaultInternal)
	}
	s.feed.hurry()
	return http.StatusOK, ""
}
