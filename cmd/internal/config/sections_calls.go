package config

import (
	"time"

	"go.yaml.in/yaml/v3"

	"releve/router/licence"
)

func (r *reader) registration(g *Registration) take {
	return func(n *yaml.Node, path string) {
		r.mapping(n, path,
			field{"mode", oneOf(r, &g.Mode, word[licence.Mode]{name: "trunk", value: licence.Trunk},
				word[licence.Mode]{name: "gate", value: licence.Gate},
				word[licence.Mode]{name: "pair", value: licence.Pair},
				word[licence.Mode]{name: "hold", value: licence.Hold})},
			field{"expires", r.duration(&g.Expires, 30*time.Second, time.Hour)},
			field{"users", func(n *yaml.Node, p string) {
				r.keys(n, p, func(key, value *yaml.Node) {
					if r.quotable(new(string))(key, join(p, key.Value)); r.bad[join(p, key.Value)] {
						return
					}
					g.Users = append(g.Users, r.user(key.Value, value, join(p, key.Value)))
				})
			}},
		)
	}
}

func (r *reader) user(name string, n *yaml.Node, path string) User {
	u := User{Name: name}
	r.mapping(n, path,
		field{"aor", r.uri(&u.AOR)},
		field{"username", r.username(&u.Username)},
		field{"password", func(n *yaml.Node, p string) {
			if n.Value != stars { // *** is what config show prints
				r.fault(n, p, CodeInlineSecret, r.say.ConfigInlineSecret())
			}
		}},
		field{"password_file", r.path(&u.Password.File)},
		field{"password_env", r.str(&u.Password.Env)},
	)
	if u.Username == "" {
		u.Username = u.AOR.User
	}
	return u
}

// username reads the user of the digest: often a number, to be quoted as one.
func (r *reader) username(dst *string) take {
	return func(n *yaml.Node, path string) {
		s := ""
		if r.quotable(&s)(n, path); s != "" {
			r.digits(dst, func(string) bool { return true })(n, path)
		}
	}
}

func (r *reader) overflow(o *Overflow) take {
	return func(n *yaml.Node, path string) {
		r.mapping(n, path,
			field{"progress_timeout", r.duration(&o.ProgressTimeout, 500*time.Millisecond, 10*time.Second)},
			field{"answer_timeout", r.duration(&o.AnswerTimeout, 2*time.Second, time.Minute)},
			field{"hold_budget", r.duration(&o.HoldBudget, time.Second, 2*time.Minute)},
			field{"hold_signal", r.holdSignal(&o.HoldSignal)},
			field{"hold_prompt", r.path(&o.HoldPrompt)},
			field{"late_answer", oneOf(r, &o.ForwardLate, word[bool]{name: "release"},
				word[bool]{name: "forward", value: true})},
			field{"mark_overflow", r.boolean(&o.MarkOverflow)},
		)
	}
}

func (r *reader) holdSignal(dst *uint16) take {
	return oneOf(r, dst, word[uint16]{name: "none"}, word[uint16]{name: "180", value: 180},
		word[uint16]{name: "182", value: 182}, word[uint16]{name: "183", value: 183})
}

func (r *reader) verification(v *Verification) take {
	return func(n *yaml.Node, path string) {
		r.mapping(n, path,
			field{"act", r.boolean(&v.Act)},
			field{"count", r.whole(&v.Count, 1, 10)},
			field{"alone_extra", r.whole(&v.AloneExtra, 0, 10)},
			field{"spacing", r.duration(&v.Spacing, 500*time.Millisecond, 10*time.Second)},
			field{"timeout", r.duration(&v.Timeout, 100*time.Millisecond, 10*time.Second)},
			field{"idle_interval", r.duration(&v.IdleInterval, time.Second, time.Minute)},
			field{"switch_on", func(n *yaml.Node, p string) {
				v.Dead, v.Gray, v.Degraded = false, false, false
				r.list(n, p, 3, func(e *yaml.Node, at string) {
					var which *bool
					oneOf(r, &which, word[*bool]{name: "dead", value: &v.Dead},
						word[*bool]{name: "gray", value: &v.Gray},
						word[*bool]{name: "degraded", value: &v.Degraded})(e, at)
					if which != nil {
						*which = true
					}
				})
			}},
			field{"lasting", r.duration(&v.Lasting, 5*time.Second, 10*time.Minute)},
		)
	}
}

func (r *reader) dissuasion(d *Dissuasion) take {
	return func(n *yaml.Node, path string) {
		r.mapping(n, path, r.dissuasionFields(&d.Requeue, &d.Status, &d.Q850)...)
	}
}

func (r *reader) dissuasionFields(requeue *bool, status, q850 *int) []field {
	return []field{
		{"requeue", r.boolean(requeue)},
		{"status", r.rejectStatus(status)},
		{"q850", r.whole(q850, 1, 127)},
	}
}

func (r *reader) rejectStatus(dst *int) take {
	return func(n *yaml.Node, path string) {
		status := 0
		r.whole(&status, 400, 699)(n, path)
		switch status {
		case 0:
		case 401, 407, 503:
			r.fault(n, path, CodeRejectStatus, r.say.ConfigRejectStatus(status))
		default:
			*dst = status
		}
	}
}
