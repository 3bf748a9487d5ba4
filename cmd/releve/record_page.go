package main

import (
	"html/template"
	"strings"

	"releve/cmd/internal/admin"
)

// recordTemplate is a record as a page to print and sign; it needs nothing from
// elsewhere.
const recordTemplate = `<!doctype html>
<html lang="{{.Lang}}"><head><meta charset="utf-8"><title>{{.Title}} — {{.ID}}</title>
<style>
body { font: 11pt/1.4 sans-serif; max-width: 52em; margin: 2em auto; color: #111 }
h1 { font-size: 16pt } h2 { font-size: 13pt }
table { border-collapse: collapse; width: 100% }
th, td { border: 1px solid #999; padding: .3em .5em; text-align: left; vertical-align: top }
th { width: 14em; background: #f2f2f2; font-weight: normal }
.seal { font-family: monospace; font-size: 9pt; overflow-wrap: anywhere }
.sign { height: 6em }
@media print { body { margin: 0 } tr { break-inside: avoid } }
</style></head><body>
<h1>{{.Title}}</h1>
<table>{{range .Fields}}<tr><th scope="row">{{.Label}}</th><td>{{.Value}}</td></tr>
{{end}}</table>
<h2>{{.Steps}}</h2>
<table>{{range .Lines}}<tr><td>{{.Number}}</td><td>{{.Mark}}</td><td>{{.Time}}</td><td>{{.Sentence}}{{if .Comment}}<br><em>{{.Comment}}</em>{{end}}</td><td>{{.Found}}</td><td>{{.Kind}}</td></tr>
{{end}}</table>
<h2>{{.Signature}}</h2>
<table><tr><td class="sign"></td><td class="sign"></td></tr></table>
<p class="seal">{{.Seal}}</p>
<p>{{.Sealed}}</p>
</body></html>
`

// recordPage is a run as a page, for the binder.
func (v view) recordPage(s admin.Status, p admin.Procedure) string {
	var b strings.Builder
	page := template.Must(template.New("record").Parse(recordTemplate))
	err := page.Execute(&b, map[string]any{
		"Lang": string(v.m.Lang()), "Title": v.recordTitle(p), "ID": p.ID, "Fields": v.fields(s, p), "Lines": v.printedSteps(p),
		"Steps": v.m.ReportLabel("steps"), "Signature": v.m.ReportLabel("signature"), "Seal": p.Seal, "Sealed": v.m.Sealed(p.Intact),
	})
	if err != nil { // the template is ours, and writes into memory
		panic("print a record: " + err.Error())
	}
	return b.String()
}
