package gitops

import (
	"fmt"
	"slices"
	"strings"
)

// Action is what a plan does to one resource.
type Action string

// The actions. Stored values never change.
const (
	ActionAdd     Action = "Add"
	ActionModify  Action = "Modify"
	ActionReplace Action = "Replace" // made anew, the old one removed; what may turn out so counts as so
	ActionRemove  Action = "Remove"
	ActionImport  Action = "Import"
)

// Plan is what would change. Two plans with one Digest do the same.
type Plan struct {
	Digest string `json:"digest"`
	Engine Engine `json:"engine"`
	Kind   Kind   `json:"kind"`
	Bundle string `json:"bundle"` // what it was made from
	// For is a hash of the settings that it was made with, the stack and its target among them:
	// the same changes of another stack are another plan.
	For     string   `json:"for,omitempty"`
	Changes []Change `json:"changes"`
	Note    string   `json:"note,omitempty"` // for example that values were cut short
	// Review says why a person has to look at the plan whatever the application's policy, such
	// as a state that may be incomplete.
	Review string `json:"review,omitempty"`
}

// Change is what a plan does to one resource.
type Change struct {
	Action     Action           `json:"action"`
	LogicalID  string           `json:"logicalId"`
	PhysicalID string           `json:"physicalId,omitempty"`
	Type       string           `json:"type"` // for example AWS::SQS::Queue
	Properties []PropertyChange `json:"properties,omitempty"`
	Keeps      bool             `json:"keeps,omitempty"` // a removal that keeps the resource in AWS (DeletionPolicy: Retain)
	Nested     []Change         `json:"nested,omitempty"`
}

// PropertyChange is what happens to one property. Values are shown as JSON or plain text;
// an empty one is absent.
type PropertyChange struct {
	Path         string `json:"path"` // "/VisibilityTimeout"
	LastDeployed string `json:"lastDeployed,omitempty"`
	Live         string `json:"live,omitempty"` // only where the plan looked, or drift was found before: a revert, a change made by hand
	Proposed     string `json:"proposed,omitempty"`
	Overwrites   bool   `json:"overwrites,omitempty"` // live was changed by hand since the last deployment
	Recreates    string `json:"recreates,omitempty"`  // Never, Conditionally, Always
	// Computed: nobody declares it, and what it will be is known once the rest is applied, such as
	// Terraform's version of a parameter.
	Computed bool `json:"computed,omitempty"`
}

// permissions are the types, beside IAM's own, that say who may do what.
var permissions = map[string]bool{
	"AWS::S3::BucketPolicy": true, "AWS::SQS::QueuePolicy": true, "AWS::SNS::TopicPolicy": true, "AWS::Lambda::Permission": true,
	"AWS::Lambda::LayerVersionPermission": true, "AWS::SecretsManager::ResourcePolicy": true, "AWS::ECR::RegistryPolicy": true,
	"AWS::Events::EventBusPolicy": true, "AWS::Logs::ResourcePolicy": true, "AWS::SSO::Assignment": true, "AWS::SSO::PermissionSet": true,
	"aws_s3_bucket_policy": true, "aws_sqs_queue_policy": true, "aws_sns_topic_policy": true, "aws_lambda_permission": true,
	"aws_lambda_layer_version_permission": true, "aws_secretsmanager_secret_policy": true, "aws_ecr_repository_policy": true,
	"aws_ecr_registry_policy": true, "aws_cloudwatch_event_bus_policy": true, "aws_cloudwatch_event_permission": true,
	"aws_cloudwatch_log_resource_policy": true, "aws_kms_key_policy": true, "aws_kms_grant": true, "aws_glacier_vault_lock": true,
}

// Permits reports whether the change is of who may do what: what reviewers look at first.
func (c Change) Permits() bool {
	return strings.HasPrefix(c.Type, "AWS::IAM::") || strings.HasPrefix(c.Type, "aws_iam_") || strings.HasPrefix(c.Type, "aws_ssoadmin_") || permissions[c.Type]
}

// PlanSummary is what the record keeps of a plan.
type PlanSummary struct {
	Digest  string `json:"digest,omitempty"`
	Add     int    `json:"add"`
	Modify  int    `json:"modify"`
	Replace int    `json:"replace"`
	Remove  int    `json:"remove"`
	Import  int    `json:"import"`
	Review  string `json:"review,omitempty"` // why a person has to look, whatever the policy
	// Overwrites counts properties that were changed by hand since the last deployment.
	Overwrites int `json:"overwrites,omitempty"`
	// Undone are those of Remove that a rollback makes of what the deployment it undoes had added.
	Undone int `json:"undone,omitempty"`
}

// Bind notes which settings the plan was made with, and seals it.
func (p *Plan) Bind(s Settings) {
	p.For = Digest(s, nil)
	p.Seal()
}

// Seal sorts the changes and sets the digest, which covers everything but the note.
func (p *Plan) Seal() {
	slices.SortStableFunc(p.Changes, func(a, b Change) int { return strings.Compare(a.LogicalID, b.LogicalID) })
	p.Digest = hash(struct {
		Schema  int
		Engine  Engine
		Kind    Kind
		Bundle  string
		For     string
		Changes []Change
	}{1, p.Engine, p.Kind, p.Bundle, p.For, p.Changes})
}

// Summary counts the plan's changes, nested ones too.
func (p Plan) Summary() PlanSummary {
	s := PlanSummary{Digest: p.Digest, Review: p.Review}
	s.count(p.Changes)
	return s
}

func (s *PlanSummary) count(changes []Change) {
	for _, c := range changes {
		switch c.Action {
		case ActionAdd:
			s.Add++
		case ActionModify:
			s.Modify++
		case ActionReplace:
			s.Replace++
		case ActionRemove:
			s.Remove++
		case ActionImport:
			s.Import++
		}
		for _, p := range c.Properties {
			if p.Overwrites {
				s.Overwrites++
			}
		}
		s.count(c.Nested)
	}
}

// Destructive reports whether something is replaced or removed. A removal that keeps the
// resource counts too: afterwards nobody owns it. What a rollback takes away again of what it
// undoes does not.
func (s PlanSummary) Destructive() bool { return s.Replace+s.Remove-s.Undone > 0 }

// String returns the counts as people write them, "+2 ~1 ±1 -1", or "no changes".
func (s PlanSummary) String() string {
	var parts []string
	for _, p := range []struct {
		sign string
		n    int
	}{{"+", s.Add}, {"~", s.Modify}, {"±", s.Replace}, {"-", s.Remove}, {"←", s.Import}} {
		if p.n > 0 {
			parts = append(parts, fmt.Sprintf("%s%d", p.sign, p.n))
		}
	}
	if len(parts) == 0 {
		return "no changes"
	}
	return strings.Join(parts, " ")
}
