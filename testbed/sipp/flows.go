package sipp

import "slices"

// All is every flow, the slow ones first so that they run beside the others.
func All() []Flow {
	return slices.Concat(licenceFlows(), overflowFlows(), takeoverFlows(), lateFlows(), restartFlows(), callFlows(), dialogFlows(), transportFlows())
}

// Bounds of a Count.
func exactly(party string, sent bool, line string, n int) Count {
	return Count{Party: party, Sent: sent, Line: line, Least: n, Most: n}
}

func received(party, line string, n int) Count { return exactly(party, false, line, n) }

func atLeast(party string, sent bool, line string, n int) Count {
	return Count{Party: party, Sent: sent, Line: line, Least: n, Most: 1000}
}

func n(v int) *int { return &v }

var answered = Script{Name: "uac-answered"}

// What every dissuasion must look like: never a Retry-After, and the cause.
func dissuaded() Script {
	return Script{Name: "uac-refused", With: Params{"Code": "486", "Header": "Reason", "Pattern": "Q.850;cause=17", "Without": "Retry-After"}}
}

const served = "answered active-serves primary 200"
