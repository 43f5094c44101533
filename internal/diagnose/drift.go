package diagnose

import (
	"fmt"
	"strings"

	"github.com/driftless-gitops/driftless/internal/gitops"
)

// drifted explains what the latest look at live found.
func drifted(a gitops.Application, r gitops.DriftReport) (found []Finding) {
	s := r.Summary()
	switch {
	case r.Gone:
		return []Finding{{What: "the stack is gone: " + r.Foreign, Steps: []Step{{Do: "make it anew", Command: "driftless sync " + a.ID}}}}
	case s.Drifted > 0:
		found = append(found, Finding{What: fmt.Sprintf("%d of %d resources are not what was deployed: %s", s.Drifted, s.Total(), s.Message), Why: hands(r), Steps: []Step{
			{Do: "see every difference", Command: "driftless drift " + a.ID},
			{Do: "take the live values over into git, in a pull request", Command: "driftless adopt " + a.ID},
			{Do: "or bring back what can do no harm", Command: "driftless heal " + a.ID},
			{Do: "or bring everything back; a replacement waits for an approval", Command: "driftless sync " + a.ID}}})
	case r.Foreign != "":
		found = append(found, Finding{What: r.Foreign, Why: "the stack's own template is then not git's, so that drift detection compares with something else", Steps: []Step{
			{Do: "deploy what git wants again", Command: "driftless sync " + a.ID}}})
	}
	if !r.Complete {
		found = append(found, known(a, r.Reason, Finding{What: "not everything could be looked at: " + r.Reason, Steps: []Step{look(a)}}))
	}
	return found
}

// hands tells who changed what has drifted, where events told.
func hands(r gitops.DriftReport) string {
	var told []string
	for _, res := range r.Resources {
		if res.By != nil && (res.Status == gitops.ResourceModified || res.Status == gitops.ResourceDeleted) {
			told = append(told, fmt.Sprintf("%s by %s (%s)", res.LogicalID, gitops.CallerName(res.By.By), res.By.Event))
		}
	}
	if len(told) == 0 {
		return ""
	}
	return "changed outside of git: " + strings.Join(told, ", ")
}
