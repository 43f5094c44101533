package reconcile_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/driftless-gitops/driftless/internal/reconcile"
)

// places are notices by place, with the second at which each is due.
type places struct {
	due    map[string]int64
	failed string // the place that cannot be touched
}

func (p *places) DueNotices(_ context.Context, now int64, limit int) (found []string, err error) {
	for i := range len(p.due) {
		place := fmt.Sprintf("place-%04d", i)
		if due, ok := p.due[place]; ok && due <= now && len(found) < limit {
			found = append(found, place)
		}
	}
	return found, nil
}

func (p *places) TouchNotice(_ context.Context, place string, now, next int64) error {
	switch {
	case place == p.failed:
		return errors.New("throttled")
	case p.due[place] > now:
		return reconcile.ErrConflict
	}
	p.due[place] = next
	return nil
}

func TestTheSweepTouchesEveryNoticeThatIsDueOnceInFiveMinutes(t *testing.T) {
	w := newWorld(t)
	p := &places{due: map[string]int64{}, failed: "place-0001"}
	for i := range 1200 {
		p.due[fmt.Sprintf("place-%04d", i)] = w.now.Unix()
	}
	w.sweep.Notices = p
	var touched []int
	for range 7 {
		n, err := w.sweep.Unfinished(t.Context())
		if err == nil {
			t.Error("the notice that cannot be touched is not told of")
		}
		touched = append(touched, n)
		w.now = w.now.Add(time.Minute)
	}
	if diff := cmp.Diff([]int{499, 499, 201, 0, 0, 499, 499}, touched); diff != "" {
		t.Errorf("touched (-want +got):\n%s", diff)
	}
}

func TestR11_ANoticeThatFailsKeepsNobodyFromBeingWoken(t *testing.T) {
	w := watching(t)
	w.push("a change", map[string]string{"stacks/jobs/template.yaml": "Queue.Type: AWS::SQS::Queue\nQueue.VisibilityTimeout: 6\n"})
	w.resync()
	w.queue.Drain() // every message is lost
	r := w.repository()
	r.Observing.N++
	if err := w.store.PutRepository(t.Context(), &r); err != nil {
		t.Fatal(err)
	}
	w.sweep.Notices = &places{due: map[string]int64{"place-0000": 0}, failed: "place-0000"}
	if n, err := w.sweep.Unfinished(t.Context()); n != 1 || err == nil {
		t.Errorf("woke %d, %v; want the repository, and the failure told", n, err)
	}
	w.store.Fail(func(string) error { return errors.New("throttled") })
	w.sweep.Notices = &places{due: map[string]int64{"place-0000": 0}}
	if n, err := w.sweep.Unfinished(t.Context()); n != 1 || err == nil {
		t.Errorf("woke %d, %v; want the notice, and the failure told", n, err)
	}
}
