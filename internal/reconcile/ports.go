package reconcile

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"time"

	"github.com/driftless-gitops/driftless/internal/gitops"
)

// The errors that adapters translate to. Everything else that an adapter returns is
// transient or unknown: the step ends, the record is still unfinished, the sweep looks again.
var (
	// ErrNotFound: what was asked for is not there, and the answer is certain.
	ErrNotFound = errors.New("not found")
	// ErrConflict: somebody else changed the record since it was read, or holds the claim.
	ErrConflict = errors.New("conflict")
	// ErrDenied: credentials were refused, or a right is missing; trying again is pointless
	// until a person acts. Its text says who was refused what.
	ErrDenied = errors.New("denied")
)

// Repositories keeps the records of repositories.
type Repositories interface {
	// Repository reads one, consistently; ErrNotFound.
	Repository(ctx context.Context, id string) (gitops.Repository, error)
	// PutRepository stores r if the stored version is still r.Version (zero: if there is
	// none), and sets r.Version to the next one. ErrConflict.
	PutRepository(ctx context.Context, r *gitops.Repository) error
	// ListRepositories returns all, sorted by URL and branch.
	ListRepositories(ctx context.Context) ([]gitops.Repository, error)
	// DeleteRepository removes the record; one that is gone is no error.
	DeleteRepository(ctx context.Context, id string) error
}

// Applications keeps the records of applications.
type Applications interface {
	// Application reads one, consistently; ErrNotFound.
	Application(ctx context.Context, id string) (gitops.Application, error)
	// ApplicationsByID reads many, each consistently. Those that are not there are left out.
	ApplicationsByID(ctx context.Context, ids []string) (map[string]gitops.Application, error)
	// Register stores a new application together with its claims in one transaction.
	// A *ClaimedError names the claim that somebody else holds; ErrConflict when the
	// application exists. Sets a.Version.
	Register(ctx context.Context, a *gitops.Application, claims []Claim) error
	// PutApplication stores a if the stored version is still a.Version, and sets it to the
	// next one. ErrConflict.
	PutApplication(ctx context.Context, a *gitops.Application) error
	// Retire stores a stack of a CDK app, marked as removed, if its version is unchanged and so
	// is the app's: whoever comes too late takes no stack from an app that is back. ErrConflict.
	// Sets a.Version.
	Retire(ctx context.Context, a *gitops.Application, app gitops.Application) error
	// ListApplications returns all of one repository, or of the installation when the
	// repository is empty, sorted by id. It may be a moment behind.
	ListApplications(ctx context.Context, repository string) ([]gitops.Application, error)
}

// Backlog finds what somebody has to look at.
type Backlog interface {
	// Unfinished returns the ids of the repositories and applications that are unfinished,
	// and of the applications whose drift is due before now, among them those that are
	// unfinished for that alone. It may be a moment behind.
	Unfinished(ctx context.Context, now int64) (Waiting, error)
	// Watched returns the ids of all repositories. It may be a moment behind.
	Watched(ctx context.Context) ([]string, error)
}

// Claims says who owns a name, a stack, a state key.
type Claims interface {
	// Owner returns the id of the application (or repository) that holds the claim; ErrNotFound.
	Owner(ctx context.Context, c Claim) (string, error)
	// Take takes claims for an application in one transaction, those that are its own already
	// among them. A *ClaimedError names the one that somebody else holds.
	Take(ctx context.Context, owner string, claims []Claim) error
	// Yield stores an application if its version is unchanged, and gives up a claim of its, in
	// one transaction: none is lost to which its record has gone back. ErrConflict, where it
	// does not hold the claim too. Sets a.Version.
	Yield(ctx context.Context, a *gitops.Application, c Claim) error
}

// Deployments keeps the records of deployments, and the lock.
type Deployments interface {
	// Deployment reads one, consistently; ErrNotFound.
	Deployment(ctx context.Context, application, id string) (gitops.Deployment, error)
	// Open stores a new deployment and the application that names it in flight, in one
	// transaction: if the application's version is unchanged and it had nothing in flight.
	// This write is the lock. ErrConflict. Sets both versions.
	Open(ctx context.Context, a *gitops.Application, d *gitops.Deployment) error
	// PutDeployment stores d if its version is unchanged. ErrConflict.
	PutDeployment(ctx context.Context, d *gitops.Deployment) error
	// Intend stores d, whose intent to apply it holds, if its version is unchanged and so is
	// the version of a, which has it in flight: nothing is applied past a suspension or a newer
	// wish that was stored. ErrConflict. Sets d's version; a is not written.
	Intend(ctx context.Context, a gitops.Application, d *gitops.Deployment) error
	// Close stores an ended deployment and the application that it frees, in one
	// transaction, if both versions are unchanged. ErrConflict.
	Close(ctx context.Context, a *gitops.Application, d *gitops.Deployment) error
	// Supersede stores an ended deployment that never ran, and the application that wants
	// something newer in its place, in one transaction: if the application's version is
	// unchanged and the deployment is new. ErrConflict. Sets both versions.
	Supersede(ctx context.Context, a *gitops.Application, d *gitops.Deployment) error
	// ListDeployments returns the latest of an application, newest first, at most limit.
	ListDeployments(ctx context.Context, application string, limit int) ([]gitops.Deployment, error)
}

// Reports keeps drift reports: the latest always, older ones for a while.
type Reports interface {
	// PutReport stores r as the latest, unless a later one is, and, where it is news, in the
	// history. A repeat changes nothing.
	PutReport(ctx context.Context, r gitops.DriftReport) error
	// LatestReport returns the latest of an application; ErrNotFound.
	LatestReport(ctx context.Context, application string) (gitops.DriftReport, error)
}

// Store is all of the records.
type Store interface {
	Repositories
	Applications
	Backlog
	Claims
	Deployments
	Reports
}

// Waiting is what the sweep has to wake.
type Waiting struct {
	Repositories []string
	Applications []string
	DriftDue     []Due // the longest due first
}

// Claim is something that one owner holds at a time.
type Claim struct {
	Kind string // "app", "stack", "state"
	Key  string // the application's name; "<account>#<region>#<stack>"; "<address>#<workspace>"
}

// String names what is claimed, for people.
func (c Claim) String() string {
	switch parts := strings.Split(c.Key, "#"); {
	case c.Kind == "stack" && len(parts) == 3:
		return fmt.Sprintf("stack %s in %s %s", parts[2], parts[0], parts[1])
	case c.Kind == "state" && len(parts) == 2 && parts[1] != "":
		return fmt.Sprintf("state %s, workspace %s", parts[0], parts[1])
	case c.Kind == "state" && len(parts) == 2:
		return "state " + parts[0]
	}
	return c.Kind + " " + c.Key
}

// ClaimApplication is the claim to an application's name.
func ClaimApplication(name string) Claim { return Claim{Kind: "app", Key: name} }

// ClaimStack is the claim to a stack.
func ClaimStack(account, region, stack string) Claim {
	return Claim{Kind: "stack", Key: account + "#" + region + "#" + stack}
}

// ClaimState is the claim to a Terraform state: to the address of a backend of its own, else to
// the one in the installation's bucket, which is named after the application.
func ClaimState(application, address, workspace string) Claim {
	if address == "" {
		address = "of application " + application
	}
	return Claim{Kind: "state", Key: address + "#" + workspace}
}

// ClaimedError says that somebody else holds a claim. It is an ErrConflict.
type ClaimedError struct {
	Claim Claim
	Owner string
}

// Error names the claim and its owner.
func (e *ClaimedError) Error() string {
	return fmt.Sprintf("%s is claimed by application %s", e.Claim, e.Owner)
}

// Unwrap returns ErrConflict.
func (e *ClaimedError) Unwrap() error { return ErrConflict }

// Message says "look at X", and why, for people. It never carries what to do: whoever
// loses, repeats or reorders messages changes when things happen, never what.
type Message struct {
	Repository  string        `json:"repository,omitempty"`  // id; exactly one of the three is set
	Application string        `json:"application,omitempty"` // id
	Resource    *ResourceHint `json:"resource,omitempty"`    // that somebody changed: whose it is has to be found out
	Reason      string        `json:"reason,omitempty"`
}

// Group returns what orders messages: the id of what to look at.
func (m Message) Group() string {
	switch {
	case m.Application != "":
		return "app-" + m.Application
	case m.Resource != nil:
		return m.Resource.group()
	}
	return "repo-" + m.Repository
}

// Queue wakes reconcilers.
type Queue interface {
	// Send sends the messages; with several, those that could be sent are sent before an
	// error returns. Twice is harmless.
	Send(ctx context.Context, messages ...Message) error
}

// Blobs keeps Bundles and Plans by key.
type Blobs interface {
	// Put stores data under a key that names its content, so that a repeat is harmless.
	Put(ctx context.Context, key string, data []byte) error
	// Get reads it; ErrNotFound.
	Get(ctx context.Context, key string) ([]byte, error)
	// PutFile is Put for what is too large to be held in memory.
	PutFile(ctx context.Context, key string, from io.ReadSeeker) error
	// GetFile is Get for it. After an error, part of it may have been written.
	GetFile(ctx context.Context, key string, into io.Writer) error
}

// Git reads repositories.
type Git interface {
	// Head returns the commit that the tracked branch stands at, by one request.
	// ErrNotFound: the branch or the repository is gone, or has no commit.
	// ErrDenied: the credentials are refused.
	Head(ctx context.Context, r gitops.Repository) (commit string, err error)
	// Snapshot reads the trees of one commit, without its files, by one request.
	Snapshot(ctx context.Context, r gitops.Repository, commit string) (Snapshot, error)
}

// Snapshot is the tree of one commit. Everything is read at that commit.
type Snapshot interface {
	// Revision returns the commit's author, subject and time.
	Revision() gitops.Revision
	// Object returns the id of the git object (tree or blob) at a slash-separated path, "."
	// for the root. fs.ErrNotExist.
	Object(path string) (string, error)
	// Fetch returns the regular files at and below the paths, by one request for all that
	// are not there yet. A symbolic link, a submodule or a name that no file system
	// should be given, at or below a path, is an error that names it.
	Fetch(ctx context.Context, paths ...string) (fs.FS, error)
	// Tree is the whole tree's shape: its directories and names can be read, its files'
	// content cannot. For checks that a file is there.
	Tree() fs.FS
	// Close gives back what the snapshot holds outside memory.
	Close() error
}

// Engine starts operations and observes them. Both verbs are safe to repeat.
type Engine interface {
	// Start begins the operation under its token, or finds it running, and returns what
	// is known of it: the ids to keep in the record. A *gitops.Refusal is a person's
	// mistake and ends the deployment with its reason. Cancel works at once: when it
	// returns nil, nothing of the operation is left.
	Start(ctx context.Context, w Work) (gitops.Operation, error)
	// Observe looks at the operation. What AWS could not say, for whatever reason, is an
	// error, never a state.
	Observe(ctx context.Context, w Work) (gitops.Sighting, error)
}

// Checker makes attempts at the checks of verify.
type Checker interface {
	// Check returns what one attempt found, within the time that the check gives it. outputs are
	// those of the stack. An error is what could not be found out, for whatever reason: the
	// attempt does not count.
	Check(ctx context.Context, w Work, c gitops.Check, outputs map[string]string) (gitops.Verdict, error)
}

// Work is one operation of a deployment, with all that an engine needs to carry it out.
type Work struct {
	Application string
	Settings    gitops.Settings
	Kind        gitops.Kind // deploy or revert
	Operation   gitops.Operation
	Bundle      string // key
	Revision    gitops.Revision
	// Since is when live was last brought to what git wants; what somebody else did to the
	// stack after that is told in a drift report. Zero: not to be judged.
	Since time.Time
	// Only are the logical ids that a detection is to look at, "Nested/Resource" in a nested
	// stack; nil: all. The report of some is Partial, and names no others.
	Only []string
	// Flat says that no stack was nested in the application's when all of it was last looked at.
	Flat bool
	// Files opens the Bundle: paths are those of the repository. Lazily, since only a plan reads
	// it, and a report that has to hide what is secret. Nil: there is no Bundle.
	Files func(ctx context.Context) (fs.FS, error)
}
