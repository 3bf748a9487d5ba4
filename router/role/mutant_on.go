//go:build mutants

package role

// mutant is the rule that is broken on purpose, 0 for none.
//
//	20 rounds need not follow one another: what aborts does not begin the count anew
//	21 one round fewer than N confirms
//	22 the licence moves before the intent is stored
//	23 the primary that is well again is returned to by itself
//	24 an automatic switchover is made to a secondary that is not ready
//	25 an operator's order is carried out however late it was stored
//	26 nobody looks at the level: every one switches by itself
//
// The simulator must catch each. Numbers are shared by the rooms of the mind. The build tag makes it a
// variable: never in a binary that serves.
var mutant int

// SetMutant breaks rule n (above) for every State from now on; 0 repairs it.
// Not safe while a Step runs.
func SetMutant(n int) { mutant = n }
