package export

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"strings"
	"unicode/utf8"

	"releve/cmd/internal/text"
)

// Rows are the matrix as cells, its heading first.
func Rows(flows []Flow, m text.Messages) [][]string {
	rows := [][]string{{
		m.FluxFrom(), m.FluxAddress(), m.FluxTo(), m.FluxAddress(), m.FluxProtocol(), m.FluxSource(), m.FluxPorts(), m.FluxWhy(),
	}}
	for _, f := range flows {
		rows = append(rows, []string{
			name(f.From, m), address(f.From, m), name(f.To, m), address(f.To, m), protocol(f, m),
			ports(f, f.Source, m), ports(f, f.Ports, m), m.Flux(f.Purpose),
		})
	}
	return rows
}

func name(e End, m text.Messages) string {
	if e.Name != "" {
		return e.Name
	}
	return m.FluxParty(e.Party)
}

func address(e End, m text.Messages) string {
	if len(e.Addresses) == 0 {
		return m.FluxToFill()
	}
	return strings.Join(e.Addresses, ", ")
}

func protocol(f Flow, m text.Messages) string {
	if f.Protocol == "" {
		return m.FluxToFill()
	}
	return strings.ToUpper(f.Protocol)
}

// ports prints one side's ports; protocols without ports have none.
func ports(f Flow, p string, m text.Messages) string {
	switch {
	case f.Protocol == "icmp" || f.Protocol == "vrrp":
		return "-"
	case p == "*":
		return m.FluxAny()
	case p == "":
		return m.FluxToFill()
	}
	return p
}

// Text prints the matrix as a table and what to know about it.
func Text(flows []Flow, m text.Messages) string {
	rows := Rows(flows, m)
	widths := make([]int, len(rows[0]))
	for _, r := range rows {
		for i, cell := range r {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	var b strings.Builder
	for _, r := range rows {
		var line strings.Builder
		for i, cell := range r {
			line.WriteString(cell + strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell)+2))
		}
		fmt.Fprintln(&b, strings.TrimRight(line.String(), " "))
	}
	return b.String() + "\n" + m.FluxNote() + "\n"
}

// bom makes a French Excel read UTF-8.
const bom = "\ufeff"

// CSV prints the matrix with semicolons, one flow a line (RFC 4180 otherwise);
// marked puts a byte order mark first. A cell that a spreadsheet would take for
// a formula gets an apostrophe before it.
func CSV(flows []Flow, m text.Messages, marked bool) ([]byte, error) {
	var b bytes.Buffer
	if marked {
		b.WriteString(bom)
	}
	w := csv.NewWriter(&b)
	w.Comma, w.UseCRLF = ';', true
	for _, r := range Rows(flows, m) {
		for i, cell := range r {
			if cell != "-" && strings.ContainsRune("=+-@\t\r", firstRune(cell)) {
				r[i] = "'" + cell
			}
		}
		if err := w.Write(r); err != nil {
			return nil, fmt.Errorf("write the matrix: %w", err)
		}
	}
	w.Flush()
	return b.Bytes(), w.Error()
}

func firstRune(s string) rune {
	r, _ := utf8.DecodeRuneInString(s)
	return r
}
