//go:build mutants

package health

// mutant is the rule that is broken on purpose, 0 for none.
//
//	30 what the other node sees is not looked at (R5)
//	31 busy is broken: a call that met a busy server counts as stuck
//	32 a GRAY or DEGRADED server counts at once, lasting or not
//
// The simulator must catch each. Numbers are shared by the rooms of the mind. The build tag makes it a
// variable: never in a binary that serves.
var mutant int

// SetMutant breaks rule n (above) for every State from now on; 0 repairs it.
// Not safe while a Step runs.
func SetMutant(n int) { mutant = n }
