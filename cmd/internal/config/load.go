package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"releve/cmd/internal/text"
)

// maxFile bounds the file, in bytes, our choice.
const maxFile = 1 << 20

// ErrFaulty: at least one Problem is more than advice.
var ErrFaulty = errors.New("the configuration has faults: correct them and run releve config check")

// Load reads, checks and returns the file at path. The problems are in the
// order of the file and include advice; err is ErrFaulty when one of them is a
// fault, or the error of reading the file (then also the first problem). The
// Config is returned all the same, with defaults where a value was refused.
//
// lang is the reader's; "" means the file's own key language, else French.
func Load(path string, lang text.Lang) (*Config, []Problem, error) {
	raw, err := readBounded(path, maxFile)
	if err != nil {
		say := text.For(lang)
		message := say.ConfigUnreadable(say.Cause(plainCause(err)))
		if errors.Is(err, errTooLarge) {
			message = say.ConfigTooLarge(maxFile)
		}
		return nil, []Problem{{File: path, Line: 1, Col: 1, Code: CodeUnreadable, Message: message}},
			fmt.Errorf("read configuration %s: %w", path, err)
	}
	c, problems := Parse(path, raw, lang)
	if Faulty(problems) {
		return c, problems, ErrFaulty
	}
	return c, problems, nil
}

// Parse is Load on bytes in hand; file is the name that problems show.
func Parse(file string, raw []byte, lang text.Lang) (*Config, []Problem) {
	c := Default()
	c.file, c.at, c.bad = file, map[string]place{}, map[string]bool{}
	r := &reader{file: file, say: text.For(lang), at: c.at, bad: c.bad}

	var doc yaml.Node
	d := yaml.NewDecoder(bytes.NewReader(raw))
	if err := d.Decode(&doc); err != nil {
		if lang == "" {
			r.say = text.For(text.French)
		}
		return &c, []Problem{r.syntax(err)}
	}
	if len(doc.Content) == 0 || r.null(doc.Content[0]) {
		return &c, []Problem{r.syntax(io.EOF)}
	}
	root := doc.Content[0]
	if lang == "" {
		if n := valueOf(root, "language"); n != nil {
			lang, _ = text.Parse(n.Value)
		}
		r.say = text.For(lang)
	}
	r.config(&c, root)
	c.settle()
	c.settleChecks()
	c.Alarms.Mail.settle()
	if err := d.Decode(&yaml.Node{}); !errors.Is(err, io.EOF) {
		r.fault(&doc, "", CodeSyntax, r.say.ConfigOneDocument())
	}
	problems := append(r.problems, c.Check(lang)...)
	inFileOrder(problems)
	return &c, problems
}

var errTooLarge = errors.New("file too large")

func readBounded(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(raw)) > limit {
		err = errTooLarge
	}
	return raw, err
}

var yamlLine = regexp.MustCompile(`^line (\d+): `)

// syntax turns the parser's error into a Problem; the parser names a line only.
func (r *reader) syntax(err error) Problem {
	p := Problem{File: r.file, Line: 1, Col: 1, Code: CodeSyntax}
	if errors.Is(err, io.EOF) {
		p.Message = r.say.ConfigEmpty()
		return p
	}
	cause := strings.TrimPrefix(err.Error(), "yaml: ")
	if m := yamlLine.FindStringSubmatch(cause); m != nil {
		p.Line, _ = strconv.Atoi(m[1])
		cause = cause[len(m[0]):]
	}
	p.Message = r.say.ConfigSyntax(cause)
	return p
}

// Peek returns the language and the admin socket that the file at path names,
// with defaults where it is silent or cannot be read: what a verb needs before
// it can say anything. No fault is reported; the language is "" when not given.
func Peek(path string) (text.Lang, string) {
	c := Default()
	raw, err := readBounded(path, maxFile)
	var doc yaml.Node
	if err != nil || yaml.Unmarshal(raw, &doc) != nil || len(doc.Content) == 0 {
		return "", c.Admin.Socket
	}
	r := &reader{at: map[string]place{}, bad: map[string]bool{}}
	c.Language = ""
	r.config(&c, doc.Content[0])
	lang, _ := text.Parse(c.Language)
	return lang, c.Admin.Socket
}
