//go:build mutants

package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"releve/testbed/sim"
)

// wanted: all, the quick ones, or those whose numbers are given.
func wanted(which string, m sim.Mutant) bool {
	switch which {
	case "all":
		return true
	case "quick":
		return m.Within <= sim.Quick
	}
	return slices.Contains(strings.Split(which, ","), strconv.Itoa(m.Number))
}

// hunt looks for the mutants: how many there are, and how many were found.
func hunt(which string) (of, caught int) {
	for _, m := range sim.Mutants {
		if !wanted(which, m) {
			continue
		}
		of++
		seed, why, n := sim.Hunt(m, 1)
		if why == "" {
			fmt.Printf("mutant %2d SURVIVES %d episodes: %s\n", m.Number, n, m.Text)
			continue
		}
		caught++
		fmt.Printf("mutant %2d found by episode %d: %s: %s\n", m.Number, seed, m.Text, why)
	}
	return of, caught
}
