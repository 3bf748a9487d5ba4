//go:build mutants

package lease

// mutant is the rule that is broken on purpose, 0 for none.
//
//	 6  the lease is held until the store says otherwise, as an advisory lock is
//	13  the permission counts from the answer, not from the ask
//	14  what is bound is kept alive although the address is gone
//
// Numbers are shared with package licence. The build tag makes it a variable:
// never in a binary that serves.
var mutant int

// SetMutant breaks rule n (above) for every State from now on; 0 repairs it.
// Not safe while a Step runs.
func SetMutant(n int) { mutant = n }
