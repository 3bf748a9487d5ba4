// Package export writes what other teams of the site need from a configuration:
// the firewall matrix (flux) and the hardened systemd unit.
//
// Everything is computed from a config.Config; nothing is opened and nothing is
// asked of the network. It owns no state and is safe for concurrent use.
package export

import (
	_ "embed" // the unit
)

// Unit is the systemd unit releve.service: hardened so that
// `systemd-analyze security --offline=true --threshold=30` accepts it.
//
//go:embed releve.service
var Unit string
