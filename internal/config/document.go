package config

import (
	"reflect"
	"regexp"
	"sync"

	"github.com/driftless-gitops/driftless/internal/gitops"
)

// Document is a driftless.yaml. What its types and their comments say is what the JSON
// Schema says; a field whose tag lacks omitempty is required.
type Document struct {
	// Version of this format.
	Version Version `json:"version"`
	// Include names the directories below that have a driftless.yaml of their own, by patterns
	// such as apps/* or teams/**. Only the file at the repository's root has it.
	Include []Pattern `json:"include,omitempty" jsonschema:"minItems=1,anyof_required=include"`
	// Defaults hold for every application that does not say otherwise. Those of the root's
	// file hold for the files that it includes as well, which may replace their parts one by one.
	Defaults *Defaults `json:"defaults,omitempty"`
	// Applications are rolled out each on its own.
	Applications []Application `json:"applications,omitempty" jsonschema:"minItems=1,anyof_required=applications"`
}

// Defaults hold for every application that does not say otherwise.
type Defaults struct {
	// Target is where applications go. An application may replace its parts one by one.
	Target *Target `json:"target,omitempty"`
	// Sync is how applications follow their branch.
	Sync *Sync `json:"sync,omitempty"`
	// Verify is what is looked at after an apply.
	Verify *Verify `json:"verify,omitempty"`
	// Drift is how often drift is looked for, and what is done about it.
	Drift *Drift `json:"drift,omitempty"`
	// Recover is what may be done by itself to a stack that takes no update.
	Recover *Recover `json:"recover,omitempty"`
	// CloudFormation holds what stacks have in common.
	CloudFormation *StackDefaults `json:"cloudformation,omitempty"`
}

// Application is one directory that is rolled out on its own, by the engine whose key it has.
type Application struct {
	// Name is unique in the installation, and the stack's name unless that is given.
	Name ApplicationName `json:"name"`
	// Path is the application's directory, relative to this file's ("." is the file's own).
	Path Path `json:"path"`
	// Watch names further files and directories that the application is made of, relative to
	// this file's directory: a change there rolls it out too.
	Watch []Path `json:"watch,omitempty"`
	// Target is where it goes; what is missing comes from the defaults.
	Target *Target `json:"target,omitempty"`
	// CloudFormation makes the application a stack. An empty mapping takes every default.
	CloudFormation *Stack `json:"cloudformation,omitempty" jsonschema:"oneof_required=cloudformation"`
	// SAM makes the application the stack of a SAM template. An empty mapping takes every default.
	SAM *Stack `json:"sam,omitempty" jsonschema:"oneof_required=sam"`
	// CDK synthesises the application's CDK app in a build, and makes each of its stacks an
	// application of its own.
	CDK *CDK `json:"cdk,omitempty" jsonschema:"oneof_required=cdk"`
	// Terraform plans and applies the application's configuration in a build.
	Terraform *Terraform `json:"terraform,omitempty" jsonschema:"oneof_required=terraform"`
	// Sync is how it follows its branch.
	Sync *Sync `json:"sync,omitempty"`
	// Verify is what is looked at after an apply.
	Verify *Verify `json:"verify,omitempty"`
	// Drift is how often drift is looked for, and what is done about it.
	Drift *Drift `json:"drift,omitempty"`
	// Recover is what may be done by itself to a stack that takes no update.
	Recover *Recover `json:"recover,omitempty"`
}

// Target is an account and a region.
type Target struct {
	// Account is the account's id, 12 digits in quotes.
	Account AccountID `json:"account,omitempty"`
	// Region is the region's name, such as eu-west-1.
	Region Region `json:"region,omitempty"`
	// Role is the ARN of the role to deploy with, in that account; by default the
	// installation's deploy role.
	Role RoleARN `json:"role,omitempty"`
}

// Stack is a CloudFormation stack.
type Stack struct {
	// Stack is the stack's name; by default the application's.
	Stack StackName `json:"stack,omitempty"`
	// Template is the template's file, relative to the application's path; template.yaml by default.
	Template Path `json:"template,omitempty"`
	// Parameters is a file of parameters, relative to the application's path: as the AWS CLI
	// takes it, a template configuration of CodePipeline, or a deployment file of Git sync.
	Parameters Path `json:"parameters,omitempty"`
	// Capabilities that the template needs.
	Capabilities []Capability `json:"capabilities,omitempty"`
	// Transforms are the macros that the template may call, by name, such as AWS::Include.
	// They run before anything can be reviewed; one that is not named here is not called.
	Transforms []Transform `json:"transforms,omitempty"`
	// ImportExisting takes resources that are there already under the name that the template
	// gives them into the stack, instead of failing on them; false by default.
	ImportExisting *bool `json:"importExisting,omitempty"`
	// Role is the ARN of the role that CloudFormation assumes, in the target's account; by
	// default the installation's exec role.
	Role RoleARN `json:"role,omitempty"`
	// Tags of the stack, and through it of its resources.
	Tags map[string]string `json:"tags,omitempty"`
}

// StackDefaults is what stacks have in common.
type StackDefaults struct {
	// Capabilities of every application that names none.
	Capabilities []Capability `json:"capabilities,omitempty"`
	// Transforms of every application that names none.
	Transforms []Transform `json:"transforms,omitempty"`
	// ImportExisting of every application that does not say.
	ImportExisting *bool `json:"importExisting,omitempty"`
	// Role of every application that names none.
	Role RoleARN `json:"role,omitempty"`
	// Tags of every stack; an application adds to them, and replaces those of the same key.
	Tags map[string]string `json:"tags,omitempty"`
}

// CDK is a CDK app, and what its stacks have in common.
type CDK struct {
	// Version of the CDK's command line, exactly, such as 2.1148.1. An app that installs one of
	// its own is synthesised by that.
	Version CDKVersion `json:"version"`
	// Context is what the app is given as context, as by cdk synth --context.
	Context map[string]string `json:"context,omitempty"`
	// Capabilities that the templates need; CAPABILITY_NAMED_IAM unless it is said here or in the defaults.
	Capabilities []Capability `json:"capabilities,omitempty"`
	// Transforms are the macros that the templates may call, by name.
	Transforms []Transform `json:"transforms,omitempty"`
	// ImportExisting takes resources that are there already into the stacks; false by default.
	ImportExisting *bool `json:"importExisting,omitempty"`
	// Role is the ARN of the role that CloudFormation assumes, in the target's account; by
	// default the installation's exec role.
	Role RoleARN `json:"role,omitempty"`
	// Tags of the stacks, beside those that the app gives them, which win.
	Tags map[string]string `json:"tags,omitempty"`
}

// Terraform is a Terraform or OpenTofu configuration.
type Terraform struct {
	// Version of the program, exactly, such as 1.11.4.
	Version TerraformVersion `json:"version"`
	// Flavor is terraform (by default) or tofu.
	Flavor gitops.Flavor `json:"flavor,omitempty"`
	// VarFiles are files of variables, relative to the application's path; later ones win.
	VarFiles []Path `json:"varFiles,omitempty"`
	// Vars are values of variables; they win over files. Nothing that is secret belongs here.
	Vars map[string]string `json:"vars,omitempty"`
	// Secrets are variables whose values are read in the build, never stored: ssm:/name of a
	// parameter, or secretsmanager:name, with #key for one value of a JSON secret.
	Secrets map[string]SecretReference `json:"secrets,omitempty"`
	// Workspace is the workspace; default by default.
	Workspace Workspace `json:"workspace,omitempty"`
	// Backend is where the configuration's own backend keeps the state, s3://bucket/key. By
	// default it has none, and the state is kept in the installation's bucket.
	Backend StateAddress `json:"backend,omitempty"`
}

// Sync is how an application follows its branch.
type Sync struct {
	// Mode is auto (by default: every push is planned and applied) or manual (a plan waits for a sync).
	Mode gitops.SyncMode `json:"mode,omitempty"`
	// Approval says which plans wait for a person: never, destructive (by default: those with
	// a replacement or a removal) or always.
	Approval gitops.Approval `json:"approval,omitempty"`
}

// Verify is what is looked at after an apply.
type Verify struct {
	// Drift detection is the last step of a deployment; true by default, but false for
	// Terraform, whose apply reads what it made and for which a look is a build of its own.
	Drift *bool `json:"drift,omitempty"`
	// Checks have to pass before that. An application's own list replaces that of the defaults.
	Checks []Check `json:"checks,omitempty"`
	// OnFailure is what follows a check that failed: report (by default: the deployment has
	// failed, and says why) or rollback (and what was last good is brought back).
	OnFailure gitops.OnFailure `json:"onFailure,omitempty"`
	// Monitor is how long CloudFormation goes on to watch the alarms among the checks after an
	// update, which it rolls back where one goes off; 1m to 180m, by default only during the update.
	Monitor MonitorTime `json:"monitor,omitempty"`
}

// Check is one thing that has to hold: exactly one of http, alarm and lambda.
type Check struct {
	// Name of the check for people; by default what it looks at.
	Name CheckName `json:"name,omitempty"`
	// HTTP is a request that has to be answered as it says.
	HTTP *HTTPCheck `json:"http,omitempty" jsonschema:"oneof_required=http"`
	// Alarm is the name or ARN of a CloudWatch alarm in the target that has to be OK.
	Alarm AlarmName `json:"alarm,omitempty" jsonschema:"oneof_required=alarm"`
	// Lambda is the name of a function in the target that answers whether all is well; it
	// begins with driftless-verify-.
	Lambda FunctionName `json:"lambda,omitempty" jsonschema:"oneof_required=lambda"`
	// Retries are attempts after the first, 5 by default.
	Retries *Retries `json:"retries,omitempty"`
	// Interval between two attempts, 10s by default, at most 60s.
	Interval CheckTime `json:"interval,omitempty"`
	// Timeout of one attempt, 5s by default (20s for a function), at most 20s.
	Timeout CheckTime `json:"timeout,omitempty"`
}

// HTTPCheck is a GET request.
type HTTPCheck struct {
	// URL may hold ${outputs.Name} of the stack.
	URL CheckURL `json:"url"`
	// Status of the answer, 200 by default.
	Status HTTPStatus `json:"status,omitempty"`
	// Body is a regular expression (RE2) that the answer's body has to match.
	Body Expression `json:"body,omitempty"`
}

// Drift is how often drift is looked for, and what is done about it.
type Drift struct {
	// Every is the time between two looks, such as 30m or 1h (the default); at least 1m, and
	// "off" for never.
	Every Interval `json:"every,omitempty"`
	// Heal brings live back by itself where that can do no harm; false by default.
	Heal *bool `json:"heal,omitempty"`
	// HealTypes are the types of resources that may be healed, such as AWS::SQS::Queue; any by default.
	HealTypes []ResourceType `json:"healTypes,omitempty"`
	// Undeclared looks for what was set outside the template too; false by default.
	Undeclared *bool `json:"undeclared,omitempty"`
	// Baseline is a file, relative to the application's path, of what of that is known and wanted.
	Baseline Path `json:"baseline,omitempty"`
	// Ignore names differences that are wanted by whoever made them. An application's own list
	// is added to that of the defaults.
	Ignore []Ignore `json:"ignore,omitempty"`
}

// Ignore is a rule of differences that are wanted.
type Ignore struct {
	// Resource is its logical id, Nested/Resource in a nested stack, Terraform's address, or * for any.
	Resource ResourceName `json:"resource"`
	// Path of the property, and what is below it, such as /Tags; by default the whole resource.
	Path PropertyPath `json:"path,omitempty"`
	// Reason why, for people.
	Reason Reason `json:"reason"`
	// Until is the day on which the rule ends, such as 2027-01-01; by default it does not.
	Until Day `json:"until,omitempty"`
}

// Recover is what may be done by itself to a stack that takes no update.
type Recover struct {
	// Continue ends a rollback that got stuck, once and without leaving anything out; true by default.
	Continue *bool `json:"continue,omitempty"`
	// Recreate deletes a stack whose creation failed, and that never was complete, and makes it
	// anew; false by default.
	Recreate *bool `json:"recreate,omitempty"`
}

// The kinds of text in a Document, each with its rule below.

// Version is that of the format.
type Version int

// ApplicationName is the name of an application.
type ApplicationName string

// Path is slash-separated and relative.
type Path string

// Pattern is a Path in whose parts "*", "?" and "[…]" stand for other characters, and "**"
// for directories.
type Pattern string

// AccountID is that of an AWS account.
type AccountID string

// Region is one of AWS.
type Region string

// RoleARN is that of an IAM role.
type RoleARN string

// StackName is that of a CloudFormation stack.
type StackName string

// Capability is what CloudFormation asks to have acknowledged.
type Capability string

// Transform is the name of a macro.
type Transform string

// CDKVersion is one version of the CDK's command line.
type CDKVersion string

// TerraformVersion is one version of Terraform or OpenTofu.
type TerraformVersion string

// SecretReference names a secret.
type SecretReference string

// Workspace is the name of a workspace.
type Workspace string

// StateAddress is where a state is kept.
type StateAddress string

// Interval is of time; "0" and "off" are never.
type Interval string

// CheckName is the name of a check.
type CheckName string

// AlarmName is that of a CloudWatch alarm, or its ARN.
type AlarmName string

// FunctionName is that of a Lambda function that answers a check.
type FunctionName string

// CheckURL is the address of a check's request.
type CheckURL string

// Expression is a regular expression.
type Expression string

// CheckTime is of one check.
type CheckTime string

// MonitorTime is how long alarms are watched.
type MonitorTime string

// HTTPStatus is that of an answer.
type HTTPStatus int

// Retries are attempts after the first.
type Retries int

// ResourceType is one of CloudFormation or Terraform.
type ResourceType string

// ResourceName names a resource of an application.
type ResourceName string

// PropertyPath is that of a property of a resource.
type PropertyPath string

// Reason is a sentence for people.
type Reason string

// Day is one of the calendar.
type Day string

// rule says which values of a type are allowed: those that match the pattern, or those
// that are listed.
type rule struct {
	pattern func() *regexp.Regexp // compiled when first used: every function's start would pay for it
	oneOf   []string
	least   int    // of a number
	most    int    // of a number; zero: no matter
	allowed string // for people; empty: the list
	zero    bool   // the number 0 may stand for the text "0"
	hidden  bool   // what was found is not told: it may be the secret itself, where a reference to it is meant
}

// rules holds the rule of each type that has one.
var rules = sync.OnceValue(func() map[reflect.Type]rule {
	return map[reflect.Type]rule{
		reflect.TypeFor[Version]():         {oneOf: []string{"1"}},
		reflect.TypeFor[ApplicationName](): {pattern: pattern(`^[a-z][a-z0-9-]{0,62}$`), allowed: "a small letter, then up to 62 small letters, digits and hyphens"},
		reflect.TypeFor[Path]():            {pattern: pattern(`^[^/\\\p{C}][^\\\p{C}]*$`), allowed: `a relative path with "/" between its parts`},
		reflect.TypeFor[Pattern]():         {pattern: pattern(`^[^/\\\p{C}][^\\\p{C}]*$`), allowed: `a relative pattern with "/" between its parts, such as apps/* or teams/**`},
		reflect.TypeFor[AccountID]():       {pattern: pattern(`^[0-9]{12}$`), allowed: "12 digits"},
		reflect.TypeFor[Region]():          {pattern: pattern(`^[a-z]{2,3}(-[a-z]+)+-[0-9]{1,2}$`), allowed: "a region's name, such as eu-west-1"},
		// https://docs.aws.amazon.com/IAM/latest/APIReference/API_Role.html: name and path
		reflect.TypeFor[RoleARN](): {pattern: pattern(`^arn:aws(-[a-z]+)*:iam::[0-9]{12}:role/([!-.0-~]+/)*[A-Za-z0-9_+=,.@-]{1,64}$`), allowed: "a role's ARN, such as arn:aws:iam::111122223333:role/deploy"},
		// https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateChangeSet.html
		reflect.TypeFor[StackName]():  {pattern: pattern(`^[a-zA-Z][-a-zA-Z0-9]{0,127}$`), allowed: "a letter, then up to 127 letters, digits and hyphens"},
		reflect.TypeFor[Capability](): {oneOf: []string{"CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"}},
		// A macro of another account is named after it, 111122223333::Name
		// https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/transform-section-structure.html
		reflect.TypeFor[Transform]():        {pattern: pattern(`^[A-Za-z0-9][-A-Za-z0-9:_.]{0,254}$`), allowed: "the name of a macro, such as AWS::Include"},
		reflect.TypeFor[CDKVersion]():       {pattern: pattern(`^2\.[0-9]{1,5}\.[0-9]{1,3}$`), allowed: "one exact version of the CDK's command line, such as 2.1148.1"},
		reflect.TypeFor[TerraformVersion](): {pattern: pattern(`^[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}(-(alpha|beta|rc)[0-9]{1,8})?$`), allowed: "one exact version, such as 1.11.4"},
		// https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_PutParameter.html, https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_CreateSecret.html
		reflect.TypeFor[SecretReference](): {pattern: pattern(`^(ssm:/[A-Za-z0-9_./-]{1,900}|secretsmanager:[A-Za-z0-9/_+=.@-]{1,512}(#[A-Za-z0-9_.-]{1,100})?)$`), allowed: "ssm:/name, secretsmanager:name or secretsmanager:name#key", hidden: true},
		// https://developer.hashicorp.com/terraform/language/state/workspaces: a name is a part of a URL
		reflect.TypeFor[Workspace](): {pattern: pattern(`^[A-Za-z0-9][A-Za-z0-9_.-]{0,89}$`), allowed: "a letter or digit, then up to 89 letters, digits, underscores, dots and hyphens"},
		// https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
		reflect.TypeFor[StateAddress]():     {pattern: pattern(`^s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]/[A-Za-z0-9!_.*'()/-]{1,900}$`), allowed: "where the configuration's own S3 backend keeps the state, s3://bucket/key"},
		reflect.TypeFor[gitops.Flavor]():    {oneOf: []string{string(gitops.FlavorTerraform), string(gitops.FlavorTofu)}},
		reflect.TypeFor[gitops.SyncMode]():  {oneOf: []string{string(gitops.SyncAuto), string(gitops.SyncManual)}},
		reflect.TypeFor[gitops.Approval]():  {oneOf: []string{string(gitops.ApprovalNever), string(gitops.ApprovalDestructive), string(gitops.ApprovalAlways)}},
		reflect.TypeFor[gitops.OnFailure](): {oneOf: []string{string(gitops.OnFailureReport), string(gitops.OnFailureRollback)}},
		reflect.TypeFor[CheckName]():        {pattern: pattern(`^[A-Za-z0-9][A-Za-z0-9 _./:-]{0,79}$`), allowed: "a letter or digit, then up to 79 letters, digits, spaces and _./:-"},
		// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarms.html: a name has up to 255 characters
		reflect.TypeFor[AlarmName](): {pattern: pattern(`^[!-~][ -~]{0,399}$`), allowed: "an alarm's name or ARN, printable ASCII"},
		// https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html: a name has up to 64 characters
		reflect.TypeFor[FunctionName](): {pattern: pattern(`^driftless-verify-[A-Za-z0-9_-]{1,47}$`), allowed: "a function's name that begins with driftless-verify-: no other may be called"},
		reflect.TypeFor[CheckURL]():     {pattern: pattern(`^(https?://|\$\{outputs\.[A-Za-z0-9]{1,255}\})[^\s\p{C}@]{0,900}$`), allowed: "an http:// or https:// URL without credentials, which may hold ${outputs.Name}", hidden: true},
		reflect.TypeFor[Expression]():   {pattern: pattern(`^[^\p{C}]{1,500}$`), allowed: "a regular expression (RE2) of up to 500 characters"},
		reflect.TypeFor[CheckTime]():    {pattern: pattern(`^([1-9]|[1-5][0-9]|60)s$`), allowed: "1s to 60s"},
		// https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_RollbackConfiguration.html
		reflect.TypeFor[MonitorTime]():  {pattern: pattern(`^([1-9]|[1-9][0-9]|1[0-7][0-9]|180)m$`), allowed: "1m to 180m"},
		reflect.TypeFor[HTTPStatus]():   {least: 100, most: 599, allowed: "100 to 599"},
		reflect.TypeFor[Retries]():      {most: 60, allowed: "0 to 60"},
		reflect.TypeFor[ResourceType](): {pattern: pattern(`^([A-Za-z0-9]{2,64}::[A-Za-z0-9]{2,64}::[A-Za-z0-9]{2,64}|Custom::[A-Za-z0-9_@-]{1,60}|[a-z][a-z0-9]*_[a-z0-9_]{1,100})$`), allowed: "a type of CloudFormation or Terraform, such as AWS::SQS::Queue or aws_sqs_queue"},
		reflect.TypeFor[ResourceName](): {pattern: pattern(`^(\*|[A-Za-z][!-~]{0,499})$`), allowed: "a logical id, Nested/Resource in a nested stack, Terraform's address, or *"},
		reflect.TypeFor[PropertyPath](): {pattern: pattern(`^/[!-~]([ -~]{0,498}[!-~])?$`), allowed: "a property's path that begins with /, such as /Tags"},
		reflect.TypeFor[Reason]():       {pattern: pattern(`^[^\s\p{C}][^\p{C}]{0,299}$`), allowed: "a sentence of up to 300 characters"},
		reflect.TypeFor[Day]():          {pattern: pattern(`^20[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$`), allowed: "a day such as 2027-01-01"},
		reflect.TypeFor[Interval]():     {pattern: pattern(`^(0|off|([0-9]{1,4}h)?([0-9]{1,5}m)?([0-9]{1,6}s)?)$`), allowed: `a time such as 30m or 1h, at least 1m, or "off"`, zero: true},
	}
})

// pattern returns what compiles an expression once.
func pattern(expression string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expression) })
}

// unsupported names what the format has and this version does not do yet, by the type
// whose key or value it would be. It is refused by name, so that nobody takes a key that
// does nothing for one that works.
var unsupported = map[reflect.Type][]string{
	reflect.TypeFor[Application](): {"dependsOn", "isolation"},
	reflect.TypeFor[Sync]():        {"windows"},
}

// never names keys that people may look for and that are left out on purpose, with the reason.
var never = map[reflect.Type]map[string]string{
	reflect.TypeFor[Verify](): {
		"http": "stands in the list checks", "alarm": "stands in the list checks", "lambda": "stands in the list checks",
	},
	reflect.TypeFor[Terraform](): {
		"target":  "is not taken: of what is applied in part nobody can say that it is what git wants",
		"targets": "is not taken: of what is applied in part nobody can say that it is what git wants",
	},
}

// atLeast names the keys of a type of which one has to be there, what is missing last.
var atLeast = map[reflect.Type][]string{
	reflect.TypeFor[Document]():    {"include", "applications"},
	reflect.TypeFor[Application](): {"cloudformation", "sam", "cdk", "terraform"},
}

// notSupported is what is said of all of them.
const notSupported = "known, not supported in this version"
