package config

import (
	_ "embed"
	"fmt"
	"slices"
	"strings"

	"releve/cmd/internal/text"
)

//go:embed init.fr.yaml
var initFrench string

//go:embed init.en.yaml
var initEnglish string

// Init returns the commented file that `releve config init` writes: it passes
// Check as it stands, observes only (act: false) and names documentation
// addresses (RFC 5737). profile is one of ProfileNames.
func Init(lang text.Lang, profile string) ([]byte, error) {
	if !slices.Contains(ProfileNames(), profile) {
		return nil, fmt.Errorf("unknown IPBX profile %q: use one of %s", profile, strings.Join(ProfileNames(), ", "))
	}
	file := initFrench
	if lang == text.English {
		file = initEnglish
	}
	redundancy := "none"
	if profile == "oxe" { // an OXE main and its stand-by share one registrar
		redundancy = "main-standby"
	}
	return []byte(strings.NewReplacer("@PROFILE@", profile, "@REDUNDANCY@", redundancy).Replace(file)), nil
}
