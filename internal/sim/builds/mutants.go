package builds

import "github.com/driftless-gitops/driftless/internal/sim"

// Mutants returns the planted bugs that this world has to find.
func Mutants() []sim.Mutant {
	return []sim.Mutant{}
}
