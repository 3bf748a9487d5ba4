package agent

import "releve/proxy/transport"

// Bye ends a dialog in the place of a server that cannot any more: from and to
// are header values with their tags, cseq is above all that the server used
// (RFC 3261 §12.2.1.1), why is a Reason value (RFC 3326), answer as in Request.
func (a *Agent) Bye(f transport.Flow, target, from, to, callID string, cseq uint32, routes []string, why string, answer func(Result) [][]byte) {
	a.Do(Request{
		Method: "BYE", URI: target, From: from, To: to, CallID: callID, CSeq: cseq, Routes: routes, Flow: f,
		Extra: [][]byte{[]byte("Reason: " + why + "\r\n")}, Answer: answer,
	}, nil)
}
