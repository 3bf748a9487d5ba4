//go:build !mutants

package control

// mutant is 0: the rules as they are. See mutant_on.go.
const mutant = 0
