package sim
func Mutants() []Mutant { return nil }
