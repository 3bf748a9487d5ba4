package main

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"releve/cmd/internal/config"
	"releve/cmd/internal/text"
)

// shownProfile is what config profiles says as JSON.
type shownProfile struct {
	Name      string           `json:"name"`
	Title     string           `json:"title"`
	Transport config.Setting   `json:"transport"`
	Settings  []config.Setting `json:"settings"`
	Notes     []string         `json:"notes"`
}

func (c *cli) configProfiles() *cobra.Command {
	return c.verb("config profiles", "profiles ["+c.m.ProfileWord()+"]", 0, 1, func(_ context.Context, args []string) error {
		all := config.Profiles()
		if len(args) == 0 {
			return c.print(shownProfiles(c.m, all), func() string { return profilesText(c.m, all) })
		}
		p, ok := config.ProfileOf(args[0])
		if !ok {
			return usage(c.m.ConfigUnknownValue("profile", args[0], config.ProfileNames(), ""))
		}
		return c.print(shownProfiles(c.m, []config.Profile{p})[0], func() string { return profileText(c.m, p) })
	})
}

func shownProfiles(m text.Messages, all []config.Profile) []shownProfile {
	out := make([]shownProfile, len(all))
	for i, p := range all {
		out[i] = shownProfile{
			Name: p.Name, Title: p.Title, Settings: p.Settings(), Notes: []string{},
			Transport: config.Setting{Key: "address", Value: p.Transport.Is, Source: p.Transport.Source},
		}
		for _, n := range p.Notes {
			out[i].Notes = append(out[i].Notes, m.ProfileNote(n))
		}
	}
	return out
}

// profilesText has one line a profile, with how many of its values rest on
// something.
func profilesText(m text.Messages, all []config.Profile) string {
	var rows [][]string
	for _, p := range all {
		sourced := 0
		settings := p.Settings()
		for _, s := range settings {
			if s.Source.Ground != text.Unverified {
				sourced++
			}
		}
		rows = append(rows, []string{p.Name, m.ProfileSourced(sourced, len(settings)), p.Title})
	}
	return table(rows)
}

func profileText(m text.Messages, p config.Profile) string {
	rows := [][]string{{"  address: …;transport=" + p.Transport.Is, m.Sourced(p.Transport.Source.Ground, p.Transport.Source.Reference)}}
	for _, s := range p.Settings() {
		rows = append(rows, []string{"  " + s.Key + ": " + s.Value, m.Sourced(s.Source.Ground, s.Source.Reference)})
	}
	var b strings.Builder
	b.WriteString(p.Name + " — " + p.Title + "\n" + m.ProfileSet() + "\n" + table(rows) + m.ProfileTodo() + "\n")
	for _, n := range p.Notes {
		b.WriteString("  - " + m.ProfileNote(n) + "\n")
	}
	return b.String()
}
