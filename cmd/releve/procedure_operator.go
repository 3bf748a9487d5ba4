package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"releve/cmd/internal/admin"
	"releve/cmd/internal/procedure"
	"releve/cmd/internal/text"
)

// operator settles what is asked: at the terminal, or by a file of answers.
type operator struct {
	cli     *cli
	out     io.Writer
	script  bool // nobody is asked
	acts    bool // --yes: what Relève does needs no confirmation
	answers map[string]procedure.Answer
}

var _ procedure.Operator = (*operator)(nil)

// Begins shows a question before it is answered, and what takes a while.
func (o *operator) Begins(l procedure.Line) {
	if l.Kind != procedure.Told {
		fmt.Fprintf(o.out, "\n%2d. %s  [%s]\n", l.Number, o.cli.m.ProcedureStep(l.ID, l.Params), o.cli.m.StepKind(string(l.Kind)))
	}
}

// Settled shows the mark and what was found.
func (o *operator) Settled(l procedure.Line, s admin.ProcedureStep) {
	mark, _ := o.cli.m.StepResult(s.Result)
	found := o.cli.m.Found(s.Found)
	if l.Kind == procedure.Told {
		line := o.cli.m.ProcedureStep(l.ID, l.Params)
		if found != "" {
			line += " → " + found
		}
		fmt.Fprintf(o.out, "\n%2d. %s %s\n", l.Number, mark, line)
		return
	}
	_, name := o.cli.m.StepResult(s.Result)
	line := strings.TrimSpace(strings.Join([]string{name, found}, " — "))
	fmt.Fprintf(o.out, "    %s %s\n", mark, strings.TrimSuffix(line, " —"))
	if s.Comment != "" {
		fmt.Fprintf(o.out, "      %s\n", s.Comment)
	}
}

// Ask reads yes or no, and a comment behind it.
func (o *operator) Ask(_ context.Context, l procedure.Line) (procedure.Answer, error) {
	if o.script {
		return o.answers[l.ID], nil
	}
	for {
		line, err := o.read(o.cli.m.AskStep())
		if err != nil {
			return procedure.Answer{}, err
		}
		word, comment, _ := strings.Cut(line, " ")
		if yes, known := text.ReadYes(word); known {
			return procedure.Answer{Given: true, Yes: yes, Comment: strings.TrimSpace(comment)}, nil
		}
	}
}

// Confirm asks before Relève changes something; --yes has confirmed, and so has
// a file that says yes of the step.
func (o *operator) Confirm(_ context.Context, l procedure.Line) (bool, error) {
	if o.script {
		return o.acts || o.answers[l.ID].Yes, nil
	}
	for {
		line, err := o.read(o.cli.m.AskAct())
		if err != nil {
			return false, err
		}
		if yes, known := text.ReadYes(line); known {
			return yes, nil
		}
	}
}

// read is one line of the terminal; q gives up. The end of the input is a script
// that has no answers.
func (o *operator) read(prompt string) (string, error) {
	line, err := o.cli.ask(prompt)
	var e exit
	switch {
	case errors.As(err, &e):
		return "", procedure.ErrAbandoned
	case err == nil && line == "q":
		return "", procedure.ErrAbandoned
	}
	return line, err
}

// maxAnswers bounds the file of answers as it is read, in bytes.
const maxAnswers = 64 << 10

// readAnswers reads "step: oui" and "step: {answer: oui, comment: …}".
func (c *cli) readAnswers(path string, list procedure.Checklist) (map[string]procedure.Answer, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, usage(c.m.BadAnswers(path, err.Error()))
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, maxAnswers))
	if err != nil {
		return nil, usage(c.m.BadAnswers(path, err.Error()))
	}
	var file map[string]yaml.Node
	if err := yaml.Unmarshal(raw, &file); err != nil {
		return nil, usage(c.m.BadAnswers(path, err.Error()))
	}
	out := make(map[string]procedure.Answer, len(file))
	for id, node := range file {
		answerable := func(s procedure.Step) bool {
			return s.ID == id && (s.Kind == procedure.Asked || s.Kind == procedure.Done)
		}
		if !slices.ContainsFunc(list.Steps, answerable) {
			return nil, usage(c.m.BadAnswers(path, c.m.AnswerUnknown(id)))
		}
		a, ok := answerOf(&node)
		if !ok {
			return nil, usage(c.m.BadAnswers(path, c.m.AnswerUnread(id)))
		}
		out[id] = a
	}
	return out, nil
}

func answerOf(node *yaml.Node) (procedure.Answer, bool) {
	said := struct{ Answer, Comment string }{Answer: node.Value}
	if node.Kind == yaml.MappingNode {
		if err := node.Decode(&said); err != nil {
			return procedure.Answer{}, false
		}
	}
	yes, known := text.ReadYes(said.Answer)
	return procedure.Answer{Given: true, Yes: yes, Comment: strings.TrimSpace(said.Comment)}, known
}
