package faults

import (
	"slices"
	"strings"
	"testing"

	compare "github.com/google/go-cmp/cmp"

	"github.com/driftless-gitops/driftless/internal/sandbox"
)

func TestAStepOfBuildsHasSeveralCasesButNeverTooManyKillsNorTwoOfABuildOrAnEvent(t *testing.T) {
	const step = "terraform: watch and deploy"
	var cases []Case
	for n := range 6 {
		for function, kind := range map[string]Kind{"reconciler": KindKill, "trigger": KindThrottled, building + "apply": KindKill, building + "plan": KindLost} {
			cases = append(cases, Case{Site{step, function, "dynamodb", "A", n + 1}, kind}, Case{Site{step, function, "s3", "B", n + 1}, kind})
		}
	}
	d := newDeck(cases)
	var played []Case
	for d.plays(step) > 0 {
		taken := d.take(step)
		of := map[string]int{}
		for _, c := range taken {
			of[c.Function]++
			of[c.Function+" "+c.Service]++
			if ofBuild(c.Site) {
				of["a build"]++
			}
		}
		if of["reconciler"] > 3 || of["a build"] > 1 || of["trigger dynamodb"] > 1 || len(taken) == 0 {
			t.Fatalf("a step has %v", taken)
		}
		played = append(played, taken...)
	}
	slices.SortFunc(cases, compareCases)
	slices.SortFunc(played, compareCases)
	if diff := compare.Diff(cases, played); diff != "" {
		t.Errorf("what is played (-want +got):\n%s", diff)
	}
}

func TestOfTheCallsOfBuildsARoundHasAShareThatGoesRound(t *testing.T) {
	var sites []Site
	for n := range 10 {
		sites = append(sites, Site{"a", building + "plan", "s3", "GET", n + 1}, Site{"a", "reconciler", "s3", "GET", n + 1})
	}
	seen := map[Case]bool{}
	for seed := range uint64(len(Kinds()) * buildsShare * functionsShare) {
		round := Round(sites, seed)
		if n := slices.IndexFunc(round, func(c Case) bool { return ofBuild(c.Site) }); n < 0 || len(round) < 4 || len(round) > 5 {
			t.Errorf("a round has %v, want three or four of the function and one of the build", round)
		}
		for _, c := range round {
			seen[c] = true
		}
	}
	if want := len(sites) * len(Kinds()); len(seen) != want {
		t.Errorf("%d cases in all rounds, want %d", len(seen), want)
	}
}

func TestABuildsCallsAreCountedByWhatTheyAreAbout(t *testing.T) {
	w := watch{marks: []string{"lane", "repository"}, sites: "lane", functions: ofBuilds}
	w.begin()
	for i, r := range []sandbox.Request{
		{Build: "driftless-apply:1", Path: "/data/orders/t/plan.json", Call: sandbox.Call{Service: "s3", Action: "GET"}, Event: []byte(`{"A":"lane"}`)},
		{Build: "driftless-apply:1", Path: "/data/builds/apply/t/plan/word.json", Call: sandbox.Call{Service: "s3", Action: "GET"}, Event: []byte(`{"A":"lane"}`)},
		{Build: "driftless-apply:1", Path: "/data/builds/apply/t/plan/word.json", Call: sandbox.Call{Service: "s3", Action: "GET"}, Event: []byte(`{"A":"lane"}`)},
		{Build: "driftless-plan:2", Path: "/data/orders/t/plan.json", Call: sandbox.Call{Service: "s3", Action: "GET"}, Event: []byte(`{"A":"other"}`)},
		{Function: "driftless-reconciler", Path: "/", Call: sandbox.Call{Service: "codebuild", Action: "StartBuild"}, Event: []byte("lane")},
		{Function: "driftless-reconciler", Path: "/", Call: sandbox.Call{Service: "codebuild", Action: "StartBuild"}, Event: []byte("repository")},
		{Function: "driftless-notifier", Path: "/", Call: sandbox.Call{Service: "dynamodb", Action: "GetItem"}, Event: []byte("lane")},
	} {
		r.ID = string(rune('a' + i))
		w.see(r)
	}
	sites, _ := w.end("s")
	var got []string
	for _, s := range sites {
		got = append(got, s.String())
	}
	slices.Sort(got)
	want := []string{"s: build: apply s3 GET order.json #1", "s: build: apply s3 GET word.json #1", "s: reconciler codebuild StartBuild #1"}
	if diff := compare.Diff(want, got); diff != "" {
		t.Errorf("the sites (-want +got):\n%s", diff)
	}
	if calls := w.calls.Load(); calls != 4 {
		t.Errorf("%d calls show that something goes on, want 4: those for the repository too, not those of who waits", calls)
	}
}

func TestAnObjectIsNamedByItsKind(t *testing.T) {
	for path, want := range map[string]string{
		"/data/orders/driftless-01J-1/plan.json": "order.json", "/data/bundles/ab.zip": "bundle", "/data/plans/ab.json": "plan",
		"/data/builds/apply/driftless-01J-1/plan/claim.json": "claim.json", "/data/builds/plan/owner/lane/23a2.json": "owner.json",
		"/data/tfplans/apply/driftless-01J-1/plan": "tfplan", "/states/applications/lane.tfstate": "state",
		"/states/applications/lane.tfstate.tflock": "lock", "/assets/ab.zip": "", "/": "",
	} {
		if got := object(path); got != want {
			t.Errorf("%s is %q, want %q", path, got, want)
		}
	}
}

func TestAMendedEndIsTheUndisturbedOneUnlessItSaysWhatItMustNot(t *testing.T) {
	good := End{Application: `ended Succeeded "applied"`, Live: "serial 1, locked false, the record has map[note:a]",
		History: []string{`deploy commit 1 Succeeded: "applied", plan +2`}, Builds: []string{"1 Succeeded: apply of apply: applied"}}
	want, err := good.mended()
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		builds  []string
		history string
		wrong   string
	}{
		"a build that died while it applied blocks":     {[]string{"1 Blocked: apply of apply: " + silent}, `deploy commit 1 Blocked: "the state may be incomplete", plan +2`, ""},
		"a build that died while it applied only fails": {[]string{"1 Failed: apply of apply: " + silent}, `deploy commit 1 Failed: "it ended", plan +2`, "is not blocked"},
		"a build that failed without saying why":        {[]string{"1 Failed: plan of apply: failed"}, `deploy commit 1 Failed: "", plan no changes`, "not said why"},
		"a deployment that was applied twice":           {[]string{"1 Failed: apply of apply: applied", "1 Failed: apply of apply: applied"}, `deploy commit 1 Failed: "it ended", plan +2`, "applied twice"},
	} {
		t.Run(name, func(t *testing.T) {
			e := good
			e.Application, e.Live = `ended Succeeded "no changes"`, "serial 2, locked false, the record has map[]"
			e.History, e.Builds = []string{good.History[0], c.history}, append(c.builds, "2 Succeeded: apply of apply: applied")
			got, err := e.mended()
			if c.wrong != "" {
				if err == nil || !strings.Contains(err.Error(), c.wrong) {
					t.Errorf("it is let pass, or refused for another reason: %v", err)
				}
				return
			}
			if diff := compare.Diff(want, got); diff != "" || err != nil {
				t.Errorf("it ends otherwise (-want +got): %s, %v", diff, err)
			}
		})
	}
}

func TestAScenarioIsLeftOutWhereAProgramIsMissing(t *testing.T) {
	s := scenario{programs: []string{"go", "no-such-program"}}
	if got := s.missing(); got != "there is no no-such-program on the PATH" {
		t.Errorf("it says %q", got)
	}
	if got := (scenario{programs: []string{"go"}}).missing(); got != "" {
		t.Errorf("with every program there it says %q", got)
	}
}
