package gitops

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"time"
)

// Engine is what carries out an application's deployments.
type Engine string

// The engines. Stored values never change.
const (
	EngineCloudFormation Engine = "cloudformation"
	EngineTerraform      Engine = "terraform"
	EngineCDK            Engine = "cdk"
	EngineSAM            Engine = "sam"
)

// InBuild reports whether the engine's work is done by builds.
func (e Engine) InBuild() bool { return e == EngineTerraform || e == EngineCDK }

// Target is where an application goes.
type Target struct {
	Account string `json:"account"`
	Region  string `json:"region"`
	Role    string `json:"role,omitempty"` // ARN to assume; empty: the installation's deploy role for that account
}

// Settings is what driftless.yaml says of one application, with every default filled in.
type Settings struct {
	Name           string         `json:"name"`
	File           string         `json:"file,omitempty"`  // configuration file that it stands in; empty: the repository's own, at its root
	Path           string         `json:"path"`            // directory, relative to the repository's root, slash-separated; "." for the root
	Watch          []string       `json:"watch,omitempty"` // further files and directories that belong to it
	Engine         Engine         `json:"engine"`
	Target         Target         `json:"target"`
	CloudFormation CloudFormation `json:"cloudformation"`
	Terraform      *Terraform     `json:"terraform,omitempty"` // nil but for that engine
	CDK            *CDK           `json:"cdk,omitempty"`       // nil but for that engine
	// Of is the application whose CDK app has this one's stack; empty: it stands in the file itself.
	Of string `json:"of,omitempty"`
	// DependsOn names the applications that have to be at what git wants before this one begins.
	DependsOn []string    `json:"dependsOn,omitempty"`
	Sync      Sync        `json:"sync"`
	Verify    Verify      `json:"verify"`
	Drift     DriftPolicy `json:"drift"`
	Recover   Recover     `json:"recover,omitzero"`
}

// CloudFormation is an application's stack.
type CloudFormation struct {
	Stack        string            `json:"stack"`
	Template     string            `json:"template"`             // relative to the application's path
	Parameters   string            `json:"parameters,omitempty"` // file, relative to the application's path
	Capabilities []string          `json:"capabilities,omitempty"`
	Role         string            `json:"role,omitempty"` // ARN of the role that CloudFormation assumes; empty: the installation's exec role
	Tags         map[string]string `json:"tags,omitempty"`
	// Transforms are the macros that its templates may call, by name. They run before anything
	// is reviewed, so that none is called that is not named here.
	Transforms []string `json:"transforms,omitempty"`
	// ImportExisting takes resources of the same custom name that are there already into the
	// stack instead of failing on them.
	ImportExisting bool `json:"importExisting,omitempty"`
}

// Flavor is which program carries out a Terraform configuration.
type Flavor string

// The flavors. Stored values never change.
const (
	FlavorTerraform Flavor = "terraform"
	FlavorTofu      Flavor = "tofu"
)

// Terraform is an application's configuration and what it is given.
type Terraform struct {
	Flavor    Flavor            `json:"flavor"`
	Version   string            `json:"version"`             // exact, such as 1.11.4
	VarFiles  []string          `json:"varFiles,omitempty"`  // relative to the application's path, later ones win
	Vars      map[string]string `json:"vars,omitempty"`      // win over files
	Secrets   map[string]string `json:"secrets,omitempty"`   // variable to reference: ssm:/name or secretsmanager:name[#key]; resolved in the build, never stored
	Workspace string            `json:"workspace,omitempty"` // empty: default
	// Backend says that the configuration has a backend of its own, and State where that keeps the
	// state: s3://bucket/key. Else it is kept in the installation's bucket.
	Backend bool   `json:"backend,omitempty"`
	State   string `json:"state,omitempty"`
}

// CDK is an application's CDK app: a build synthesises it, and each of its stacks becomes an
// application of its own, with what Settings.CloudFormation says of all of them.
type CDK struct {
	Version string            `json:"version"`           // of the CDK's command line, exact, such as 2.1148.1; used where the app installs none of its own
	Context map[string]string `json:"context,omitempty"` // what cdk synth is given by --context
}

// SyncMode says whether a plan waits for a person whatever it holds.
type SyncMode string

// The modes of sync.
const (
	SyncAuto   SyncMode = "auto"
	SyncManual SyncMode = "manual"
)

// Approval says which plans wait for a person.
type Approval string

// The policies of approval.
const (
	ApprovalNever       Approval = "never"
	ApprovalDestructive Approval = "destructive" // a replacement or a removal is in the plan
	ApprovalAlways      Approval = "always"
)

// Sync is how an application follows its branch.
type Sync struct {
	Mode     SyncMode `json:"mode"`
	Approval Approval `json:"approval"`
}

// OnFailure says what follows a check of verify that failed.
type OnFailure string

// What follows a failed check.
const (
	OnFailureReport   OnFailure = "report"   // the deployment has failed, and says why
	OnFailureRollback OnFailure = "rollback" // and what was last good is brought back
)

// Verify is what is looked at after an apply.
type Verify struct {
	Drift  bool    `json:"drift"` // detect drift as the last step
	Checks []Check `json:"checks,omitempty"`
	// OnFailure is what follows a failed check; empty: report.
	OnFailure OnFailure `json:"onFailure,omitempty"`
	// MonitorSeconds is how long CloudFormation watches the alarms after an update, whole minutes.
	MonitorSeconds int64 `json:"monitorSeconds,omitempty"`
}

// Check is one thing that has to hold after an apply: exactly one of HTTP, Alarm and Lambda.
type Check struct {
	Name            string     `json:"name"` // for people, unique among an application's
	HTTP            *HTTPCheck `json:"http,omitempty"`
	Alarm           string     `json:"alarm,omitempty"`  // name or ARN of a CloudWatch alarm that must be OK
	Lambda          string     `json:"lambda,omitempty"` // name of a function that answers whether all is well
	Retries         int        `json:"retries"`          // attempts after the first
	IntervalSeconds int        `json:"intervalSeconds"`  // between two attempts
	TimeoutSeconds  int        `json:"timeoutSeconds"`   // of one attempt
}

// HTTPCheck is a request that has to be answered as it says.
type HTTPCheck struct {
	URL    string `json:"url"` // may hold ${outputs.Name} of the stack
	Status int    `json:"status"`
	Body   string `json:"body,omitempty"` // regular expression (RE2) that the body has to match; empty: any
}

// DriftPolicy says how often drift is looked for, zero never, and what is done about it.
type DriftPolicy struct {
	EverySeconds int64 `json:"everySeconds"`
	// Heal brings live back by itself, within the rules of Refused and Breaker.
	Heal bool `json:"heal,omitempty"`
	// HealTypes are the types of resources that may be healed; empty: any.
	HealTypes []string `json:"healTypes,omitempty"`
	// Undeclared looks for what the template does not say too.
	Undeclared bool `json:"undeclared,omitempty"`
	// Baseline is a file, relative to the application's path, of what of that is known and wanted.
	Baseline string   `json:"baseline,omitempty"`
	Ignore   []Ignore `json:"ignore,omitempty"`
}

// Recover is what may be done by itself to a stack that takes no update.
type Recover struct {
	// Continue ends a rollback that got stuck, once and without leaving anything out.
	Continue bool `json:"continue,omitempty"`
	// Recreate deletes a stack whose creation failed, and that never was complete, and makes it anew.
	Recreate bool `json:"recreate,omitempty"`
}

// Every returns the interval between two drift detections; zero means never.
func (d DriftPolicy) Every() time.Duration { return time.Duration(d.EverySeconds) * time.Second }

// Digest returns what decides whether an application has to be deployed again: a hash of
// the git object ids of its path and its watched paths, in the order of Settings.Watch,
// and of those settings that change what is deployed. How it is approved, verified and
// watched is not among them, nor which file says all that: changing it rolls out nothing.
func Digest(s Settings, objects []string) string {
	in := struct {
		Schema         int
		Name, Path     string
		Watch          []string
		Engine         Engine
		Target         Target
		CloudFormation CloudFormation
		Objects        []string
		Terraform      *Terraform `json:",omitempty"` // so that digests from before it was there still hold
		CDK            *cdkDigest `json:",omitempty"`
	}{1, s.Name, s.Path, s.Watch, s.Engine, s.Target, s.CloudFormation, objects, s.Terraform, digestOf(s)}
	return hash(in)
}

// cdkDigest is what of a CDK app decides: its stacks take over how it is approved, verified and
// watched when it is synthesised, so that those are among it.
type cdkDigest struct {
	CDK
	Sync    Sync
	Verify  Verify
	Drift   DriftPolicy
	Recover Recover `json:",omitzero"`
}

func digestOf(s Settings) *cdkDigest {
	if s.CDK == nil {
		return nil
	}
	return &cdkDigest{*s.CDK, s.Sync, s.Verify, s.Drift, s.Recover}
}

// hash returns the SHA-256 of v's JSON in hex. encoding/json writes struct fields in order
// and map keys sorted, so equal values have equal hashes.
func hash(v any) string {
	data, _ := json.Marshal(v) // only values of this package come here, and JSON can hold them all
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
