package notify

import (
	"cmp"
	"context"
	"strings"
	"time"

	"github.com/driftless-gitops/driftless/internal/forge"
)

// Notice is what is known of one place on a forge, which is a context on a commit of a
// repository: what is shown there, and, where that is not what the record says, when to try
// again. All deployments of an application at one commit share their place; it is the
// newest one's.
type Notice struct {
	Place string `json:"place"`
	About About  `json:"about"` // what it is to show
	Shown Shown  `json:"shown"` // zero: nothing, or nobody knows, as long as Due is set
	Seen  int64  `json:"seen"`  // version of the record that Shown was made from

	Sender string    `json:"sender,omitempty"` // who is showing something there, until Due
	Due    time.Time `json:"again,omitzero"`   // when to look again; zero: it is shown, or given up
	Tries  int       `json:"tries,omitempty"`  // that failed one after the other
	Since  time.Time `json:"since,omitzero"`   // when the first of them failed
	Reason string    `json:"reason,omitempty"` // why the last one did

	Version int64 `json:"version"`
}

// About says which record to show: a deployment, or, without an application, a repository.
type About struct {
	Repo       string `json:"repo"`          // id
	App        string `json:"app,omitempty"` // id
	Deployment string `json:"deployment,omitempty"`
}

// Shown is what a forge was told.
type Shown struct {
	State       forge.State `json:"state,omitempty"`
	Description string      `json:"description,omitempty"`
	URL         string      `json:"url,omitempty"`
}

// Notices keeps what was shown where.
type Notices interface {
	// Notice reads the notice of a place, consistently; reconcile.ErrNotFound.
	Notice(ctx context.Context, place string) (Notice, error)
	// PutNotice stores n if the stored version is still n.Version (zero: if there is none),
	// and sets n.Version to the next one. reconcile.ErrConflict. A notice that is not stored
	// again goes after 30 days.
	PutNotice(ctx context.Context, n *Notice) error
}

// Place returns the name of a place: neither ids nor commits nor contexts hold a "#".
func Place(repository string, s forge.Status) string {
	return strings.Join([]string{repository, s.Commit, s.Context}, "#")
}

const (
	// lease is how long a sender has a place to itself: longer than a function runs, so that
	// one that was cut short shows nothing any more when the next one begins.
	lease = 2 * time.Minute
	// patience is how long something that fails is tried for.
	patience = 24 * time.Hour
	// longest is how much of a reason is kept.
	longest = 500
)

// When to try again after the first, second, … failure in a row. What was refused is tried
// again as well, since no event tells that a person gave a token the right to do it.
var (
	backoff = []time.Duration{time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute, 30 * time.Minute}
	refusal = []time.Duration{time.Hour, 3 * time.Hour, 6 * time.Hour, 12 * time.Hour}
)

// over reports whether there is nothing to show: a newer deployment has the place, or what a
// newer read of the record said was shown, or just this is.
func (n Notice) over(about About, version int64, want Shown) bool {
	switch order := cmp.Compare(n.About.Deployment, about.Deployment); { // ULIDs: they sort by time
	case order > 0:
		return true
	case order < 0:
		return false
	}
	return version < n.Seen || n.Shown == want
}

// held reports whether somebody else is showing something there right now.
func (n Notice) held(by string, now time.Time) bool {
	return n.Sender != "" && n.Sender != by && now.Before(n.Due)
}

// hand gives the place to what it is to show from now on.
func (n *Notice) hand(about About) {
	if n.About != about {
		n.About, n.Seen, n.Tries, n.Since = about, 0, 0, time.Time{}
	}
}

// claim gives a sender the place. What is shown there is not known from here on.
func (n *Notice) claim(by string, about About, now time.Time) {
	n.hand(about)
	n.Shown, n.Sender, n.Due = Shown{}, by, now.Add(lease)
}

// settle notes that it is shown.
func (n *Notice) settle(version int64, shown Shown) {
	*n = Notice{Place: n.Place, About: n.About, Shown: shown, Seen: version, Version: n.Version}
}

// rest notes that there is nothing to show there any more, and why.
func (n *Notice) rest(why string) {
	n.Sender, n.Due, n.Reason = "", time.Time{}, why
}

// fail notes why it is not shown, and when to try again.
func (n *Notice) fail(why string, refused bool, now time.Time) {
	waits := backoff
	if refused {
		waits = refusal
	}
	n.postpone(why, now.Add(waits[min(n.Tries, len(waits)-1)]), now)
	n.Tries++
	if now.Sub(n.Since) >= patience {
		n.rest("given up after " + patience.String() + ": " + n.Reason)
		n.Tries, n.Since = 0, time.Time{} // the next change of the record begins anew
	}
}

// postpone notes why it is not shown yet.
func (n *Notice) postpone(why string, until, now time.Time) {
	if n.Since.IsZero() {
		n.Since = now
	}
	if why = line(why); len(why) > longest {
		why = strings.ToValidUTF8(why[:longest], "") + "…"
	}
	n.Sender, n.Due, n.Reason = "", until, why
}
