package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/driftless-gitops/driftless/internal/build"
	"github.com/driftless-gitops/driftless/internal/gitops"
)

// rolled is where the time of one deployment of Terraform went.
type rolled struct {
	push       pushed
	deployment gitops.Deployment
	builds     int       // that were started
	started    time.Time // CodeBuild's own time of the build's start
	plan       job
	apply      job // of the same build
}

// job is what a build did, from its claim to its report.
type job struct {
	claim  build.Claim
	report build.Report
}

// built is how long it was from the build's start until it said that it had applied.
func (t *terraforming) built() Quantity {
	var all []time.Duration
	for _, r := range t.rolled {
		all = append(all, r.apply.report.At.Sub(r.started))
	}
	return Quantity{float64(median(all)) / 1e6, "ms"}
}

// began is how many builds one push starts, at most.
func (t *terraforming) began() Quantity {
	most := 0
	for _, r := range t.rolled {
		most = max(most, r.builds)
	}
	return Quantity{float64(most), "builds"}
}

// retrace reads where a deployment's time went. Its plan and its apply must be one build's.
func (t *terraforming) retrace(ctx context.Context, p pushed, d gitops.Deployment) (rolled, error) {
	r := rolled{push: p, deployment: d}
	token := gitops.Token(d.ID, d.Operation.N)
	for kind, into := range map[gitops.OperationKind]*job{gitops.OperationPlan: &r.plan, gitops.OperationApply: &r.apply} {
		j := build.Job{Side: build.SideApply, Token: token, Kind: kind}
		if err := t.read(ctx, j.ClaimKey(), &into.claim); err != nil {
			return r, err
		}
		if err := t.read(ctx, j.ReportKey(), &into.report); err != nil {
			return r, err
		}
	}
	if r.plan.claim.Build != r.apply.claim.Build {
		return r, fmt.Errorf("%s was planned by build %s and applied by another one, %s: the decision came too late", token, r.plan.claim.Build, r.apply.claim.Build)
	}
	b, err := t.builds.Build(ctx, r.plan.claim.Build)
	if err != nil {
		return r, err
	}
	r.started = time.UnixMilli(int64(b.Started * 1000))
	return r, nil
}

// read decodes an object of the data bucket.
func (t *terraforming) read(ctx context.Context, key string, into any) error {
	data, err := t.data.Get(ctx, key)
	if err == nil {
		err = json.Unmarshal(data, into)
	}
	if err != nil {
		return fmt.Errorf("read %s: %w", key, err)
	}
	return nil
}

// took is how long a part of the job took.
func (j job) took(name string) (all time.Duration) {
	for _, s := range j.report.Steps {
		if s.Name == name {
			all += time.Duration(s.Milliseconds) * time.Millisecond
		}
	}
	return all
}

// rest is what of the job is in none of its parts.
func (j job) rest() time.Duration {
	all := j.report.At.Sub(j.claim.At)
	for _, s := range j.report.Steps {
		all -= time.Duration(s.Milliseconds) * time.Millisecond
	}
	return all
}

// part is one step on the way, and the call of plain terraform that is in its place.
type part struct {
	what string
	ours func(rolled) time.Duration
	peer func(terminal) time.Duration
}

// way is all of the time from the end of a push to Succeeded, without a gap.
var way = []part{
	{"end of push to the revision being wanted", func(r rolled) time.Duration { return r.deployment.StartedAt.Sub(r.push.at) }, nil},
	{"Pending, up to Planning", func(r rolled) time.Duration {
		return began(r.deployment, gitops.PhasePlanning).Sub(r.deployment.StartedAt)
	}, nil},
	{"the plan's order, up to the build's start", func(r rolled) time.Duration {
		return r.started.Sub(began(r.deployment, gitops.PhasePlanning))
	}, nil},
	{"start of the build, and of the program in it", func(r rolled) time.Duration { return r.plan.claim.At.Sub(r.started) }, nil},
	{"fetch: the bundle", func(r rolled) time.Duration { return r.plan.took("fetch") }, nil},
	{"install: terraform", func(r rolled) time.Duration { return r.plan.took("install") }, nil},
	{"init, and the start of the provider; terraform init", func(r rolled) time.Duration { return r.plan.took("init") }, func(t terminal) time.Duration { return t.init }},
	{"plan; terraform plan", func(r rolled) time.Duration { return r.plan.took("plan") }, func(t terminal) time.Duration { return t.plan }},
	{"show: the plan as JSON", func(r rolled) time.Duration { return r.plan.took("show") }, nil},
	{"upload: plan and log", func(r rolled) time.Duration { return r.plan.took("upload") }, nil},
	{"what else the plan's job does: settings, owner, report", func(r rolled) time.Duration { return r.plan.rest() }, nil},
	{"the decision, and the build's hearing of it", func(r rolled) time.Duration { return r.apply.claim.At.Sub(r.plan.report.At) }, nil},
	{"apply; terraform apply", func(r rolled) time.Duration { return r.apply.took("apply") }, func(t terminal) time.Duration { return t.apply }},
	{"upload: log", func(r rolled) time.Duration { return r.apply.took("upload") }, nil},
	{"what else the apply's job does: outputs, report", func(r rolled) time.Duration { return r.apply.rest() }, nil},
	{"the report to Succeeded", func(r rolled) time.Duration { return r.deployment.EndedAt.Sub(r.apply.report.At) }, nil},
}

// steps says where the time went, ours beside plain terraform's, as medians.
func (t *terraforming) steps() []Row {
	rows := []Row{{Goal: "G6", What: "- the push itself, before the clock starts", Ours: middle(t.rolled, func(r rolled) time.Duration { return r.push.took }), Runs: fmt.Sprint(len(t.rolled))}}
	for _, p := range way {
		row := Row{Goal: "G6", What: "- " + p.what, Ours: middle(t.rolled, p.ours), Runs: fmt.Sprint(len(t.rolled))}
		if p.peer != nil {
			row.Peer = middle(t.calls, p.peer)
		}
		rows = append(rows, row)
	}
	return rows
}

// middle is the median of one part of all.
func middle[T any](all []T, part func(T) time.Duration) Quantity {
	var values []time.Duration
	for _, v := range all {
		values = append(values, part(v))
	}
	return Quantity{float64(median(values)) / 1e6, "ms"}
}
