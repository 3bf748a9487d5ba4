package config

import "time"

// ProfileNames are the IPBXs that a profile can name.
var ProfileNames = []string{"generic", "oxe", "oxo", "mivoice", "avaya", "cucm", "asterisk", "3cx"}

// manners is what an IPBX gets when neither its profile nor the file says more.
func manners() Manners {
	return Manners{Status: 486, Q850: 17, Requeue: true, Diversion: true, HistoryInfo: true, Large: "udp"}
}

const (
	defaultNoAnswer = 30 * time.Second
	defaultMaxGrant = time.Hour
)
