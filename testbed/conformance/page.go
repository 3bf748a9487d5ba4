package conformance

import (
	"fmt"
	"strings"
)

// Row is one line that something must prove. ID: "V01", "flow 07",
// "4475 wsinv". When: "D1" (a test or a failure) or "L" (may be left undone).
type Row struct {
	ID, When, Text string
	Choice         bool // marked P, or explained among the choices
}

// Demand is what Relève must do with one torture message, as Outcomes of the
// columns "IPBX, UDP", "IPBX, TCP", "server, UDP", "server, TCP".
type Demand struct {
	ID       string
	Outcomes [4]Outcome
}

// Page is what docs/conformance.md says.
type Page struct {
	Rows    []Row    // the checklist and the flows, in order
	Demands []Demand // the torture messages, in order
}

// ParsePage reads the tables of the page. Every fault of the page itself is an
// error: an id that stands twice, a mark that means nothing, a choice (P)
// without its reason, an outcome that cannot be checked.
func ParsePage(text string) (*Page, error) {
	p := &Page{}
	seen, reasons, marked := map[string]bool{}, map[string]bool{}, []string{}
	var head []string
	for n, line := range strings.Split(text, "\n") {
		cells := cellsOf(line)
		switch {
		case cells == nil:
			head = nil
			continue
		case head == nil:
			head = cells
			continue
		case strings.HasPrefix(cells[0], "---"):
			continue
		}
		err := p.row(head, cells, reasons, &marked)
		if err == nil && known(head[0]) {
			if seen[cells[0]] {
				err = fmt.Errorf("%s stands twice", cells[0])
			}
			seen[cells[0]] = true
		}
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n+1, err)
		}
	}
	for _, id := range marked {
		if !reasons[id] {
			return nil, fmt.Errorf("%s is marked P, and no row of the choices says what Relève does and why", id)
		}
	}
	for i := range p.Rows {
		p.Rows[i].Choice = reasons[p.Rows[i].ID]
	}
	if len(p.Rows) == 0 || len(p.Demands) == 0 {
		return nil, fmt.Errorf("%d rules and %d torture messages: these are not the tables of the page", len(p.Rows), len(p.Demands))
	}
	for id := range reasons {
		if !seen[id] {
			return nil, fmt.Errorf("a choice is explained for %s, which is no rule", id)
		}
	}
	return p, nil
}

func known(head string) bool { return head == "id" || head == "flow" || head == "message" }

// cellsOf splits a table line; nil when it is none.
func cellsOf(line string) []string {
	line = strings.TrimSpace(line)
	if !strings.HasPrefix(line, "|") || !strings.HasSuffix(line, "|") || len(line) < 3 {
		return nil
	}
	cells := strings.Split(line[1:len(line)-1], "|")
	for i := range cells {
		cells[i] = strings.TrimSpace(cells[i])
	}
	return cells
}

// row reads one line of a table, told by its first column; other tables of the
// page are text.
func (p *Page) row(head, cells []string, reasons map[string]bool, marked *[]string) error {
	if len(cells) != len(head) && (known(head[0]) || head[0] == "rule") {
		return fmt.Errorf("%s has %d cells under %d headings", cells[0], len(cells), len(head))
	}
	switch head[0] {
	case "id":
		return p.rule(cells[0], cells[2], cells[3], marked)
	case "flow":
		return p.rule(cells[0], cells[1], cells[2], marked)
	case "rule":
		reasons[cells[0]] = true
	case "message":
		d := Demand{ID: cells[0]}
		for i := range d.Outcomes {
			o, err := ParseOutcome(cells[len(cells)-len(d.Outcomes)+i])
			if err != nil {
				return fmt.Errorf("%s: %w", cells[0], err)
			}
			d.Outcomes[i] = o
		}
		p.Demands = append(p.Demands, d)
	}
	return nil
}

func (p *Page) rule(id, when, text string, marked *[]string) error {
	r := Row{ID: id, When: when, Text: text}
	for mark := range strings.FieldsSeq(when) {
		switch mark {
		case "D1", "L":
			r.When = mark
		case "P":
			*marked = append(*marked, id)
		default:
			return fmt.Errorf("%s: %q is no mark; write D1, L or P", id, mark)
		}
	}
	if r.When != "D1" && r.When != "L" {
		return fmt.Errorf("%s: neither D1 nor L", id)
	}
	if idOf(strings.ReplaceAll(id, " ", "_")) != id {
		return fmt.Errorf("%q: no test can be named after this id", id)
	}
	p.Rows = append(p.Rows, r)
	return nil
}
