package gitops

import (
	"hash/fnv"
	"time"
)

// Application is the record of one application: what git wants of it, what is deployed,
// and which deployment, if any, is in flight. The unfinished deployment is the lock.
type Application struct {
	ID         string   `json:"id"` // its name, unique in the installation
	Repository string   `json:"repository"`
	Settings   Settings `json:"settings"`
	Removed    bool     `json:"removed,omitempty"` // no longer in the file; its stack is kept
	Stacks     []string `json:"stacks,omitempty"`  // of a CDK app: the applications that its stacks are

	Wanted   Wanted   `json:"wanted"`
	InFlight string   `json:"inFlight,omitempty"` // id of the deployment that holds the application
	Fence    int64    `json:"fence"`              // grows with every deployment
	Ended    Ended    `json:"ended,omitzero"`     // the deployment that ended last
	Deployed Deployed `json:"deployed,omitzero"`  // what live was last brought to

	Request  Request `json:"request,omitzero"` // what a person asked for last
	Answered int64   `json:"answered"`         // the number of the last request that was answered

	Suspended *Suspension  `json:"suspended,omitempty"`
	Detection *Detection   `json:"detection,omitempty"` // a drift detection outside a deployment
	Drift     DriftSummary `json:"drift,omitzero"`
	DriftDue  time.Time    `json:"driftDue,omitzero"` // when drift is to be looked for next; zero never

	// Good is what was last good (LastGood) where Deployed is not.
	Good Deployed `json:"good,omitzero"`
	// Rollback is a rollback that has to follow a deployment that failed its checks.
	Rollback *Undo `json:"rollback,omitempty"`
	// Heals are the latest unattended heals, oldest first.
	Heals []Heal `json:"heals,omitempty"`
	// Touched are changes by others that were not looked at yet.
	Touched []Touched `json:"touched,omitempty"`

	UpdatedAt time.Time `json:"updatedAt,omitzero"`
	Version   int64     `json:"version"`
}

// Wanted is what git wants: written by the repository's step alone.
type Wanted struct {
	Revision Revision `json:"revision"`
	Digest   string   `json:"digest,omitempty"`
	Seq      int64    `json:"seq"`
	Bundle   string   `json:"bundle,omitempty"` // key of the Bundle
}

// Ended is how the last deployment ended.
type Ended struct {
	Deployment string    `json:"deployment,omitempty"`
	Seq        int64     `json:"seq"` // of what it wanted
	Digest     string    `json:"digest,omitempty"`
	Phase      Phase     `json:"phase,omitempty"`
	Reason     string    `json:"reason,omitempty"`
	At         time.Time `json:"at,omitzero"`
	Kind       Kind      `json:"kind,omitempty"`
}

// Deployed is what live was last brought to.
type Deployed struct {
	Deployment string            `json:"deployment,omitempty"`
	Revision   Revision          `json:"revision"`
	Digest     string            `json:"digest,omitempty"`
	Bundle     string            `json:"bundle,omitempty"`
	StackID    string            `json:"stackId,omitempty"`
	Outputs    map[string]string `json:"outputs,omitempty"`
	At         time.Time         `json:"at,omitzero"`
	Good       bool              `json:"good,omitempty"` // it passed all of verify
}

// LastGood returns what was last deployed and passed all of verify, which is where a rollback goes;
// the zero value where nothing ever did.
func (a Application) LastGood() Deployed {
	if a.Deployed.Good {
		return a.Deployed
	}
	return a.Good
}

// RequestKind is what a person can ask of an application.
type RequestKind string

// The kinds of request.
const (
	RequestSync  RequestKind = "sync"
	RequestDrift RequestKind = "drift"
	// RequestHeal is a heal by one command, under all of a heal's rules but the breaker.
	RequestHeal     RequestKind = "heal"
	RequestRollback RequestKind = "rollback"
	RequestRecover  RequestKind = "recover"
)

// Opens returns the kind of deployment that answers a request, "" where none does.
func (k RequestKind) Opens() Kind {
	switch k {
	case RequestSync:
		return KindDeploy
	case RequestHeal:
		return KindHeal
	case RequestRollback:
		return KindRollback
	case RequestRecover:
		return KindRecover
	case RequestDrift:
	}
	return ""
}

// Request is what a person asked for. It is answered when Application.Answered reaches N.
type Request struct {
	Kind RequestKind `json:"kind,omitempty"`
	N    int64       `json:"n"`
	By   string      `json:"by,omitempty"`
	At   time.Time   `json:"at,omitzero"`
	To   string      `json:"to,omitempty"`   // of a rollback: the deployment; empty: the last good one
	Skip []string    `json:"skip,omitempty"` // of a recovery: resources that the rollback leaves as they are
}

// ByDriftless is the author of a suspension that ends by itself, once its cause is gone.
const ByDriftless = "driftless"

// Suspension keeps an application from starting anything.
type Suspension struct {
	By     string    `json:"by"`
	At     time.Time `json:"at,omitzero"`
	Reason string    `json:"reason,omitempty"`
}

// Detection is a drift detection that runs outside a deployment.
type Detection struct {
	Operation Operation `json:"operation,omitzero"`
	Fence     int64     `json:"fence"`   // the application's when it began: a deployment since then makes its result old
	Request   int64     `json:"request"` // the request that it answers, zero for a scheduled one
	// Only are the resources that it looks at; nil: all.
	Only []string `json:"only,omitempty"`
}

// Behind says why whoever depends on the application has to wait, "" where it is at what git wants.
func (a Application) Behind() string {
	switch {
	case a.Removed || a.InFlight == "" && a.Deployed.Digest == a.Wanted.Digest && a.Wanted.Seq > 0:
		return ""
	case a.Wanted.Seq == 0:
		return "is not there yet"
	case a.Suspended != nil:
		return "is suspended"
	case a.InFlight == "" && a.Ended.Seq == a.Wanted.Seq:
		return "ended " + string(a.Ended.Phase)
	}
	return "is not at " + Short(a.Wanted.Revision.Commit) + " yet"
}

// Open returns the request that nobody has answered yet.
func (a Application) Open() (Request, bool) {
	return a.Request, a.Request.N > a.Answered
}

// Unfinished reports whether somebody has to look at the application again: the one-minute
// sweep wakes it for as long. A suspended or removed application finishes what runs and
// starts nothing.
func (a Application) Unfinished() bool {
	if a.InFlight != "" || a.Detection != nil {
		return true
	}
	if a.Suspended != nil || a.Removed {
		return false
	}
	_, open := a.Open()
	return open || a.Wanted.Seq > a.Ended.Seq || a.Rollback != nil || len(a.Touched) > 0
}

// StillDue reports whether all that is unfinished is a detection that began since it was due.
// The due time moves with its report only, so that the sweep finds it by that: it needs no
// second mark.
func (a Application) StillDue() bool {
	began := a.Watched() && a.Detection != nil && !a.DriftDue.After(a.Detection.Operation.At)
	a.Detection = nil
	return began && !a.Unfinished()
}

// Watched reports whether the application is woken when its drift is due.
func (a Application) Watched() bool {
	return !a.DriftDue.IsZero() && !a.Removed && a.Suspended == nil && a.InFlight == ""
}

// NextDrift returns when drift is due next after now: the interval, moved earlier by a thirtieth to
// a tenth of it by a hash of the id, so that applications of one repository do not crowd together,
// and those that wait for their turn are looked at within the interval all the same. It is zero
// when drift is not looked for.
func (a Application) NextDrift(now time.Time) time.Time {
	every := a.Settings.Drift.Every()
	if every <= 0 {
		return time.Time{}
	}
	h := fnv.New32a()
	_, _ = h.Write([]byte(a.ID)) // a hash.Hash never returns an error
	jitter := time.Duration(int64(every) / 15 * int64(h.Sum32()%1000) / 1000)
	return now.Add(every - every/30 - jitter)
}
