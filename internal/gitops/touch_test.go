package gitops_test

import (
	"testing"
	"time"

	"github.com/driftless-gitops/driftless/internal/gitops"
)

func TestADetectionForgetsOnlyTheChangesThatItLookedAt(t *testing.T) {
	began := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		changed time.Duration // since the detection began
		only    []string
		kept    int
	}{
		"all resources, after the change":        {-time.Second, nil, 0},
		"all resources, before the change":       {time.Second, nil, 1},
		"its resource, after the change":         {-time.Second, []string{"Queue"}, 0},
		"another resource, after the change":     {-time.Second, []string{"Topic"}, 1},
		"no resource: a request that is dropped": {-time.Second, []string{}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			a := gitops.Application{}
			a.Note(gitops.Touched{LogicalID: "Queue", Touch: gitops.Touch{By: "eve", At: began.Add(c.changed)}})
			if a.Looked(began, c.only); len(a.Touched) != c.kept {
				t.Errorf("kept %v", a.Touched)
			}
		})
	}
}
