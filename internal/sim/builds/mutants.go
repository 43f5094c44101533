package builds

import "github.com/driftless-gitops/driftless/internal/sim"

// The files into which bugs are planted.
const (
	first     = "internal/build/first.go"
	naming    = "internal/build/build.go"
	ordering  = "internal/aws/codebuild/start.go"
	watching  = "internal/aws/codebuild/observe.go"
	asking    = "internal/aws/codebuild/builds.go"
	expanding = "internal/reconcile/expand.go"
	storing   = "internal/fake/application.go"
	finishing = "internal/reconcile/finish.go"
	starting  = "internal/reconcile/start.go"
	seeing    = "internal/reconcile/application.go"
	deciding  = "internal/gitops/decide.go"
)

// one is a mutant of one edit.
func one(name, breaks, file, old, replaced string) sim.Mutant {
	return sim.Mutant{Name: name, Breaks: breaks, Edits: []sim.Edit{{File: file, Old: old, New: replaced}}}
}

// Mutants returns the planted bugs that this world has to find.
func Mutants() []sim.Mutant { return append(engineMutants(), expansionMutants()...) }

// engineMutants break who may run, and what is read out of the bucket and of CodeBuild.
func engineMutants() []sim.Mutant {
	return []sim.Mutant{
		one("claimed-over", "a claim is taken over whoever has it", first,
			"	if mine, err = o.PutNew(ctx, key, data); err != nil || mine {\n		return v, mine, err\n	}\n",
			"	if _, err = o.PutNew(ctx, key, data); err == nil || mine {\n		return v, true, err\n	}\n"),
		one("given-up-unclaimed", "a plan is given up without its claim", ordering,
			"	held, mine, err := build.First(ctx, e.Data, j.ClaimKey(), build.Claim{Void: \"given up\", At: e.Now()})\n",
			"	held, _, err := read[build.Claim](ctx, e.Data, j.ClaimKey())\n	mine := held.Build == \"\"\n"),
		one("ended-unclaimed", "an apply whose build never began is ended without its claim", watching,
			"		return e.unbegun(ctx, w, *l.build)\n", "		return l.sighting(w.Operation, \"the apply\"), nil\n"),
		one("word-to-the-dead", "a build that has died counts as told to go on", ordering,
			"	return err == nil && !b.over(), err\n", "	return err == nil && b.ID != \"\", err\n"),
		one("anybodys-lock", "a lock is removed whoever holds it", ordering,
			"	for _, s := range []build.Side{build.SideApply, build.SidePlan} {\n",
			"	if held.ID != \"\" {\n		return &held, true, nil\n	}\n	for _, s := range []build.Side{build.SideApply, build.SidePlan} {\n"),
		one("stopping-is-over", "a build that is being stopped counts as over", asking,
			"		return b.Complete\n", "		return b.ID != \"\"\n"),
		one("nobody-asked", "after an apply that was killed the next plan asks nobody", ordering,
			"		return &held, owner.Job.Kind == gitops.OperationApply || held.Operation == applying, nil\n", "		return &held, held.Operation == \"\", nil\n"),
		one("killed-is-ready", "an apply that was killed counts as never begun", watching,
			"	case l.claim.Build != \"\" && l.build != nil && l.build.over():\n		return gitops.Sighting{State: gitops.OperationBlocked,",
			"	case l.claim.Build != \"\" && l.build != nil && l.build.over():\n		return gitops.Sighting{State: gitops.OperationReady,"),
		one("plan-of-another-token", "all tokens of a side have one plan file", naming,
			"	return \"tfplans/\" + string(j.Side) + \"/\" + j.Token + \"/\" + string(j.Kind)\n",
			"	return \"tfplans/\" + string(j.Side) + \"/\" + string(j.Kind)\n"),
		one("report-overlooked", "a report that was written as its build ended is not read", watching,
			"	for range 2 {\n", "	for range 1 {\n"),
		one("same-token-again", "a plan is made again under the same token", starting,
			"	n := d.Operation.N + 1\n	// Without", "	n := max(d.Operation.N, 1)\n	// Without"),
		one("no-room-is-failed", "a build that there is no room for ends the deployment", seeing,
			"		return gitops.Sighting{State: gitops.OperationForeign, Reason: busy.Reason}\n",
			"		return gitops.Sighting{State: gitops.OperationFailed, Reason: busy.Reason}\n"),
	}
}

// expansionMutants break how the stacks of a CDK app become applications.
func expansionMutants() []sim.Mutant {
	return []sim.Mutant{
		one("names-not-noted", "a stack is registered before its app's record names it", expanding,
			"	if added := without(names, a.Stacks); len(added) > 0 {", "	if added := without(names, a.Stacks); len(added) > 99 {"),
		one("no-waiting", "a stack does not wait for what it depends on", deciding,
			"	if o.Behind != \"\" {\n", "	if o.Behind == \"-\" {\n"),
		one("own-counter", "stacks number their revisions themselves", expanding,
			"		moved, err := r.guardedBring(ctx, repo, revision, c, snapshot)\n",
			"		revision.Seq = c.record.Wanted.Seq + 1\n		moved, err := r.guardedBring(ctx, repo, revision, c, snapshot)\n"),
		one("stacks-forgotten", "a stack that its app no longer has stays", expanding,
			"	if err := r.removeStacks(ctx, a, gone); err != nil {\n		return err\n",
			"	if err := r.removeStacks(ctx, a, gone[:0]); err != nil {\n		return err\n"),
		one("synthesised-once", "what is synthesised anew from the same commit is not deployed", expanding,
			"		if c.stale() && c.record.Ended.Seq >= d.Seq {\n", "		if c.stale() && c.record.Ended.Seq > d.Seq {\n"),
		one("synthesised-meanwhile", "what is synthesised anew while a stack rolls out is not deployed", finishing,
			"	if d.Kind == gitops.KindDeploy && a.Wanted.Seq == d.Seq && a.Wanted.Digest != d.Digest {\n", "	if a.Wanted.Seq < 0 {\n"),
		one("late-expansion", "an expansion that was overtaken leaves what it wrote", expanding,
			"		err = errors.Join(err, r.expandAgain(ctx, *d, names))\n", "		_ = r.expandAgain\n"),
		one("late-removal", "stacks are marked as removed whatever has become of their app", storing,
			"		if err := s.applications.check(app.ID, app.Version); err != nil {\n			return err\n		}\n", ""),
	}
}
