//go:build mutants

package explore

import (
	"releve/router/control"
	"releve/router/lease"
	"releve/router/licence"
	"releve/router/role"
)

// SetMutant breaks rule n in whichever room of the mind it is; 0 repairs it.
func SetMutant(n int) {
	for _, set := range [...]func(int){licence.SetMutant, lease.SetMutant, role.SetMutant, control.SetMutant} {
		set(n)
	}
}
