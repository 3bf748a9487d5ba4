package config

import (
	_ "embed"
	"fmt"
	"strings"

	"releve/cmd/internal/text"
)

//go:embed init.fr.yaml
var initFrench string

//go:embed init.en.yaml
var initEnglish string

// Init returns the commented file that `releve config init` writes: it passes
// Check as it stands, observes only (act: false) and names documentation
// addresses (RFC 5737). What the profile sets stands in comments, each value
// with its source. profile is one of ProfileNames.
func Init(lang text.Lang, profile string) ([]byte, error) {
	p, ok := ProfileOf(profile)
	if !ok {
		return nil, fmt.Errorf("unknown IPBX profile %q: use one of %s", profile, strings.Join(ProfileNames(), ", "))
	}
	file := initFrench
	if lang == text.English {
		file = initEnglish
	}
	return []byte(strings.NewReplacer("@PROFILE@", p.Name, "@TRANSPORT@", p.Transport.Is,
		"@NOANSWER@", text.Short(p.NoAnswer.Is), "@SETTINGS@", p.commented(text.For(lang))).Replace(file)), nil
}

// commented is the profile as comments of the file, but for no_answer, which
// the site must know: settings, then what to do at the IPBX.
func (p Profile) commented(m text.Messages) string {
	var b strings.Builder
	fmt.Fprintf(&b, "    # %s\n", m.ProfileSet())
	section := ""
	for _, s := range p.Settings() {
		line, indent := s.Key+": "+s.Value, ""
		if s.Key == "no_answer" {
			continue
		}
		if outer, key, ok := strings.Cut(s.Key, "."); ok {
			if outer != section {
				fmt.Fprintf(&b, "    # %s:\n", outer)
				section = outer
			}
			line, indent = key+": "+s.Value, "  "
		}
		fmt.Fprintf(&b, "    # %-32s# %s\n", indent+line, m.Sourced(s.Source.Ground, s.Source.Reference))
	}
	fmt.Fprintf(&b, "    # %s\n", m.ProfileTodo())
	for _, n := range p.Notes {
		fmt.Fprintf(&b, "    # - %s\n", m.ProfileNote(n))
	}
	return b.String()
}
