//go:build mutants

package fork

// mutant is the rule that is broken on purpose, 0 for none.
//
//	40 a late 2xx is dropped
//	41 nobody looks at the hold budget
//	42 a caller who hangs up while held is forgotten
//	43 a late 2xx goes up although another final did
//
// The simulator must catch each. Numbers are shared by the rooms of the mind. The build tag makes it a
// variable: never in a binary that serves.
var mutant int

// SetMutant breaks rule n (above) for every State from now on; 0 repairs it.
// Not safe while a Step runs.
func SetMutant(n int) { mutant = n }
