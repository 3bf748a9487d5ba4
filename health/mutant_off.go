//go:build !mutants

package health

// mutant is 0: the rules as they are. See mutant_on.go.
const mutant = 0
