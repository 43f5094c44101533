package fake

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/driftless-gitops/driftless/internal/notify"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

// Notices keeps notices in memory.
type Notices struct {
	Calls
	mu      sync.Mutex
	stored  records
	touched map[string]int64 // by place, the Unix second until which a touched notice is not due
	wake    func(place string)
}

var (
	_ notify.Notices    = (*Notices)(nil)
	_ reconcile.Notices = (*Notices)(nil)
)

// NewNotices returns an empty store of notices.
func NewNotices() *Notices { return &Notices{stored: records{}, touched: map[string]int64{}} }

// OnTouch calls wake with the place of every notice that is touched, as the table's stream
// tells of it.
func (n *Notices) OnTouch(wake func(place string)) { n.wake = wake }

// call runs do alone, as the table runs one write.
func (n *Notices) call(name string, do func() error) error {
	return n.run(name, func() error {
		n.mu.Lock()
		defer n.mu.Unlock()
		return do()
	})
}

// Notice implements notify.Notices.
func (n *Notices) Notice(_ context.Context, place string) (notice notify.Notice, err error) {
	err = n.call("Notice", func() error {
		notice, err = read[notify.Notice](n.stored, place)
		return err
	})
	return notice, err
}

// PutNotice implements notify.Notices.
func (n *Notices) PutNotice(_ context.Context, notice *notify.Notice) error {
	next := *notice
	next.Version++
	err := n.call("PutNotice", func() error {
		if err := n.stored.check(notice.Place, notice.Version); err != nil {
			return err
		}
		delete(n.touched, notice.Place)
		return put(n.stored, notice.Place, next, false)
	})
	return answer(err, &notice.Version)
}

// DueNotices implements reconcile.Notices.
func (n *Notices) DueNotices(_ context.Context, now int64, limit int) (places []string, err error) {
	err = n.call("DueNotices", func() error {
		all, err := list[notify.Notice](n.stored, "")
		all = slices.DeleteFunc(all, func(notice notify.Notice) bool { return !n.due(notice, now) })
		slices.SortStableFunc(all, func(a, b notify.Notice) int { return a.Due.Compare(b.Due) })
		for _, notice := range all[:min(limit, len(all))] {
			places = append(places, notice.Place)
		}
		return err
	})
	return places, err
}

// TouchNotice implements reconcile.Notices.
func (n *Notices) TouchNotice(_ context.Context, place string, now, next int64) error {
	err := n.call("TouchNotice", func() error {
		notice, err := read[notify.Notice](n.stored, place)
		if err != nil || !n.due(notice, now) {
			return reconcile.ErrConflict
		}
		n.touched[place] = next
		return nil
	})
	if err == nil && n.wake != nil {
		n.wake(place)
	}
	return err
}

func (n *Notices) due(notice notify.Notice, now int64) bool {
	until, ok := n.touched[notice.Place]
	if !ok {
		until = notice.Due.Unix()
	}
	return !notice.Due.IsZero() && until <= now
}

// Behind returns the places that do not show what they should, and why, sorted by place.
func (n *Notices) Behind() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	all, _ := list[notify.Notice](n.stored, "") // only notices are stored here
	var behind []string
	for _, notice := range all {
		if !notice.Due.IsZero() {
			behind = append(behind, notice.Place+" "+strings.TrimSpace(notice.Reason+" "+notice.Due.UTC().Format(time.TimeOnly)))
		}
	}
	return behind
}
