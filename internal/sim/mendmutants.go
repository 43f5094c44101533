package sim

// The files of heals, checks, rollbacks and recoveries into which bugs are planted.
const (
	healing  = "internal/gitops/heal.go"
	touching = "internal/gitops/touch.go"
	checking = "internal/gitops/check.go"
	leading  = "internal/aws/cloudformation/recover.go"
)

// mendMutants break what follows drifts and failures by itself.
func mendMutants() []Mutant {
	return append(healMutants(), undoMutants()...)
}

func healMutants() []Mutant {
	return []Mutant{
		one("budget-ignored", "an application heals as often as it drifts", healing,
			"	if n >= HealsPerHour {", "	if n >= 100*HealsPerHour {"),
		one("breaker-of-refusals", "what is healed again and again counts only where it was refused", healing,
			"		if slices.Contains(h.Resources, resource) {", "		if h.Refused != \"\" && slices.Contains(h.Resources, resource) {"),
		{"heal-before-git", "a heal is opened while git wants something newer", []Edit{
			{healing, "		a.Wanted.Digest == a.Deployed.Digest && a.Wanted.Seq > 0\n", "		a.Wanted.Seq > 0\n"},
			{deciding, "	case a.Wanted.Seq > a.Ended.Seq:\n", "	case a.Detection == nil && a.ToHeal() && o.HealHeld == \"\":\n		return Step{Kind: StepOpen, Open: KindHeal, Reason: \"live has drifted\"}\n	case a.Wanted.Seq > a.Ended.Seq:\n"}}},
		one("one-witness", "a heal goes on with whatever was planned", deciding,
			"	return Refused(*o.Operation.Plan, *o.Report, o.Deployment.Settings.Drift, before)\n", "	_ = before\n	return \"\"\n"),
		one("phantom-replacement", "a heal may replace", healing,
			"	case c.Action == ActionReplace:\n", "	case c.Action == ActionReplace && !known:\n"),
		one("refused-again", "a heal that was refused is tried again for the same drift", healing,
			"	return n == 0 || a.Heals", "	return n >= 0 || a.Heals"),
		one("every-heal-refused", "a heal is refused whatever was planned", deciding,
			"	return Refused(*o.Operation.Plan, *o.Report, o.Deployment.Settings.Drift, before)\n", "	_ = before\n	return \"never\"\n"),
		one("no-heal", "what drifted is not healed by itself", deciding,
			"	case a.ToHeal() && o.HealHeld == \"\":\n", "	case a.ToHeal() && o.HealHeld == \"never\":\n"),
		one("touch-lost", "a change by hand is forgotten as a deployment begins", opening,
			"	a.Rollback = nil\n	a.Fence++\n", "	a.Rollback, a.Touched = nil, nil\n	a.Fence++\n"),
		one("touch-of-others-lost", "a look at some resources forgets the changes of all", touching,
			"(only == nil || slices.Contains(only, t.LogicalID))", "(only == nil || len(only) > 0)"),
		one("some-for-all", "the report of some resources replaces the others'", drifting,
			"		report.Over(before)\n", ""),
	}
}

func undoMutants() []Mutant {
	return []Mutant{
		one("back-to-what-failed", "a rollback goes to the deployment that failed", finishing,
			"To: a.LastGood().Deployment,", "To: d.ID,"),
		one("back-from-a-rollback", "a rollback whose checks fail is rolled back", deciding,
			"OnFailureRollback || d.Kind == KindRollback:", "OnFailureRollback:"),
		one("back-without-end", "a rollback that was opened is still to be opened", opening,
			"	a.Rollback = nil\n	a.Fence++\n", "	a.Fence++\n"),
		one("no-way-back", "a failed check is followed by no rollback", finishing,
			"	if s.Undo {\n", "	if s.Undo && a.Rollback != nil {\n"),
		one("back-elsewhere", "a rollback goes to a stack that its application has left", opening,
			"	if !slices.Equal(claimsOf(to.Settings), claimsOf(a.Settings)) {\n", "	if len(to.Settings.Name) == 0 && slices.Equal(claimsOf(to.Settings), nil) {\n"),
		one("good-unchecked", "what Succeeded without its checks is gone back to", checking,
			" && !d.Unchecked() && d.failed() == nil\n", "\n"),
		one("attempts-kept", "what the first attempt at a check found stands", checking,
			"	r.Unknown, r.Passed, r.Reason = false, v.Passed, brief(v.Reason)\n", "	r.Unknown, r.Passed, r.Reason = false, v.Passed && r.Attempts == 1, brief(v.Reason)\n"),
		one("unknown-is-failed", "a check that nobody could look at is one that failed", deciding,
			"	case failed.Unknown:\n", "	case failed.Name == \"\":\n"),
		one("checks-forgotten", "checks that failed are no failure", checking,
			"		if r.Done && !r.Passed {\n", "		if r.Done && !r.Passed && r.Attempts > 99 {\n"),
		one("recovery-without-end", "a rollback that gets stuck again is continued again", deciding,
			"	return Step{Kind: StepFinish, Phase: PhaseBlocked, Reason: \"could not be recovered: \" + orState(s)}\n",
			"	if s.Stuck != nil {\n		return Step{Kind: StepRecover, Reason: \"again\"}\n	}\n	return Step{Kind: StepFinish, Phase: PhaseBlocked, Reason: \"could not be recovered: \" + orState(s)}\n"),
		one("recovery-unasked", "a rollback is continued where the application says that it is not to be", "internal/gitops/recover.go",
			"	return policy.Continue && s.Status == \"UPDATE_ROLLBACK_FAILED\"\n", "	return s.Status == \"UPDATE_ROLLBACK_FAILED\"\n"),
		one("recovery-deploys", "a recovery changes what is said to be deployed", finishing,
			"	return d.Kind != gitops.KindRecover && (d.Phase == gitops.PhaseVerifying || to == gitops.PhaseSucceeded)\n",
			"	return d.Phase == gitops.PhaseVerifying || to == gitops.PhaseSucceeded\n"),
		one("recovery-before-recording", "a stack is recovered before the intent is saved", opening,
			"	if err := r.Store.Intend(ctx, o.Application, d); err != nil {\n		return nil, err\n	}\n	return r.start(ctx, d)\n",
			"	told, err := r.start(ctx, d)\n	if err != nil || told != nil {\n		return told, err\n	}\n	return nil, r.Store.Intend(ctx, o.Application, d)\n"),
		one("recreated-unasked", "a stack is deleted though the application does not say so", leading,
			"	case !w.Settings.Recover.Recreate, aws.ToBool(stack.EnableTerminationProtection):\n", "	case aws.ToBool(stack.EnableTerminationProtection):\n"),
		one("others-recreated", "a stack that was made for another application is deleted", leading,
			"	case !carries(stack.Tags, w.Application) || !strings", "	case !strings"),
	}
}
