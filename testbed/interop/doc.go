// Package interop plays the built binary against real SIP software of Debian,
// headless: Kamailio as IPBX and registrar, and baresip, linphone, twinkle,
// Net::SIP, SIPp and sipsak as phones behind it and as voice servers.
//
//	program in seat "phone" ─┐                          ┌─ program in seat "server" (primary)
//	program in seat "other" ─┼─ Kamailio ── releve ─────┤
//	                         │  registrar               └─ the same, or another (secondary)
//	 checks: releve's own verbs (-o json), what each program says it saw, ul.dump
//
// A row is a program in a role; a cell is one action of it. What a program
// cannot do is written in rows.go with the reason: such a cell is printed as n/a
// and never counts. A cell passes when the far programs report the event, the
// call records say the same, and nothing is left: no call, no reserved line.
//
// Each row has its own loopback network, directory and processes, each process
// a home of its own; they are ended by process id. A World is owned by the
// goroutine of its row; the output of a process is shared with the goroutine
// that reads it and has its own lock.
package interop
