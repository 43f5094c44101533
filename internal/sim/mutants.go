package sim

import "slices"

// The files into which bugs are planted.
const (
	application = "internal/reconcile/application.go"
	opening     = "internal/reconcile/open.go"
	starting    = "internal/reconcile/start.go"
	finishing   = "internal/reconcile/finish.go"
	registering = "internal/reconcile/register.go"
	looking     = "internal/reconcile/repository.go"
	operating   = "internal/reconcile/operator.go"
	sweeping    = "internal/reconcile/sweeper.go"
	drifting    = "internal/reconcile/drift.go"
	deciding    = "internal/gitops/decide.go"
	deploying   = "internal/gitops/deployment.go"
	planning    = "internal/aws/cloudformation/plan.go"
	applying    = "internal/aws/cloudformation/apply.go"
	cancelling  = "internal/aws/cloudformation/cancel.go"
	enumerating = "internal/aws/cloudformation/enum.go"
	hiding      = "internal/aws/cloudformation/secret.go"
)

// one is a mutant of one edit.
func one(name, breaks, file, old, replaced string) Mutant {
	return Mutant{name, breaks, []Edit{{file, old, replaced}}}
}

// Mutants returns the planted bugs.
func Mutants() []Mutant {
	return slices.Concat(protocolMutants(), decisionMutants(), engineMutants(), mendMutants())
}

// protocolMutants break the order of writes and calls, and who may make them.
func protocolMutants() []Mutant {
	return []Mutant{
		one("no-resync", "the five-minute sweep wakes no repository", sweeping,
			"	ids, err := s.Store.Watched(ctx)\n", "	_, err := s.Store.Watched(ctx)\n	var ids []string\n"),
		one("no-sweep-of-applications", "the one-minute sweep wakes no unfinished application", sweeping,
			"range waiting.Applications {", "range waiting.Applications[:0] {"),
		one("no-sweep-of-repositories", "the one-minute sweep wakes no unfinished repository", sweeping,
			"range waiting.Repositories {", "range waiting.Repositories[:0] {"),
		{"revision-of-the-event", "a look takes the commit that the message names", []Edit{
			{"internal/reconcile/reconciler.go", "return r.repository(ctx, m.Repository)",
				"return r.repository(context.WithValue(ctx, \"commit\", m.Reason), m.Repository)"},
			{looking, "	if commit == repo.Head.Commit && !repo.Unfinished()",
				"	if named, _ := ctx.Value(\"commit\").(string); len(named) == 40 {\n		commit = named\n	}\n	if commit == repo.Head.Commit && !repo.Unfinished()"}}},
		one("unconditional-apply", "the intent to apply is written whatever the version", application,
			"	d.Operation.Kind, d.Operation.At = gitops.OperationApply, r.Now()\n",
			"	d.Operation.Kind, d.Operation.At = gitops.OperationApply, r.Now()\n	if now, err := r.Store.Deployment(ctx, d.Application, d.ID); err == nil {\n		d.Version = now.Version\n	}\n"),
		one("unconditional-close", "a deployment is closed whatever the versions", finishing,
			"	a.Ended = gitops.Ended{Deployment: d.ID, Seq: d.Seq, Digest: d.Digest, Phase: s.Phase, Reason: reason, At: now, Kind: d.Kind}\n",
			"	a.Ended = gitops.Ended{Deployment: d.ID, Seq: d.Seq, Digest: d.Digest, Phase: s.Phase, Reason: reason, At: now, Kind: d.Kind}\n	if now, err := r.Store.Application(ctx, a.ID); err == nil {\n		a.Version = now.Version\n	}\n"),
		one("plan-before-recording", "a change set is created before its token is saved", starting,
			"	if err := r.Store.PutDeployment(ctx, d); err != nil {\n		return nil, err\n	}\n	return r.start(ctx, d)\n}\n\n// start starts",
			"	told, err := r.start(ctx, d)\n	if err != nil || told != nil {\n		return told, err\n	}\n	return nil, r.Store.PutDeployment(ctx, d)\n}\n\n// start starts"),
		one("apply-before-recording", "a change set is executed before the intent is saved", application,
			"	r.enter(d, gitops.PhaseApplying)\n	if err := r.Store.Intend(ctx, o.Application, d); err != nil {\n		return nil, err\n	}\n	return r.start(ctx, d)\n",
			"	r.enter(d, gitops.PhaseApplying)\n	told, err := r.start(ctx, d)\n	if err != nil || told != nil {\n		return told, err\n	}\n	return nil, r.Store.Intend(ctx, o.Application, d)\n"),
		one("new-token-per-retry", "a plan that is not there is begun again under another token", application,
			"		told, err = r.start(ctx, o.Deployment)\n",
			"		o.Deployment.Operation.N += 100\n		o.Deployment.Operation.Token = gitops.Token(o.Deployment.ID, o.Deployment.Operation.N)\n		told, err = r.start(ctx, o.Deployment)\n"),
		one("application-not-checked", "the intent to apply is saved whatever became of the application", application,
			"r.Store.Intend(ctx, o.Application, d)", "r.Store.PutDeployment(ctx, d)"),
		one("no-reading-before-start", "a plan that another worker removed is begun again", application,
			"gitops.Decide(o).Kind == gitops.StepStart {", "gitops.Decide(o).Kind == \"\" {"),
		one("no-retraction", "a plan that came too late stays", starting,
			"		r.retract(ctx, w, d.ID, made)\n", "		_ = made\n"),
		one("stale-stack", "a new plan looks for its change set on the stack of the plan before", starting,
			"	d.Operation = gitops.Operation{N: n, Kind: gitops.OperationPlan, Token: gitops.Token(d.ID, n), At: r.Now()}\n",
			"	d.Operation = gitops.Operation{N: n, Kind: gitops.OperationPlan, Token: gitops.Token(d.ID, n), At: r.Now(), StackID: d.Operation.StackID}\n"),
		one("forgotten-token", "a deployment plans again and leaves what it planned before", starting,
			"	if !d.Operation.IsZero() {\n", "	if d.Operation.N < 0 {\n"),
		one("errors-are-failures", "what AWS could not say is taken for a failure", application,
			"	return gitops.Sighting{State: gitops.OperationUnknown, Reason: err.Error()}\n",
			"	return gitops.Sighting{State: gitops.OperationFailed, Reason: err.Error()}\n"),
		one("errors-are-absence", "what AWS could not say is taken for not being there", application,
			"	return gitops.Sighting{State: gitops.OperationUnknown, Reason: err.Error()}\n",
			"	return gitops.Sighting{State: gitops.OperationAbsent, Reason: err.Error()}\n"),
		one("lease", "a deployment of ten minutes is taken for abandoned", application,
			"	return &records{a, &d}, nil\n}\n\n// sight",
			"	if r.Now().Sub(d.StartedAt) > 10*time.Minute {\n		a.InFlight = \"\"\n		if err := r.Store.PutApplication(ctx, &a); err == nil {\n			return &records{application: a}, nil\n		}\n	}\n	return &records{a, &d}, nil\n}\n\n// sight"),
		one("forgotten-close", "a deployment that failed is never closed", finishing,
			"	a.Ended = gitops.Ended{Deployment: d.ID, Seq: d.Seq, Digest: d.Digest, Phase: s.Phase, Reason: reason, At: now, Kind: d.Kind}\n",
			"	a.Ended = gitops.Ended{Deployment: d.ID, Seq: d.Seq, Digest: d.Digest, Phase: s.Phase, Reason: reason, At: now, Kind: d.Kind}\n	if s.Phase == gitops.PhaseFailed {\n		return nil\n	}\n"),
		one("unanswered-sync", "a deployment does not answer the request that it was opened for", opening,
			"d.Request, a.Answered = request, request.N", "d.Request = request"),
		one("unanswered-drift", "a look at drift does not answer its request", drifting,
			"	a.Answered = max(a.Answered, a.Detection.Request)\n", ""),
		{"report-of-an-old-fence", "what was found before a deployment is recorded after it", []Edit{
			{opening, "d.Fence, a.InFlight, a.Detection, a.UpdatedAt = a.Fence, d.ID, nil, now", "d.Fence, a.InFlight, a.UpdatedAt = a.Fence, d.ID, now"},
			{deciding, "	if o.Application.Detection.Fence != o.Application.Fence {", "	if o.Application.Detection.Fence < 0 {"}}},
		one("no-cleaning", "a plan that is not applied is left behind", finishing,
			"	if s.Clean && !d.Operation.IsZero() {", "	if s.Clean && d.Operation.IsZero() {"),
		one("lost-revision", "a revision that never began is not recorded", registering,
			"	if !c.stale() || a.Wanted.Seq <= a.Ended.Seq || a.Removed {", "	if c.stale() || a.Wanted.Seq <= a.Ended.Seq || a.Removed {"),
		one("claimed-twice", "an application takes a stack from one that holds it", registering,
			"readErr != nil || needed {", "readErr != nil || needed && len(owner.ID) == 0 {"),
		one("wanted-goes-back", "a look that was overtaken writes what it wanted over what is wanted", registering,
			"	if a.Wanted.Seq > rev.Seq && a.Repository == repo.ID {", "	if a.Wanted.Seq > rev.Seq && a.Repository != repo.ID {"),
		one("no-second-look", "a look that was overtaken leaves what it wrote", looking,
			"		return r.relook(ctx, repo) //", "		return nil //"),
		one("forgotten-removal", "an application that left the file is forgotten when the look fails", registering,
			"	if err != nil {\n		return err // those that are gone stay known, for the next look to mark them\n	}\n	repo.Applications = append(names, kept...)\n	return nil\n",
			"	repo.Applications = append(names, kept...)\n	return err\n"),
		one("history-by-time", "a branch that moved back in time is not followed", looking,
			"	revision.Branch, revision.Commit, revision.Seq = repo.Tracked(), commit, repo.Observing.N\n",
			"	if revision.At.Before(repo.Head.At) {\n		repo.Done = repo.Observing.N\n		return r.Store.PutRepository(ctx, repo)\n	}\n	revision.Branch, revision.Commit, revision.Seq = repo.Tracked(), commit, repo.Observing.N\n"),
	}
}

// decisionMutants break the rule, and what people are asked.
func decisionMutants() []Mutant {
	return []Mutant{
		one("suspension-ignored", "a plan that is ready is applied though the application is suspended", deciding,
			"	if o.Application.Suspended != nil {\n		return Step{Kind: StepWait, Reason: o.Application.held()}\n	}\n	switch {\n	case s.State == OperationAbsent && o",
			"	switch {\n	case s.State == OperationAbsent && o"),
		{"another-plan-approved", "an approval holds for the plan that waits now, whichever was shown", []Edit{
			{operating, "		case d.Plan.Digest != digest:\n", "		case d.Plan.Digest == \"\":\n"},
			{operating, "d.Approved, d.Rejected = &gitops.Approved{By: by, At: o.Now(), Digest: digest}, nil", "d.Approved, d.Rejected = &gitops.Approved{By: by, At: o.Now(), Digest: d.Plan.Digest}, nil"}}},
		one("approval-of-every-plan", "an approval holds for whatever is planned later", deploying,
			"	return d.Approved != nil && d.Approved.Digest == d.Plan.Digest && d.Plan.Digest != \"\"\n",
			"	return d.Approved != nil && d.Plan.Digest != \"\"\n"),
		one("plan-of-any-stack", "the same changes of another stack are the same plan", application,
			"		s.Plan.Bind(w.Settings)\n", ""),
		one("approval-forgotten", "what has to wait for a person does not", deciding,
			"	case why != \"\" && d.Phase != PhaseAwaitingApproval:\n		return Step{Kind: StepReview, Reason: why}\n",
			"	case why != \"\" && d.Phase != PhaseAwaitingApproval:\n		return Step{Kind: StepApply, Reason: why}\n"),
		one("overtaken-and-applied", "a plan is applied though git has something newer", deciding,
			"	case a.Wanted.Seq > o.Deployment.Seq:\n", "	case a.Wanted.Seq > o.Deployment.Seq+1000:\n"),
		one("unknown-phase-ended", "a deployment in the phase of a later version is ended", deciding,
			"	return Step{Kind: StepWait, Reason: fmt.Sprintf(\"phase %q", "	return Step{Kind: StepFinish, Phase: PhaseBlocked, Reason: fmt.Sprintf(\"phase %q"),
	}
}

// engineMutants break what is read out of CloudFormation.
func engineMutants() []Mutant {
	return []Mutant{
		one("obsolete-is-ready", "a change set that is OBSOLETE is taken for ready", enumerating,
			"	case types.ExecutionStatusObsolete:\n		return changeSetObsolete\n", "	case types.ExecutionStatusObsolete:\n		return changeSetReady\n"),
		one("not-found-is-done", "a change set that is gone is taken for executed", applying,
			"		s.Reason = \"the change set is gone, and nothing was executed\"\n", "		s.State = gitops.OperationDone\n"),
		one("executed-twice", "an execution that ended between two calls counts as never begun", applying,
			"		if err != nil || s.State != gitops.OperationStale {\n", "		if err != nil || s.State != \"\" {\n"),
		one("shell-disappeared", "an empty stack that is gone is taken for one that held something", applying,
			" && h.shell:\n", " && !h.shell && h.ended:\n"),
		one("any-operation-is-ours", "somebody else's operation is taken for ours", "internal/aws/cloudformation/history.go",
			"		return aws.ToString(e.ClientRequestToken) == token && statusOf(e)", "		return !aws.ToTime(e.Timestamp).Before(since.Add(clockSlack)) && statusOf(e)"),
		one("no-shell-removed", "the empty stack that a change set leaves is not removed", cancelling,
			"	return w.Operation, removeShell(ctx, c, w)\n", "	return w.Operation, nil\n"),
		one("others-plans-removed", "change sets of other people are removed", planning,
			"			if !strings.HasPrefix(name, \"driftless-\") || name == token || n == room {", "			if name == token || n == room {"),
		one("empty-is-failed", "a plan without changes is taken for a failure", enumerating,
			"		if empty(aws.ToString(out.StatusReason)) {", "		if empty(aws.ToString(nil)) {"),
		one("failed-is-empty", "a plan that failed is taken for one without changes", enumerating,
			"		if empty(aws.ToString(out.StatusReason)) {", "		if !empty(aws.ToString(nil)) {"),
		one("rollback-is-done", "an update that was rolled back is taken for applied", applying,
			"first, gitops.OperationFailed, fmt.Sprintf(\"%s; rolled back to", "first, gitops.OperationDone, fmt.Sprintf(\"%s; rolled back to"),
		one("secret-in-a-reason", "a secret that AWS quotes is recorded", hiding,
			"	s.Reason = hide.text(s.Reason)\n", "	_ = hide\n"),
	}
}
