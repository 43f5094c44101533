package main

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/aws/jsii-runtime-go"
)

// reach is a target as the functions are told of it, in DRIFTLESS_TARGETS.
type reach struct {
	Account    string   `json:"account"`
	Regions    []string `json:"regions"`
	DeployRole string   `json:"deployRole"`
	DriftRole  string   `json:"driftRole"`
	ExecRole   string   `json:"execRole"`
	PlanRole   string   `json:"planRole"`  // what Terraform's providers assume in builds that plan for review
	ApplyRole  string   `json:"applyRole"` // and in those that apply
	Artefacts  []string `json:"artefacts,omitempty"`
}

// targets fills in what the context left out: the own account and region, and the roles
// that templates/target-role.yaml makes in every account under the same names.
func (i installation) targets() []reach {
	var all []reach
	for _, t := range i.settings.Targets {
		r := reach{Account: t.Account, Regions: t.Regions, DeployRole: t.Role, DriftRole: t.DriftRole, ExecRole: t.ExecRole, PlanRole: t.PlanRole, ApplyRole: t.ApplyRole, Artefacts: t.Artefacts}
		if t.own() {
			r.Account = *i.stack.Account()
			r.Artefacts = append([]string{*i.stack.Region()}, t.Artefacts...) // this stack's own bucket
		}
		if len(r.Regions) == 0 {
			r.Regions = []string{*i.stack.Region()}
		}
		for name, role := range map[string]*string{"deploy": &r.DeployRole, "drift": &r.DriftRole, "exec": &r.ExecRole, "terraform-plan": &r.PlanRole, "terraform-apply": &r.ApplyRole} {
			if *role == "" {
				*role = "arn:" + *i.stack.Partition() + ":iam::" + r.Account + ":role/driftless-" + name
			}
		}
		all = append(all, r)
	}
	return all
}

// cdkRole is the role that templates/target-role.yaml makes for the CDK in builds.
func (r reach) cdkRole() string {
	account, _, _ := strings.Cut(r.PlanRole, ":role/")
	return account + ":role/driftless-cdk"
}

// environment returns what each function is told: what it uses, and nothing else.
func (i installation) environment() (map[string]map[string]*string, error) {
	targets, err := json.Marshal(i.targets())
	if err != nil {
		return nil, fmt.Errorf("write targets: %w", err)
	}
	limits, err := json.Marshal(i.settings.Limits)
	if err != nil {
		return nil, fmt.Errorf("write limits: %w", err)
	}
	rates, err := json.Marshal(i.settings.DriftRates)
	if err != nil {
		return nil, fmt.Errorf("write rates: %w", err)
	}
	builds, err := i.settingsOfBuilds()
	if err != nil {
		return nil, err
	}
	values := map[string]*string{
		"DRIFTLESS_TABLE":               i.table.TableName(),
		"DRIFTLESS_QUEUE_URL":           i.queues.work.QueueUrl(),
		"DRIFTLESS_BUCKET":              i.data.BucketName(),
		"DRIFTLESS_BUILDS":              jsii.String(builds),
		"DRIFTLESS_BUS":                 i.bus.EventBusName(),
		"DRIFTLESS_TARGETS":             jsii.String(string(targets)),
		"DRIFTLESS_EXTERNAL_ID":         i.externalID,
		"DRIFTLESS_LIMITS":              jsii.String(string(limits)),
		"DRIFTLESS_RATES":               jsii.String(string(rates)),
		"DRIFTLESS_ALLOW_PRIVATE_HOSTS": jsii.String(strings.Join(i.settings.AllowPrivateHosts, ",")),
	}
	uses := map[string][]string{
		"webhook":    {"TABLE", "QUEUE_URL", "LIMITS"},
		"trigger":    {"TABLE", "QUEUE_URL", "TARGETS"},
		"sweeper":    {"TABLE", "QUEUE_URL", "RATES"},
		"reconciler": {"TABLE", "QUEUE_URL", "BUCKET", "BUILDS", "TARGETS", "EXTERNAL_ID", "ALLOW_PRIVATE_HOSTS", "LIMITS"},
		"notifier":   {"TABLE", "BUS", "ALLOW_PRIVATE_HOSTS"},
		"api":        {"TABLE", "QUEUE_URL", "BUCKET", "TARGETS"},
	}
	environment := map[string]map[string]*string{}
	for function, names := range uses {
		environment[function] = map[string]*string{}
		for _, name := range names {
			environment[function]["DRIFTLESS_"+name] = values["DRIFTLESS_"+name]
		}
	}
	return environment, nil
}
