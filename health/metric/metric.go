// Package metric holds counters and gauges and writes them in the Prometheus
// text format. It is a leaf over the standard library: every room with I/O may
// use it.
//
// A Set is made by whoever wires the program and passed in; there are no
// globals. Series are declared once, when a room is built; their labels come
// from closed sets, so the number of series never grows while calls run.
// Counting (Inc, Add, Set, Take…) is atomic, never allocates and never locks;
// declaring and writing take the Set's mutex. All methods are safe for
// concurrent use. A nil *Set is allowed everywhere: what it makes counts, but
// is not shown.
//
// A wrong declaration (bad name, the same series twice) never stops the
// program: the value works, and Err and WriteTo say what is wrong.
//
// Format: Prometheus text exposition format 0.0.4.
package metric

import (
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// ContentType is the Content-Type of what WriteTo writes.
const ContentType = "text/plain; version=0.0.4; charset=utf-8"

// Prefix begins the name of every series.
const Prefix = "releve_"

// Label is one fixed label of a series. Value comes from a closed set: the
// name of a server, a limit, a peer of the configuration; never from a message.
type Label struct{ Name, Value string }

// Set is a registry of series. The zero value is ready for use.
type Set struct {
	mu       sync.Mutex
	families map[string]*family // guarded by mu
	limits   []*Limit           // guarded by mu
	faults   []error            // guarded by mu
}

// family is all series of one name, in the order they were declared.
type family struct {
	name, help, kind string
	series           []series
}

// series is one line of the exposition: read appends its present value.
type series struct {
	labels string
	read   func(dst []byte) []byte
}

// NewSet returns an empty Set.
func NewSet() *Set { return &Set{} }

// Counter declares a counter. name begins with Prefix and, as Prometheus
// advises, ends with _total; help is one sentence.
func (s *Set) Counter(name, help string, labels ...Label) *Counter {
	c := &Counter{}
	s.declare(name, help, "counter", labels, c.read)
	return c
}

// Gauge declares a gauge.
func (s *Set) Gauge(name, help string, labels ...Label) *Gauge {
	g := &Gauge{}
	s.declare(name, help, "gauge", labels, g.read)
	return g
}

// GaugeFunc declares a gauge whose value f returns whenever the Set is
// written: for what is already counted elsewhere, and for seconds. f must not
// block and must not use the Set.
func (s *Set) GaugeFunc(name, help string, f func() float64, labels ...Label) {
	s.declare(name, help, "gauge", labels, func(dst []byte) []byte { return appendFloat(dst, f()) })
}

// Err returns every wrong declaration so far, nil when there is none.
func (s *Set) Err() error {
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return errors.Join(s.faults...)
}

// WriteTo writes every series, sorted by name, and returns the bytes written.
// It writes what is right even when Err is not nil, and then returns Err.
func (s *Set) WriteTo(w io.Writer) (int64, error) {
	if s == nil {
		return 0, nil
	}
	s.mu.Lock()
	out := s.render()
	fault := errors.Join(s.faults...)
	s.mu.Unlock()

	n, err := w.Write(out)
	if err != nil {
		return int64(n), fmt.Errorf("write metrics: %w", err)
	}
	return int64(n), fault
}

func (s *Set) render() []byte {
	names := make([]string, 0, len(s.families))
	for name := range s.families {
		names = append(names, name)
	}
	slices.Sort(names)
	var out []byte
	for _, name := range names {
		f := s.families[name]
		out = append(out, "# HELP "+name+" "+helpEscaper.Replace(f.help)+"\n"...)
		out = append(out, "# TYPE "+name+" "+f.kind+"\n"...)
		for _, one := range f.series {
			out = append(out, name+one.labels+" "...)
			out = append(one.read(out), '\n')
		}
	}
	return out
}

func (s *Set) declare(name, help, kind string, labels []Label, read func([]byte) []byte) {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.add(name, help, kind, labels, read)
}

// add is declare under mu.
func (s *Set) add(name, help, kind string, labels []Label, read func([]byte) []byte) {
	if err := s.insert(name, help, kind, labels, read); err != nil {
		s.faults = append(s.faults, fmt.Errorf("metric %s: %w", name, err))
	}
}

func (s *Set) insert(name, help, kind string, labels []Label, read func([]byte) []byte) error {
	if !validName(name) || !strings.HasPrefix(name, Prefix) {
		return fmt.Errorf("the name must begin with %s and hold only letters, digits and _", Prefix)
	}
	text, err := renderLabels(labels)
	if err != nil {
		return err
	}
	f := s.families[name]
	if f == nil {
		f = &family{name: name, help: help, kind: kind}
	}
	if f.kind != kind || f.help != help {
		return fmt.Errorf("declared before as a %s with another kind or help", f.kind)
	}
	if slices.ContainsFunc(f.series, func(o series) bool { return o.labels == text }) {
		return fmt.Errorf("the series %s%s is declared twice", name, text)
	}
	f.series = append(f.series, series{labels: text, read: read})
	if s.families == nil {
		s.families = map[string]*family{}
	}
	s.families[name] = f
	return nil
}

var (
	helpEscaper  = strings.NewReplacer(`\`, `\\`, "\n", `\n`)
	valueEscaper = strings.NewReplacer(`\`, `\\`, "\n", `\n`, `"`, `\"`)
)

func renderLabels(labels []Label) (string, error) {
	if len(labels) == 0 {
		return "", nil
	}
	var b strings.Builder
	for i, l := range labels {
		if !validName(l.Name) || strings.HasPrefix(l.Name, "__") {
			return "", fmt.Errorf("label %q: a label name holds only letters, digits and _", l.Name)
		}
		if slices.ContainsFunc(labels[:i], func(o Label) bool { return o.Name == l.Name }) {
			return "", fmt.Errorf("label %q is given twice", l.Name)
		}
		b.WriteByte("{,"[min(i, 1)])
		b.WriteString(l.Name + `="` + valueEscaper.Replace(strings.ToValidUTF8(l.Value, "?")) + `"`)
	}
	b.WriteString("}")
	return b.String(), nil
}

func validName(s string) bool {
	for i, c := range []byte(s) {
		letter := c == '_' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
		if !letter && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return s != ""
}

func appendFloat(dst []byte, v float64) []byte {
	switch {
	case math.IsNaN(v):
		return append(dst, "NaN"...)
	case math.IsInf(v, 1):
		return append(dst, "+Inf"...)
	case math.IsInf(v, -1):
		return append(dst, "-Inf"...)
	}
	return strconv.AppendFloat(dst, v, 'g', -1, 64)
}
