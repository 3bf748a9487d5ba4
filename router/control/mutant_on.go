//go:build mutants

package control

// mutant is the rule that is broken on purpose, 0 for none.
//
//	50 nobody asks whether the secondary is drained
//	51 what is not known of the mirror any more forgets what was
//	52 to drain the active server is to switch over
//	53 a mirror that lags is a reason to switch over
//	54 a mirror that was behind once is never trusted again
//	55 the end of a drain is not heard
//
// Numbers are shared by the rooms of the mind. The build tag makes it a variable:
// never in a binary that serves.
var mutant int

// SetMutant breaks rule n (above) for every State from now on; 0 repairs it.
// Not safe while a Step runs.
func SetMutant(n int) { mutant = n }
