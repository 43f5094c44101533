package render_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/driftless-gitops/driftless/internal/fuzzing"
	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/hostile"
	"github.com/driftless-gitops/driftless/internal/render"
)

// records adds a record, and the same with each hostile text in place of its texts.
func records(f *testing.F, record any) {
	data, err := json.Marshal(record)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	for _, text := range hostile.Texts() {
		if len(text) > 1000 {
			text = text[:1000]
		}
		quoted, err := json.Marshal(text)
		if err != nil {
			f.Fatal(err)
		}
		poisoned := string(data)
		for _, old := range []string{`"Queue"`, `"5"`, `"jobs"`, `"prod-jobs"`, `"main"`, `"Ada Lovelace"`} {
			poisoned = strings.ReplaceAll(poisoned, old, string(quoted))
		}
		f.Add([]byte(poisoned))
	}
}

// inert fails where what is shown would drive a terminal, begins a line in somebody's name, or
// is out of all proportion to what was read.
func inert(t *testing.T, size int, show func() string) {
	t.Helper()
	var shown string
	fuzzing.Bounded(t, size, func() { shown = show() })
	if why := hostile.Trouble(shown) + hostile.Lines(shown); why != "" {
		t.Errorf("%s:\n%q", why, shown)
	}
	// A line is indented and its name padded, so that many short lines grow by as much each.
	if most := 4096 + 200*size; len(shown) > most {
		t.Errorf("%d bytes are shown as %d, at most %d are allowed", size, len(shown), most)
	}
}

// FuzzPlan shows any plan, and counts it: nothing that stands in it drives a terminal, and the
// summary counts every change.
func FuzzPlan(f *testing.F) {
	records(f, plan())
	f.Fuzz(func(t *testing.T, data []byte) {
		var p gitops.Plan
		if json.Unmarshal(data, &p) != nil {
			return
		}
		inert(t, len(data), func() string { return render.Plan(gitops.Deployment{Application: "jobs"}, p, false) })
		known := 0
		count(p.Changes, &known)
		s := p.Summary()
		if s.Add+s.Modify+s.Replace+s.Remove+s.Import != known {
			t.Errorf("%+v of %d changes", s, known)
		}
		p.Seal()
		sealed := p.Digest
		slices.Reverse(p.Changes)
		if p.Seal(); len(p.Digest) != 64 || p.Digest != sealed && distinct(p.Changes) {
			t.Errorf("sealed as %s, and in another order as %s", sealed, p.Digest)
		}
	})
}

// count counts the changes of a known action, nested ones too.
func count(changes []gitops.Change, known *int) {
	for _, c := range changes {
		switch c.Action {
		case gitops.ActionAdd, gitops.ActionModify, gitops.ActionReplace, gitops.ActionRemove, gitops.ActionImport:
			*known++
		}
		count(c.Nested, known)
	}
}

// distinct reports whether no two changes have one name: only then their order says nothing.
func distinct(changes []gitops.Change) bool {
	seen := map[string]bool{}
	for _, c := range changes {
		seen[c.LogicalID] = true
	}
	return len(seen) == len(changes)
}

// FuzzDrift shows any drift report, and counts it: every resource of a known status is in
// exactly one count, and the coverage is a percentage.
func FuzzDrift(f *testing.F) {
	records(f, report())
	f.Fuzz(func(t *testing.T, data []byte) {
		var r gitops.DriftReport
		if json.Unmarshal(data, &r) != nil {
			return
		}
		inert(t, len(data), func() string { return render.Drift(r, now, false) })
		s, known := r.Summary(), 0
		for _, res := range r.Resources {
			switch res.Status {
			case gitops.ResourceInSync, gitops.ResourceModified, gitops.ResourceDeleted, gitops.ResourceIgnored, gitops.ResourceNotCheckable:
				known++
			}
		}
		if s.Total() != known || s.Coverage() < 0 || s.Coverage() > 100 {
			t.Errorf("%+v of %d resources, coverage %d %%", s, known, s.Coverage())
		}
		if s.String() == "in sync" && (s.Drifted > 0 || !r.Complete) {
			t.Errorf("%+v is called in sync", s)
		}
		r.Since(r)
		if r.News {
			t.Error("the same report is news")
		}
	})
}

// FuzzView shows an application whatever its record says: as a row, on its own, and its history.
func FuzzView(f *testing.F) {
	for _, v := range views() {
		records(f, v)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var v gitops.View
		if json.Unmarshal(data, &v) != nil {
			return
		}
		inert(t, 2*len(data), func() string { return render.Status([]gitops.View{v}, now, false) })
		inert(t, 2*len(data), func() string { return render.Application(v, now, false) })
		if v.Deployment != nil {
			inert(t, 2*len(data), func() string { return render.History([]gitops.Deployment{*v.Deployment}, now, false) })
		}
	})
}
