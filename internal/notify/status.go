package notify

import (
	"fmt"
	"regexp"
	"strings"
	"sync"

	"github.com/driftless-gitops/driftless/internal/forge"
	"github.com/driftless-gitops/driftless/internal/gitops"
)

// Context is the context of a repository's status; an application's is Context, a slash and
// its name.
const Context = "driftless"

// Deployment returns the status that shows a deployment on its commit.
func Deployment(d gitops.Deployment) forge.Status {
	s := forge.Status{Commit: d.Revision.Commit, Context: Context + "/" + d.Application, URL: stackURL(d)}
	var plan, why string
	if d.Plan.Digest != "" {
		plan = d.Plan.String()
	}
	s.State, why = phase(d, plan)
	switch {
	case s.State == forge.StateSkipped:
	case d.Kind.Reverts():
		why = "back to what was deployed: " + why
	case d.Kind == gitops.KindRollback:
		why = "back to what was good: " + why
	case d.Kind == gitops.KindRecover:
		why = "stack recovered: " + why
	}
	s.Description = line(why)
	return s
}

// phase returns how a deployment stands, and why. What an apply is doing from second to
// second is left out: a forge takes a limited number of statuses for a commit (GitHub 1,000
// for one context, REST API, "Create a commit status"), and the console's page tells it.
//
// A deployment that was overtaken was skipped: nothing was wrong with it. Where a forge has
// no neutral status that is green, so its description begins with what did not happen.
func phase(d gitops.Deployment, plan string) (forge.State, string) {
	switch d.Phase {
	case gitops.PhasePending:
		return forge.StatePending, or(d.Progress, "waiting to begin")
	case gitops.PhasePlanning:
		return forge.StateRunning, or(d.Progress, "planning")
	case gitops.PhaseAwaitingApproval:
		return forge.StatePending, join(plan, "waiting for approval: "+or(d.Progress, d.Reason))
	case gitops.PhaseApplying:
		return forge.StateRunning, join(plan, "applying")
	case gitops.PhaseVerifying:
		return forge.StateRunning, join(plan, "applied, verifying")
	case gitops.PhaseRollingBack:
		return forge.StateRunning, join(plan, "rolling back: "+d.Reason)
	case gitops.PhaseSucceeded:
		return forge.StateSuccess, join(plan, d.Reason)
	case gitops.PhaseSuperseded:
		if d.Kind != gitops.KindDeploy && d.Kind != "" {
			return forge.StateSkipped, "not brought back: " + d.Reason
		}
		return forge.StateSkipped, "not deployed: " + d.Reason
	case gitops.PhaseFailed, gitops.PhaseRejected:
		return forge.StateFailure, join(plan, d.Reason)
	case gitops.PhaseBlocked:
		return forge.StateError, join(plan, d.Reason)
	}
	return forge.StateError, fmt.Sprintf("phase %q is not known to this version", d.Phase)
}

// Repository returns the status that shows how the last look at a repository went, on the
// commit that it looked at; false where there is nothing to show. Trouble is shown on a
// commit that could not be read. Without such a commit it is not: as far as anybody knows,
// nothing was pushed, and the commit before is as sound as it was.
func Repository(r gitops.Repository) (forge.Status, bool) {
	s := forge.Status{Commit: r.Head.Commit, Context: Context, State: forge.StateSuccess, Description: sound(len(r.Applications))}
	switch {
	case r.Unfinished() && r.Trouble != "":
		s.Commit, s.State, s.Description = r.Observing.Commit, forge.StateError, line("could not be read yet: "+cause(r))
	case r.Unfinished():
		return s, false // the end of the look is told
	case len(r.Problems) > 0:
		s.State, s.Description = forge.StateFailure, line(problems(r.Problems))
	}
	return s, s.Commit != ""
}

// sound says of a configuration what is known: how its applications are is told by their own
// statuses, each on the commits that concern it.
func sound(applications int) string {
	text := fmt.Sprintf("the configuration is sound, with %d application", applications)
	if applications != 1 {
		text += "s"
	}
	return text + ": each is shown on the commits that change it"
}

// wraps is what an error of reading begins with before it says what is wrong.
var wraps = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^((read|fetch|resolve) [^:]*: )+`) })

// cause returns a repository's trouble as it is shown on its own commit: without its URL, and
// with the reason first, since little more than a hundred characters are shown.
func cause(r gitops.Repository) string {
	return wraps().ReplaceAllString(strings.ReplaceAll(r.Trouble, " "+gitops.NormalURL(r.URL), ""), "")
}

// problems returns the first problem, of the whole repository before those of single
// applications, and how many more there are.
func problems(all []gitops.Problem) string {
	first := all[0]
	for _, p := range all {
		if p.Application == "" {
			first = p
			break
		}
	}
	text := first.String()
	if first.Application != "" && !strings.Contains(text, first.Application) {
		text = first.Application + ": " + text
	}
	if more := len(all) - 1; more > 0 {
		return fmt.Sprintf("%s (and %d more)", text, more)
	}
	return text
}

// principal is the ARN of somebody who calls AWS (IAM User Guide, "IAM identifiers").
var principal = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`arn:[a-z-]+:(iam|sts)::[0-9]*:(user|role|assumed-role|federated-user)/[\w+=,.@/-]*[\w+=@]`)
})

// line returns a text as one printable line. People and roles are shown by their names: a
// commit is seen by more people than the account's ids are meant for.
func line(s string) string {
	s = principal().ReplaceAllStringFunc(s, gitops.CallerName)
	return gitops.Printable(strings.Join(strings.Fields(s), " "))
}

func join(plan, why string) string {
	if plan == "" || why == "" {
		return plan + why
	}
	return plan + ", " + why
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}
