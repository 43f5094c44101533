// Package build is what the reconciler and the program in a build say to each other, all of it
// objects of the data bucket: an order before the build starts, a claim when it begins, a word
// while it waits, a report when it has ended. Only names and shapes stand here, and First.
//
// Whoever writes a claim or a word first has it: they are written if nothing stands under their
// key (PutObject with If-None-Match: *, S3 API reference), so that of two builds of one order
// one runs, and of a build that leaves and a reconciler that tells it to go on one is right.
package build

import (
	"crypto/sha256"
	"encoding/hex"
	"time"

	"github.com/driftless-gitops/driftless/internal/gitops"
)

// Schema is the version of an order and a report. A program refuses orders that are newer.
const Schema = 1

// Variables of a build's environment. A build is told nothing else, and none is secret.
const (
	EnvBucket = "DRIFTLESS_BUCKET" // the data bucket's name
	EnvOrder  = "DRIFTLESS_ORDER"  // the order's key in it
	// EnvApplication is whose build it is, for CodeBuild's events, which carry it.
	EnvApplication = "DRIFTLESS_APPLICATION"
	// The program itself: an object and its SHA-256 in hex. The project says so, and the bucket of
	// the data too; who starts a build sends its order and application alone.
	EnvRunnerBucket = "DRIFTLESS_RUNNER_BUCKET"
	EnvRunnerKey    = "DRIFTLESS_RUNNER_KEY"
	EnvRunnerSHA256 = "DRIFTLESS_RUNNER_SHA256"
)

// Side is a project with its role: what plans for review may read, what applies may also write.
type Side string

// The sides.
const (
	SidePlan  Side = "plan"
	SideApply Side = "apply"
)

// SideOf returns where an application is planned: what a person has to approve whatever it holds
// is planned with the rights to read. Where it may be that nobody has to, it is planned where
// it is applied, by the build that then applies it. So is a workspace, whose first plan writes an
// empty state.
func SideOf(s gitops.Settings) Side {
	if s.CDK != nil {
		return SidePlan // what it makes is reviewed stack by stack
	}
	if t := s.Terraform; t != nil && t.Workspace != "" && t.Workspace != "default" {
		return SideApply
	}
	if s.Sync.Mode == gitops.SyncManual || s.Sync.Approval == gitops.ApprovalAlways {
		return SidePlan
	}
	return SideApply
}

// Jobs returns those that builds of a deployment may have had, in order.
func Jobs(d gitops.Deployment) []Job {
	var jobs []Job
	for n := 1; n <= d.Operation.N; n++ {
		token := gitops.Token(d.ID, n)
		jobs = append(jobs, Job{SideOf(d.Settings), token, gitops.OperationPlan}, Job{SideApply, token, gitops.OperationApply},
			Job{SidePlan, token, gitops.OperationDetect})
	}
	return jobs
}

// Job is one thing that a build does: a kind of operation under an operation's token.
type Job struct {
	Side  Side                 `json:"side"`
	Token string               `json:"token"`
	Kind  gitops.OperationKind `json:"kind"` // plan, apply or detect
}

// The keys of a job's objects. A side's role may write below its own prefix alone, so that
// what is reviewed can change nothing of what is applied.
func (j Job) prefix() string {
	return "builds/" + string(j.Side) + "/" + j.Token + "/" + string(j.Kind) + "/"
}

// OrderKey is where the reconciler puts the order, before the build starts.
func (j Job) OrderKey() string { return "orders/" + j.Token + "/" + string(j.Kind) + ".json" }

// ClaimKey is where the build says that it is the one, before it does anything else; or the
// reconciler, that none is to be.
func (j Job) ClaimKey() string { return j.prefix() + "claim.json" }

// ReportKey is where the build says what came of it. It is written once.
func (j Job) ReportKey() string { return j.prefix() + "report.json" }

// LogKey is where the build puts what terraform printed: again and again while it runs.
func (j Job) LogKey() string { return j.prefix() + "log.txt" }

// PlanFileKey is where a plan job puts the saved plan that is to be applied. It holds secrets in
// plain text, and is gone after a day: buckets expire objects by prefix, hence one of its own.
func (j Job) PlanFileKey() string {
	return "tfplans/" + string(j.Side) + "/" + j.Token + "/" + string(j.Kind)
}

// ErroredStateKey is where an apply whose backend died puts the state that it could not write.
func (j Job) ErroredStateKey() string { return j.prefix() + "errored.tfstate" }

// WordKey is where a plan job that stays is told to go on and apply, or says that it left.
func (j Job) WordKey() string { return j.prefix() + "word.json" }

// StackKey is where a build puts a stack's template, by the SHA-256 of its content in hex.
func (j Job) StackKey(sum string) string { return j.prefix() + "stacks/" + sum + ".json" }

// OwnerKey is where a side's build of an application says, before it touches the state, that who
// (user@host, as its lock will say) is it: whose lock it is that a killed build leaves. Each
// host has a key of its own, so that a later build does not hide whose lock an earlier one left.
func OwnerKey(side Side, application, who string) string {
	sum := sha256.Sum256([]byte(who))
	return "builds/" + string(side) + "/owner/" + application + "/" + hex.EncodeToString(sum[:8]) + ".json"
}

// CacheKey is where a side's builds keep, for later ones, what they downloaded. It is the side's
// own: what was kept while planning for review is in nothing that is applied.
func CacheKey(side Side, name string) string {
	return "builds/" + string(side) + "/cache/" + name
}

// Order is what a build is to do.
type Order struct {
	Schema      int              `json:"schema"`
	Job         Job              `json:"job"`
	Application string           `json:"application"`
	Bundle      string           `json:"bundle"` // key; its file's name is the SHA-256 of its content
	Path        string           `json:"path"`   // the application's directory in the bundle
	Terraform   gitops.Terraform `json:"terraform"`
	CDK         *gitops.CDK      `json:"cdk,omitempty"` // a CDK app, which is synthesised instead
	Access      Access           `json:"access"`
	State       State            `json:"state"`
	Queue       string           `json:"queue,omitempty"`       // URL of the queue that wakes the reconciler when the job is over
	StaySeconds int              `json:"staySeconds,omitempty"` // plan: how long to wait for the word to apply; 0: end at once
	Plan        PlanFile         `json:"plan,omitzero"`         // apply: the saved plan
	Unlock      *Lock            `json:"unlock,omitempty"`      // plan: the lock that a build left which is proven over
	Incomplete  bool             `json:"incomplete,omitempty"`  // plan: that build was to apply, so that a person has to look
}

// Access is the role that terraform's providers assume in the target, by a profile that they
// refresh from: a chained session lasts an hour at most (AssumeRole, API reference).
type Access struct {
	Region     string `json:"region"`
	Role       string `json:"role"` // ARN
	ExternalID string `json:"externalId,omitempty"`
}

// State is where the state of an application without a backend of its own is kept, with the
// build's own role.
type State struct {
	Bucket string `json:"bucket"`
	Key    string `json:"key"`
	Region string `json:"region"`
}

// LockKey is the object by which Terraform's S3 backend locks the state of a workspace
// (Terraform, "Backend type: s3", use_lockfile and workspace_key_prefix).
func (s State) LockKey(workspace string) string {
	if workspace != "" && workspace != "default" {
		return "env:/" + workspace + "/" + s.Key + ".tflock"
	}
	return s.Key + ".tflock"
}

// Address names the state that the order is about, for records; "" where it is about none.
func (o Order) Address() string {
	if o.CDK != nil {
		return ""
	}
	if o.Terraform.Backend {
		return "terraform:" + o.Application
	}
	return "s3://" + o.State.Bucket + "/" + o.State.Key
}

// PlanFile is a saved plan.
type PlanFile struct {
	Key    string `json:"key"`
	SHA256 string `json:"sha256"` // hex
}

// Lock is a state's lock, as Terraform writes it.
type Lock struct {
	ID        string    `json:"ID"`
	Operation string    `json:"Operation,omitempty"` // OperationTypeApply, OperationTypePlan
	Who       string    `json:"Who,omitempty"`       // user@host
	Created   time.Time `json:"Created,omitzero"`
}

// Claim says whose a job is.
type Claim struct {
	Build string    `json:"build,omitempty"` // id of the build; empty where there is to be none
	Void  string    `json:"void,omitempty"`  // why there is to be none
	Who   string    `json:"who,omitempty"`   // user@host, as the locks of this build will say
	At    time.Time `json:"at"`
}

// Owner is the build of an application that may hold its state's lock.
type Owner struct {
	Claim
	Job Job `json:"job"`
}

// Word is what becomes of a plan job that stays: it is told to apply, or it left.
type Word struct {
	Go   bool      `json:"go"`
	From string    `json:"from"` // "reconciler" or the build's id
	At   time.Time `json:"at"`
}

// Outcome is how a job ended. Stored values never change.
type Outcome string

// The outcomes.
const (
	OutcomePlanned     Outcome = "planned"  // a plan with changes, its file kept
	OutcomeNoChange    Outcome = "nochange" // a plan without
	OutcomeApplied     Outcome = "applied"
	OutcomeDetected    Outcome = "detected"
	OutcomeSynthesised Outcome = "synthesised" // a CDK app, its templates kept and its assets published
	OutcomeStale       Outcome = "stale"       // the saved plan no longer fits the state: plan again
	OutcomeFailed      Outcome = "failed"      // with the reason
	OutcomeBlocked     Outcome = "blocked"     // a person has to act first, with the reason
)

// Report is what came of a job. Nothing in it is secret: values that Terraform marks as
// sensitive are not in it.
type Report struct {
	Schema   int                 `json:"schema"`
	Job      Job                 `json:"job"`
	Build    string              `json:"build"` // the id that claimed the job
	Outcome  Outcome             `json:"outcome"`
	Reason   string              `json:"reason,omitempty"` // for people; the first cause, with file and line where there is one
	Plan     *gitops.Plan        `json:"plan,omitempty"`   // planned; not sealed
	PlanFile PlanFile            `json:"planFile,omitzero"`
	Drift    *gitops.DriftReport `json:"drift,omitempty"`  // detected
	Stacks   []gitops.Stack      `json:"stacks,omitempty"` // synthesised
	Outputs  map[string]string   `json:"outputs,omitempty"`
	Steps    []Step              `json:"steps,omitempty"` // how long each part took
	At       time.Time           `json:"at"`
}

// Step is how long one part of a job took.
type Step struct {
	Name         string `json:"name"` // fetch, install, init, plan, show, apply, synth, publish, upload
	Milliseconds int64  `json:"milliseconds"`
}
