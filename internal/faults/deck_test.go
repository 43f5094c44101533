package faults

import (
	"strings"
	"testing"

	compare "github.com/google/go-cmp/cmp"

	"github.com/driftless-gitops/driftless/internal/sandbox"
)

func TestEveryCaseIsPlayedOnceAndNoStepHasTwoOfOnePart(t *testing.T) {
	var cases []Case
	for _, function := range []string{"reconciler", "notifier"} {
		for _, service := range []string{"dynamodb", "cloudformation", "s3", "sqs"} {
			for n := range 3 {
				cases = append(cases, Case{Site{"sync", function, service, "A", n + 1}, KindKill})
			}
		}
	}
	d := newDeck(cases)
	d.alone(Case{Site{"sync", "api", "sqs", "A", 1}, KindKill})
	seen, plays := map[Case]int{}, d.plays("sync")
	for range plays {
		parts := map[string]bool{}
		for _, c := range d.take("sync") {
			if parts[part(c.Site)] {
				t.Errorf("a step has two cases of %s", part(c.Site))
			}
			if len(parts) > 0 && c.Function == "api" {
				t.Errorf("%s is not played alone", c)
			}
			parts[part(c.Site)] = true
			seen[c]++
		}
	}
	for c, times := range seen {
		if times != 1 {
			t.Errorf("%s is played %d times", c, times)
		}
	}
	if want := len(cases) + 1; len(seen) != want || plays != 7 { // six others of each function, and the single one
		t.Errorf("%d cases in %d plays, want %d in 7", len(seen), plays, want)
	}
	if _, more := d.longest(); more {
		t.Error("cases are left")
	}
}

func TestACallHasItsNumberThoughAnotherCaseEndedAnInvocationBefore(t *testing.T) {
	killed := Case{Site{"sync", "reconciler", "dynamodb", "PutItem", 1}, KindKill}
	other := Case{Site{"sync", "reconciler", "s3", "GET", 2}, KindLost}
	w := watch{marks: []string{"lane"}}
	w.begin(killed, other)
	var got []sandbox.Fault
	for _, made := range []struct{ event, service, action, id string }{
		{"lane 1", "s3", "GET", "a"}, {"lane 1", "dynamodb", "PutItem", "b"}, // and is killed
		{"lane 1 again", "s3", "GET", "c"}, {"lane 1 again", "dynamodb", "PutItem", "d"},
		{"lane 2", "s3", "GET", "e"}, {"lane 2", "s3", "GET", "e"},
	} {
		got = append(got, w.see(sandbox.Request{Function: "driftless-reconciler", Event: []byte(made.event), ID: made.id,
			Call: sandbox.Call{Service: made.service, Action: made.action}}))
	}
	want := []sandbox.Fault{sandbox.FaultNone, sandbox.FaultKill, sandbox.FaultNone, sandbox.FaultNone, sandbox.FaultLost, sandbox.FaultNone}
	if diff := compare.Diff(want, got); diff != "" {
		t.Errorf("what becomes of the calls (-want +got):\n%s", diff)
	}
	if _, fired := w.end("sync"); fired[killed] != 1 || fired[other] != 1 {
		t.Errorf("the faults happened %v", fired)
	}
}

func TestWhatEndsInAnotherWayOnlyTogetherIsTold(t *testing.T) {
	one, two, three := Case{Kind: KindKill}, Case{Kind: KindLost}, Case{Kind: KindGone}
	var told []Result
	r := run{tell: func(is Result) { told = append(told, is) }, results: []Result{{Case: three, Problem: "alone too"}},
		joint: []joint{{[]Case{one, two}, "another end"}, {[]Case{two, three}, "yet another"}}}
	r.together()
	if len(told) != 1 || told[0].Case != one || !strings.Contains(told[0].Problem, "another end") || !strings.Contains(told[0].Problem, two.String()) {
		t.Errorf("told: %v", told)
	}
}
