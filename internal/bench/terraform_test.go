package bench

import (
	"bytes"
	"io"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/driftless-gitops/driftless/internal/build"
	"github.com/driftless-gitops/driftless/internal/demo"
	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/sandbox"
)

// deployed is a deployment whose every step takes as many seconds as its number: 1 up to the
// revision being wanted, 2 Pending, and so on along the way.
func deployed() rolled {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	after := func(seconds int) time.Time {
		at = at.Add(time.Duration(seconds) * time.Second)
		return at
	}
	steps := func(of map[string]int64) (all []build.Step) {
		for name, seconds := range of {
			all = append(all, build.Step{Name: name, Milliseconds: seconds * 1000})
		}
		return all
	}
	r := rolled{push: pushed{took: 100 * time.Second, at: at}, builds: 1}
	r.deployment.StartedAt = after(1)
	r.deployment.Times = []gitops.PhaseTime{{Phase: gitops.PhasePending, At: at}, {Phase: gitops.PhasePlanning, At: after(2)}}
	r.started = after(3)
	r.plan.claim.At = after(4)
	r.plan.report.Steps = steps(map[string]int64{"fetch": 5, "install": 6, "init": 7, "plan": 8, "show": 9, "upload": 10})
	r.plan.report.At = after(5 + 6 + 7 + 8 + 9 + 10 + 11)
	r.apply.claim.At = after(12)
	r.apply.report.Steps = steps(map[string]int64{"apply": 13, "upload": 14})
	r.apply.report.At = after(13 + 14 + 15)
	r.deployment.EndedAt = after(16)
	return r
}

func TestTheStepsOfAPushAddUpToItsTime(t *testing.T) {
	r := deployed()
	var sum time.Duration
	for i, p := range way {
		took := p.ours(r)
		if want := time.Duration(i+1) * time.Second; took != want {
			t.Errorf("%s: %s, want %s", p.what, took, want)
		}
		sum += took
	}
	if all := r.deployment.EndedAt.Sub(r.push.at); sum != all {
		t.Errorf("the steps take %s, the whole %s", sum, all)
	}
}

func TestPlainTerraformsCallsStandBesideOurs(t *testing.T) {
	x := &terraforming{rolled: []rolled{deployed()}, calls: []terminal{{init: time.Second, plan: 2 * time.Second, apply: 3 * time.Second}}}
	beside := map[string]string{}
	for _, row := range x.steps() {
		if row.Peer != (Quantity{}) {
			beside[row.What] = row.Ours.String() + " beside " + row.Peer.String()
		}
	}
	want := map[string]string{
		"- init, and the start of the provider; terraform init": "7000 ms beside 1000 ms",
		"- plan; terraform plan":                                "8000 ms beside 2000 ms",
		"- apply; terraform apply":                              "13000 ms beside 3000 ms",
	}
	if diff := cmp.Diff(want, beside); diff != "" {
		t.Errorf("beside each other (-want +got):\n%s", diff)
	}
	if got := x.built(); got != (Quantity{(4 + 56 + 12 + 42) * 1e3, "ms"}) {
		t.Errorf("from the build's start to applied %s", got)
	}
	if got := x.began(); got != (Quantity{1, "builds"}) {
		t.Errorf("%s were started", got)
	}
}

func TestWithoutTerraformTheReasonStandsInTheReport(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	b := &bench{o: Options{Out: io.Discard}}
	if err := b.terraforms(t.Context()); err != nil {
		t.Fatal(err)
	}
	if out := b.report("facts"); !bytes.Contains(out, []byte("## G6. Terraform\n\nPlain terraform works")) || !bytes.Contains(out, []byte("| not measured: there is no terraform on the PATH | - | - | - | - | - | 0 |")) {
		t.Errorf("the report says\n%s", out)
	}
	if err := b.verdict(); err != nil {
		t.Errorf("the run ends with %v", err)
	}
}

func TestTheApplicationOfTerraformIsSound(t *testing.T) {
	s := &stage{names: []string{"ours", terraformed}, builds: map[string]string{terraformed: "1.11.4"}}
	got := s.applications()
	if !strings.Contains(got, "path: stacks/terraformed\n    terraform: { version: 1.11.4 }\n") || !strings.Contains(got, "path: stacks/ours\n    cloudformation: { stack: ours }\n") {
		t.Errorf("driftless.yaml says\n%s", got)
	}
	one, two := configuration("x", 1), configuration("x", 2)
	if one == two || strings.ReplaceAll(one, `value = "1"`, `value = "2"`) != two {
		t.Errorf("an edit changes more or less than a value:\n%s", cmp.Diff(one, two))
	}
	if n := strings.Count(one, "\nresource "); n != 5 {
		t.Errorf("%d resources, want 5", n)
	}
}

func TestTheInvocationsOfAPushAreThoseThatBeganSinceIt(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	i := &invocations{}
	for n, function := range []string{"a", "a", "b", "a"} {
		r := slog.NewRecord(at.Add(time.Duration(n)*time.Second), slog.LevelDebug, "function invoked", 0)
		r.Add("function", function, "took", 300*time.Millisecond)
		if err := i.Handle(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	if n := i.count(); n != 4 {
		t.Errorf("%d invocations were counted", n)
	}
	i.take()
	want := []invocation{{at.Add(time.Second), 300 * time.Millisecond}, {at.Add(3 * time.Second), 300 * time.Millisecond}}
	if got := i.since("a", at.Add(-100*time.Millisecond)); !slices.Equal(got, want) {
		t.Errorf("since a push while the first ran there were %v, want %v", got, want)
	}
	if got := i.since("c", at); got != nil {
		t.Errorf("of a function that never ran there were %v", got)
	}
}

func TestTheLookStandsBesideAPlanAndTheWayToItBelow(t *testing.T) {
	x := &terraforming{stage: &stage{Stage: &demo.Stage{Sandbox: &sandbox.Sandbox{}}}}
	ours := &contender{taken: []usage{{wall: 100 * time.Millisecond, look: 20 * time.Millisecond, looks: 1}}}
	peer := &contender{taken: []usage{{wall: 4 * time.Second}}}
	rows := x.unchanged("2 applications, for each of them", 2, ours, peer)
	if look := rows[0]; look.Ours != (Quantity{10, "ms"}) || look.Peer != (Quantity{4000, "ms"}) || look.Verdict() != Met || look.Limit != Ratio(0.01) {
		t.Errorf("the look is %+v", look)
	}
	if way := rows[1]; way.Ours != (Quantity{50, "ms"}) || way.ratio() != "0.0125 ×" || way.Limit != (Limit{}) || !strings.HasPrefix(way.What, "- ") {
		t.Errorf("the way to it is %+v", way)
	}
}
