package diagnose

import (
	"fmt"
	"strings"

	"github.com/driftless-gitops/driftless/internal/gitops"
)

// Diagnosis is everything that is known to be wrong with an application, what matters most first.
type Diagnosis struct {
	Application string            `json:"application"`
	Sync        gitops.SyncStatus `json:"sync"`
	Health      gitops.Health     `json:"health"`
	Findings    []Finding         `json:"findings"` // none: nothing is known to be wrong
}

// Finding is one thing that is wrong.
type Finding struct {
	What   string        `json:"what"`             // what happened, for people
	Cause  *gitops.Cause `json:"cause,omitempty"`  // the first thing that went wrong, where one is known
	Why    string        `json:"why,omitempty"`    // why such a thing happens, where it is well known
	Source string        `json:"source,omitempty"` // address of the page that says so
	Steps  []Step        `json:"steps,omitempty"`  // what can be done, the safest first
}

// Step is one thing that can be done.
type Step struct {
	Do      string `json:"do"`
	Command string `json:"command,omitempty"` // as it is typed
}

// Application diagnoses an application. last is the deployment that ended last, nil where none
// did or it is not known, and report the latest drift report, nil where there is none.
func Application(v gitops.View, last *gitops.Deployment, report *gitops.DriftReport) Diagnosis {
	d := Diagnosis{Application: v.Application.ID, Sync: v.Sync, Health: v.Health, Findings: []Finding{}}
	add := func(found ...Finding) { d.Findings = append(d.Findings, found...) }
	add(unread(v)...)
	add(held(v.Application)...)
	switch ended := last != nil && last.ID == v.Application.Ended.Deployment; {
	case v.Deployment != nil:
		add(inFlight(v.Application, *v.Deployment)...)
	case ended:
		add(failed(v.Application, *last)...)
	}
	if report != nil && v.Deployment == nil {
		add(drifted(v.Application, *report)...)
	} else if p := v.Application.Drift.Problem; p != "" && v.Deployment == nil {
		add(known(v.Application, p, Finding{What: "drift could not be looked for: " + p, Steps: []Step{look(v.Application)}}))
	}
	return d
}

// unread is what keeps git from being read.
func unread(v gitops.View) (found []Finding) {
	if v.Repository.Trouble != "" {
		found = append(found, known(v.Application, v.Repository.Trouble, Finding{What: "the repository cannot be read: " + v.Repository.Trouble,
			Steps: []Step{{Do: "see which credentials it is read with, and give it others where they are refused", Command: "driftless repository list"}}}))
	}
	for _, p := range v.Repository.Problems {
		found = append(found, Finding{What: p.String(), Steps: []Step{
			{Do: "check the file before you push it", Command: "driftless validate"},
			{Do: "mend it in a commit: the next look takes it up"}}})
	}
	return found
}

// held is what keeps an application from starting anything.
func held(a gitops.Application) []Finding {
	switch {
	case a.Removed:
		return []Finding{{What: "it is no longer in driftless.yaml; its stack stays as it is", Steps: []Step{{Do: "bring its entry back in a commit, or leave it"}}}}
	case a.Suspended == nil:
		return nil
	}
	what := "it is suspended by " + gitops.CallerName(a.Suspended.By)
	if a.Suspended.Reason != "" {
		what += ": " + a.Suspended.Reason
	}
	if a.Suspended.By == gitops.ByDriftless {
		return []Finding{{What: what, Steps: []Step{{Do: "bring back what is gone: it is resumed by itself then"}}}}
	}
	return []Finding{{What: what, Steps: []Step{{Do: "let it go on", Command: "driftless resume " + a.ID}}}}
}

// inFlight is what a deployment waits for, where a person could do something about it.
func inFlight(a gitops.Application, d gitops.Deployment) []Finding {
	if d.Phase == gitops.PhaseAwaitingApproval {
		return []Finding{{What: fmt.Sprintf("deployment %s waits for a person: %s", d.ID, d.Reason), Steps: []Step{
			{Do: "see what would change", Command: "driftless diff " + a.ID},
			{Do: "approve exactly that", Command: "driftless approve " + a.ID},
			{Do: "or say no", Command: "driftless reject " + a.ID}}}}
	}
	doing := d.Progress
	if doing == "" {
		doing = d.Reason
	}
	return []Finding{known(a, doing, Finding{What: fmt.Sprintf("deployment %s is %s: %s", d.ID, d.Phase, doing), Cause: d.Cause,
		Steps: []Step{{Do: "follow it; nothing has to be done", Command: "driftless status " + a.ID + " --watch"}}})}
}

// failed is what made the last deployment end badly.
func failed(a gitops.Application, d gitops.Deployment) []Finding {
	switch d.Phase {
	case gitops.PhaseFailed, gitops.PhaseBlocked:
	case gitops.PhaseRejected:
		return []Finding{{What: fmt.Sprintf("deployment %s of %s was rejected: %s", d.ID, d.Revision, d.Reason),
			Steps: []Step{{Do: "push what you want instead, or plan it once more", Command: "driftless sync " + a.ID}}}}
	case gitops.PhasePending, gitops.PhasePlanning, gitops.PhaseAwaitingApproval, gitops.PhaseApplying, gitops.PhaseVerifying,
		gitops.PhaseRollingBack, gitops.PhaseSucceeded, gitops.PhaseSuperseded:
		return nil
	}
	text := d.Reason
	f := Finding{What: fmt.Sprintf("deployment %s of %s ended %s: %s", d.ID, d.Revision, d.Phase, d.Reason), Cause: d.Cause}
	if d.Cause != nil {
		f.What, text = fmt.Sprintf("deployment %s of %s ended %s: %s", d.ID, d.Revision, d.Phase, where(*d.Cause)), d.Cause.Reason
	}
	found := []Finding{known(a, text, f)}
	if s := stuckIn(d); s != nil {
		if found[0].Why == "" {
			found[0].Steps = []Step{{Do: "mend what the reason says in a commit; what the stack itself needs is told below"}}
		}
		return append(found, stuck(a, *s))
	}
	for _, c := range d.Checks {
		if c.Done && !c.Passed {
			found[0].Why = "what was deployed is live, and the application's own check " + c.Name + " says that it does not do its work: " + c.Reason
			found[0].Steps = append(found[0].Steps, Step{Do: "go back to what was last good", Command: "driftless rollback " + a.ID})
			break
		}
	}
	if found[0].Why == "" {
		found[0].Steps = []Step{{Do: "mend what the reason says in a commit"}}
	}
	if !mentions(found[0].Steps, "driftless sync") {
		found[0].Steps = append(found[0].Steps, retry(a))
	}
	return found
}

// where tells a cause with the property that it is about.
func where(c gitops.Cause) string {
	if c.Path == "" {
		return c.String()
	}
	return strings.TrimSuffix(c.String(), c.Reason) + c.Path + ": " + c.Reason
}

func mentions(steps []Step, command string) bool {
	for _, s := range steps {
		if strings.HasPrefix(s.Command, command) {
			return true
		}
	}
	return false
}

func retry(a gitops.Application) Step {
	return Step{Do: "try again, if a push does not do so", Command: "driftless sync " + a.ID}
}

func look(a gitops.Application) Step {
	return Step{Do: "look once more", Command: "driftless drift " + a.ID + " --detect"}
}
