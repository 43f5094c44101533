package trigger_test

import (
	"strings"
	"testing"

	"github.com/driftless-gitops/driftless/internal/fuzzing"
	"github.com/driftless-gitops/driftless/internal/hostile"
	"github.com/driftless-gitops/driftless/internal/trigger"
)

// What comes out of any input is nothing, or a key whose parts belong together.
func FuzzParse(f *testing.F) {
	for _, raw := range recorded(f) {
		f.Add(raw)
	}
	f.Add([]byte(push))
	f.Add([]byte(status))
	f.Add([]byte(queueCall))
	f.Add([]byte(`{"source":"aws.codecommit"}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		var key trigger.Key
		var err error
		fuzzing.Bounded(t, len(raw), func() { key, err = trigger.Parse(raw) })
		if why := hostile.Trouble(key.Reason + key.Stack + key.Account + key.Region + key.Touch.By + key.Touch.From + key.Touch.Event + strings.Join(key.Physical, "")); why != "" {
			t.Errorf("got %+v: %s", key, why)
		}
		switch {
		case err != nil:
			if !key.IsZero() {
				t.Errorf("a key and an error: %+v, %v", key, err)
			}
		case key.Kind == trigger.KindRepository:
			if !strings.HasPrefix(key.RepositoryURL, "codecommit::"+key.Region+"://") || !strings.HasPrefix(key.Ref, "refs/") || key.StackARN != "" {
				t.Errorf("got %+v", key)
			}
		case key.Kind == trigger.KindStack:
			if !strings.Contains(key.StackARN, ":"+key.Region+":"+key.Account+":stack/"+key.Stack+"/") || key.RepositoryURL != "" {
				t.Errorf("got %+v", key)
			}
		case key.Kind == trigger.KindBuild:
			if hostile.Trouble(key.Application) != "" || key.Application == "" || key.RepositoryURL != "" || key.StackARN != "" {
				t.Errorf("got %+v", key)
			}
		case key.Kind == trigger.KindResource:
			if len(key.Physical) == 0 || len(key.Physical) > 10 || key.Touch.By == "" || key.Touch.Event == "" || key.Application != "" || key.StackARN != "" {
				t.Errorf("got %+v", key)
			}
		case !key.IsZero():
			t.Errorf("got %+v", key)
		}
	})
}
