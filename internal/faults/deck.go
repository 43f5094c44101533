package faults

import (
	"maps"
	"slices"
	"strings"
)

// deck holds the cases that are left. A step is played with one case of each part; one in which
// builds run, which take longer than all else, with several.
type deck struct {
	single map[string][]Case            // by step: those to be played alone
	others map[string]map[string][]Case // by step and part
}

// kills is how many processes of one function a step loses at most: a message that is failed at
// three times comes again, and is not set aside yet.
const kills = 3

// part is what a site is chosen by: its function, and which kind of service it calls.
func part(s Site) string {
	switch {
	case ofBuild(s):
		return building
	case s.Service == "dynamodb", s.Service == "cloudformation", s.Service == "s3" && atOnce(s.Step, s.Function) > 1:
		return s.Function + " " + s.Service
	}
	return s.Function
}

// atOnce is how many cases of a part a step is played with. Of a build's calls it is one, which may
// end it; and one of what EventBridge invokes, which tries an event three times in all (Lambda
// developer guide, "Asynchronous invocation").
func atOnce(step, part string) int {
	if strings.HasPrefix(step, "terraform: ") && strings.HasPrefix(part, "reconciler") {
		return 6
	}
	return 1
}

// ofBuild reports whether it is a build that makes the call.
func ofBuild(s Site) bool { return strings.HasPrefix(s.Function, building) }

// building is what the name of a build begins with, where a function's has none.
const building = "build: "

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
	killed := map[string]int{}
	for _, of := range slices.Sorted(maps.Keys(d.others[step])) {
		for range atOnce(step, of) {
			left := d.others[step][of]
			next := slices.IndexFunc(left, func(c Case) bool { return !c.Kind.kills() || killed[c.Function] < kills })
			if next < 0 {
				break
			}
			if left[next].Kind.kills() {
				killed[left[next].Function]++
			}
			cases = append(cases, left[next])
			d.others[step][of] = slices.Concat(left[:next], left[next+1:])
		}
	}
	return cases
}

// plays is how often a step has to be played for all its cases, at least.
func (d deck) plays(step string) int {
	most := 0
	for of, left := range d.others[step] {
		most = max(most, (len(left)+atOnce(step, of)-1)/atOnce(step, of))
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
