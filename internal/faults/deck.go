package faults

import (
	"maps"
	"slices"
)

// deck holds the cases that are left. A step is played with one case of each part: a message that
// a function fails at three times comes again, and is not set aside yet.
type deck struct {
	single map[string][]Case            // by step: those to be played alone
	others map[string]map[string][]Case // by step and part
}

// part is what a site is chosen by: its function, and which of three kinds of service it calls.
func part(s Site) string {
	switch s.Service {
	case "dynamodb", "cloudformation":
		return s.Function + " " + s.Service
	}
	return s.Function
}

func newDeck(cases []Case) deck {
	d := deck{single: map[string][]Case{}, others: map[string]map[string][]Case{}}
	for _, c := range cases {
		d.add(c)
	}
	return d
}

func (d deck) add(c Case) {
	if d.others[c.Step] == nil {
		d.others[c.Step] = map[string][]Case{}
	}
	d.others[c.Step][part(c.Site)] = append(d.others[c.Step][part(c.Site)], c)
}

// alone puts a case back, to be played without any other.
func (d deck) alone(c Case) { d.single[c.Step] = append(d.single[c.Step], c) }

// take returns what the step is to be played with next, nothing where no case is left.
func (d deck) take(step string) (cases []Case) {
	if left := d.single[step]; len(left) > 0 {
		d.single[step] = left[1:]
		return left[:1:1]
	}
	for _, of := range slices.Sorted(maps.Keys(d.others[step])) {
		if left := d.others[step][of]; len(left) > 0 {
			d.others[step][of] = left[1:]
			cases = append(cases, left[0])
		}
	}
	return cases
}

// plays is how often a step has to be played for all its cases.
func (d deck) plays(step string) int {
	most := 0
	for _, left := range d.others[step] {
		most = max(most, len(left))
	}
	return len(d.single[step]) + most
}

// any reports whether one of the steps has cases left.
func (d deck) any(steps []step) bool {
	return slices.ContainsFunc(steps, func(s step) bool { return d.plays(s.name) > 0 })
}

// longest is the scenario with the longest way to go.
func (d deck) longest() (scenario, bool) {
	var best scenario
	most := 0
	for _, s := range scenarios {
		for _, step := range s.steps {
			if n := d.plays(step.name); n > most {
				best, most = s, n
			}
		}
	}
	return best, most > 0
}
