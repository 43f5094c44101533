package faults

import (
	"fmt"
	"slices"
	"strings"
)

// Page is docs/faults.md: the rows, their tests, and what has none, with the reason. It holds no
// result, so that it changes only when a row or a test does.
func Page(found []Test) (string, error) {
	var b strings.Builder
	b.WriteString(pageHead)
	kinds := make([]string, 0, len(Kinds()))
	for _, k := range Kinds() {
		kinds = append(kinds, string(k))
	}
	fmt.Fprintf(&b, pageKinds, strings.Join(kinds, "; "))
	for _, s := range scenarios {
		var names []string
		for _, step := range s.steps {
			if !step.prepares {
				names = append(names, step.name)
			}
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", s.engine, s.host, strings.ReplaceAll(strings.Join(names, "; "), "terraform: ", ""), strings.Join(s.programs, ", "))
	}
	b.WriteString(pageRows)
	b.WriteString("| Row | Fault | What is to happen | Tests |\n|---|---|---|---|\n")
	var gaps gaps
	for _, r := range Rows {
		of := r.tests(found)
		if len(of) == 0 {
			if r.Without[""] == "" {
				r.Without = only("**no test, and no reason**")
			}
			gaps.add(r.ID, "all", r.Without[""])
		} else {
			fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", r.ID, r.Fault, r.Then, cell(of))
			for _, t := range r.missing(of) {
				gaps.add(r.ID, string(t), r.Without[t])
			}
			if r.Later != "" {
				gaps.add(r.ID, "a part", r.Later)
			}
		}
	}
	b.WriteString(pageGaps)
	b.WriteString("| Rows | Tier | Why |\n|---|---|---|\n")
	for _, g := range gaps {
		fmt.Fprintf(&b, "| %s | %s | %s |\n", strings.Join(g.rows, " "), g.tier, g.why)
	}
	b.WriteString("\n## What the sandbox cannot show\n\n")
	for _, line := range Beyond {
		fmt.Fprintf(&b, "- %s\n", line)
	}
	for _, t := range found {
		if place(t.Row) < 0 {
			return "", fmt.Errorf("%s in %s is named after row %s, which there is not", t.Name, t.File, t.Row)
		}
	}
	return b.String(), nil
}

const pageKinds = `Kinds of fault: %s.

| Engine | On | Steps | Left out, and said to be, without |
|---|---|---|---|
`

const pageHead = `# Faults

What Driftless is to survive, and the tests that show it. This page is generated: ` + "`make faults`" + ` runs every test on it, prints the results, and writes it anew.

## Every call of a rollout

A whole rollout is run in the sandbox by the binaries that are deployed. First undisturbed: that shows every call of AWS, and of git in CodeCommit, that a function makes. Then every such call meets every kind of fault. A step is played with one fault of each part: a function's calls of DynamoDB, those of CloudFormation, and its others; where the end is another one, each is played again alone. And each time the records, the live stack and its queue, the number of executions, the change sets, and the statuses on the forge are those of the undisturbed run, and no message lies in a dead-letter queue. An answer of a service is given to every attempt that the SDK makes, so that it is the function that has to cope. ` + "`make check`" + ` lets a third of the calls of functions go wrong once, and a tenth of those that builds make: which, and in which way, is chosen by the commit's id, so that another commit tries others; ` + "`make faults`" + ` lets every call go wrong in every way.

Heal, check, rollback and recovery have steps of their own, of an application that is looked after: its queue is changed by hand and healed; what fails its check, which is asked over HTTP, is taken back; a rollback that fails in CloudFormation is continued, once by itself, once by a person who leaves out a resource; and a person goes back to what was there before. The calls are the reconciler's; the other functions do there what they do in the first scenario.

What runs in builds is played by Terraform, the real one, with a configuration that needs no provider. The calls are those that the reconciler and the trigger make for the application, and those that the build makes: its program, Terraform's backend, and the command line that fetches the program; the other functions do there what they do for a stack. SIGKILL ends all that the build runs. A step has six faults of each of the reconciler's parts at a time, of which S3 is one here, and one of a build's calls. Where only functions went wrong, the state, its serial number, what the record has of its outputs, and what became of every job that was ordered are those of the undisturbed run, and there is no lock. Where a call of a build went wrong its job may end, and then the rows say what is to happen (R30 to R37): it is said why; a build that died while it applied blocks, and nothing is applied twice; a person has it done again, by ` + "`driftless sync`" + ` and ` + "`driftless approve`" + `, and then it ends as undisturbed but for the deployments that failed on the way. A CDK app is not played here: to synthesise one takes ten seconds and more, and the reconciler's calls for it are those of a plan.

`

const pageRows = `
## Rows

Where a test is: **S** the deterministic simulation, **F** the sandbox's strict gateway over HTTP, **P** the deployed binaries with calls that go wrong, **K** with processes that are killed or held, **T** the real terraform, **G** a real git server, **U** the unit alone, **M** moto.

`

const pageGaps = `
## Not covered

Rows without a test, and tiers in which a row was to be tested and is not.

`

func (r Row) tests(all []Test) (of []Test) {
	for _, t := range all {
		if t.Row == r.ID {
			of = append(of, t)
		}
	}
	return of
}

// missing are the tiers that the row wants and has no test in.
func (r Row) missing(of []Test) (missing []Tier) {
	for _, want := range r.Wanted {
		if !slices.ContainsFunc(of, func(t Test) bool { return slices.Contains(t.Tiers(), want) }) {
			missing = append(missing, want)
		}
	}
	return missing
}

// gaps are tiers without a test, and why; rows that share both stand together.
type gaps []gap

type gap struct {
	rows      []string
	tier, why string
}

func (g *gaps) add(row, tier, why string) {
	for i, other := range *g {
		if other.tier == tier && other.why == why {
			(*g)[i].rows = append(other.rows, row)
			return
		}
	}
	*g = append(*g, gap{[]string{row}, tier, why})
}

// cell lists tests by file.
func cell(of []Test) string {
	var parts []string
	for _, t := range of {
		var letters []string
		for _, tier := range t.Tiers() {
			letters = append(letters, string(tier))
		}
		parts = append(parts, fmt.Sprintf("%s `%s` %s", strings.Join(letters, ""), t.Name, strings.TrimPrefix(t.Package(), "./")))
	}
	return strings.Join(parts, "<br>")
}
