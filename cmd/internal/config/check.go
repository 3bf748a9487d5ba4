package config

import (
	"fmt"
	"strings"
	"time"

	"releve/cmd/internal/text"
	"releve/router"
)

// checker collects the faults between keys; used by one Check and dropped.
type checker struct {
	*Config
	say      text.Messages
	problems []Problem
}

// Check returns the faults between keys (single values are judged when they
// are read), reads the secrets of registration.users and looks whether the
// directories exist. A key whose value was refused is not judged again.
func (c *Config) Check(lang text.Lang) []Problem {
	k := &checker{Config: c, say: text.For(lang)}
	k.required()
	k.names()
	k.addresses()
	k.sources()
	k.listeners()
	k.reach()
	k.large()
	k.tls()
	k.limits()
	k.levels()
	k.licences()
	k.lacking()
	k.analogue()
	k.gateways()
	k.exercise()
	k.mirror()
	k.times()
	k.checksList()
	k.callChecks()
	k.media()
	k.holdPrompt()
	k.users()
	k.identities()
	k.rescue()
	k.store()
	k.directories()
	k.admin()
	k.mail()
	k.hooks()
	k.snmp()
	k.webhooks()
	k.syslogs()
	return k.problems
}

// locate returns the place of path, or of the nearest section around it.
func (k *checker) locate(path string) place {
	for {
		if p, ok := k.at[path]; ok {
			return p
		}
		i := strings.LastIndexAny(path, ".[")
		if i < 0 {
			break
		}
		path = path[:i]
	}
	if k.at != nil {
		return place{1, 1}
	}
	return place{}
}

func (k *checker) add(path string, code Code, advice bool, message string) {
	if k.bad[path] {
		return
	}
	at := k.locate(path)
	k.problems = append(k.problems, Problem{
		File: k.file, Line: at.line, Col: at.col, Code: code, Path: path, Advice: advice, Message: message,
	})
}

func (k *checker) fault(path string, code Code, message string) { k.add(path, code, false, message) }

func (k *checker) advise(path string, code Code, message string) { k.add(path, code, true, message) }

// sound says that none of the paths, nor a section around them, was refused.
func (k *checker) sound(paths ...string) bool {
	for _, p := range paths {
		for p != "" {
			if k.bad[p] {
				return false
			}
			p = p[:max(0, strings.LastIndexAny(p, ".["))]
		}
	}
	return true
}

// need reports a missing key.
func (k *checker) need(missing bool, path string) {
	if missing && k.sound(path) {
		k.fault(path, CodeMissing, k.say.ConfigMissing(path))
	}
}

func (k *checker) required() {
	k.need(k.Site == "", "site")
	_, given := k.at["level"]
	k.need(k.at != nil && !given, "level")
	k.need(len(k.Listen) == 0, "listen")
	k.need(len(k.IPBX) == 0, "ipbx")
	k.need(len(k.Servers) == 0, "servers")
	for i, l := range k.Listen {
		k.need(!l.Address.IsValid(), fmt.Sprintf("listen[%d].address", i))
	}
	for i, x := range k.IPBX {
		k.need(x.Name == "", fmt.Sprintf("ipbx[%d].name", i))
		k.need(x.Address.IsZero(), fmt.Sprintf("ipbx[%d].address", i))
	}
	for i, s := range k.Servers {
		at := fmt.Sprintf("servers[%d]", i)
		k.need(s.Name == "", at+".name")
		k.need(s.Role == router.NoServer, at+".role")
		k.need(s.Address.IsZero(), at+".address")
		k.need(s.Lines == 0, at+".lines")
	}
}

// names: each server and each IPBX has its own.
func (k *checker) names() {
	taken := map[string]bool{}
	claim := func(name, path string) {
		if name != "" && taken[name] {
			k.fault(path, CodeDuplicateName, k.say.ConfigDuplicateName(name))
		}
		taken[name] = true
	}
	for i, x := range k.IPBX {
		claim(x.Name, fmt.Sprintf("ipbx[%d].name", i))
	}
	for i, s := range k.Servers {
		claim(s.Name, fmt.Sprintf("servers[%d].name", i))
	}
}

// times: each clock ends before the one around it.
func (k *checker) times() {
	o, v := k.Overflow, k.Verification
	order := func(less string, a time.Duration, more string, b time.Duration) {
		if a >= b && k.sound(less, more) {
			k.fault(less, CodeOrder, k.say.ConfigOrder(less, a, more, b))
		}
	}
	order("overflow.progress_timeout", o.ProgressTimeout, "overflow.answer_timeout", o.AnswerTimeout)
	order("verification.timeout", v.Timeout, "verification.spacing", v.Spacing)
	for i, x := range k.IPBX {
		at := fmt.Sprintf("ipbx[%d].no_answer", i)
		if o.AnswerTimeout+o.HoldBudget >= x.NoAnswer && k.sound(at, "overflow.answer_timeout", "overflow.hold_budget") {
			k.fault(at, CodeNoAnswer, k.say.ConfigNoAnswer(x.Name, o.AnswerTimeout, o.HoldBudget, x.NoAnswer))
		}
	}
	if !k.Automatic() || !v.Act {
		return
	}
	longest := time.Duration(v.Count+v.AloneExtra-1)*v.Spacing + v.Timeout
	if o.HoldBudget < longest && k.sound("overflow.hold_budget", "verification") {
		k.advise("overflow.hold_budget", CodeHoldShort, k.say.ConfigHoldShort(o.HoldBudget, longest))
	}
	if !v.Dead && !v.Gray && !v.Degraded && k.sound("verification.switch_on") {
		k.advise("verification.switch_on", CodeNoSwitchOn, k.say.ConfigNoSwitchOn())
	}
}
