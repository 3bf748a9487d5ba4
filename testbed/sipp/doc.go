// Package sipp drives the built binary with SIPp, a SIP stack that shares no
// line with ours, on both sides of it: callers and desk of the IPBX, and the
// two voice servers.
//
//	SIPp callers ─┐                    ┌─ SIPp primary
//	SIPp desk    ─┼─ IPBX ── releve ───┤
//	(or testbed/ipbx where a registrar is needed)
//	              │                    └─ SIPp secondary
//	 checks: exit codes, messages traced, admin socket (records, lines, counters)
//
// Each flow has its own loopback network, directory, configuration file and
// releve process; several run side by side. A party is one SIPp process with
// one scenario of scenario/*.xml. Those files are text/template: the messages
// that all scenarios share are written once, in message.go.
//
// World is owned by the goroutine of its flow; nothing is shared between flows.
package sipp
