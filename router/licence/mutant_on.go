//go:build mutants

package licence

// mutant is the rule that is broken on purpose, 0 for none.
//
//	1  W1 dropped: a REGISTER is sent before its intent is saved
//	2  PROVE is accepted while an earlier REGISTER may still arrive
//	3  a REGISTER is retransmitted without a NotAfter
//	4  the fence trusts the expiry asked for, not the longest grant
//	5  after a restart nothing is taken to be in flight
//	7  the fence is lowered by a 2xx while another REGISTER may arrive
//	8  the fence starts at the un-REGISTER
//	10 CSeq is each process's own, not the store's
//	11 in gate the passive server's REGISTER passes on, too
//	12 what one IPBX proves counts for all of them
//
// Numbers up to 10 follow the list of mutants a checker must catch; 6, 13 and
// 14 are in package lease. The build tag makes
// it a variable: never in a binary that serves.
var mutant int

// SetMutant breaks rule n (above) for every State from now on; 0 repairs it.
// Not safe while a Step runs.
func SetMutant(n int) { mutant = n }
