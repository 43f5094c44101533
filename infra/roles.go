package main

import (
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/cloudformationinclude"
	"github.com/aws/jsii-runtime-go"
)

// newTargetRoles makes the deploy, drift and exec roles of the own account, and those of
// Terraform's providers, where it is a target. They are templates/target-role.yaml itself, taken into the stack: what Driftless
// may do in its own account is what it may do in any other, and stands in one file.
func (i installation) newTargetRoles(reconciler made, builders map[string]awsiam.Role) {
	for _, t := range i.settings.Targets {
		if !t.own() || t.Role != "" {
			continue
		}
		roles := cloudformationinclude.NewCfnInclude(i.stack, jsii.String("Target"), &cloudformationinclude.CfnIncludeProps{
			TemplateFile: jsii.String(i.settings.TargetRole),
			Parameters: &map[string]any{
				"ReconcilerRoleArn": reconciler.role.RoleArn(),
				"PlanBuildRoleArn":  builders["plan"].RoleArn(),
				"ApplyBuildRoleArn": builders["apply"].RoleArn(),
				"ExternalId":        i.externalID,
				"ExecPolicies":      strings.Join(i.settings.ExecPolicies, ","),
				"Transforms":        i.transforms(),
			},
		})
		const reads = "CloudFormation reads live resources with the caller's rights, whatever their type, to find drift. What is data rather than configuration is denied by driftless-no-data."
		const writes = "What CloudFormation may make is what applications hold, which their owner decides: context execPolicies. The starter makes no role without driftless-boundary."
		const code = "Artefacts are named by digest, and their bucket by its region."
		const bootstrap = "A bootstrap of the CDK has a qualifier of its own, and its roles are named by account and region."
		const stacks = "Stacks of any name and region may be applications' stacks; Driftless's own is denied, and each right holds for driftless- change sets or the exec role alone."
		for name, reason := range map[string]string{"DeployRole": stacks, "DriftRole": reads, "ExecRole": code, "Boundary": writes, "StarterPolicy": writes, "CDKRole": bootstrap} {
			suppress(roles.GetResource(jsii.String(name)), "AwsSolutions-IAM5", reason)
		}
		if len(i.settings.Transforms) > 0 {
			suppress(roles.GetResource(jsii.String("MacroPolicy")), "AwsSolutions-IAM5", "A macro of AWS's is the same in every region; the context names it.")
		}
		for name, reason := range map[string]string{"DeployRole": reads, "DriftRole": reads, "ExecRole": writes, "TerraformPlanRole": reads, "TerraformApplyRole": writes} {
			suppress(roles.GetResource(jsii.String(name)), "AwsSolutions-IAM4", reason)
		}
	}
}

// transforms returns the ARNs of the macros of the context, separated by commas. AWS's own
// are resources of the account "aws" (CloudFormation guide, "Controlling access with IAM").
func (i installation) transforms() string {
	var arns []string
	for _, m := range i.settings.Transforms {
		arns = append(arns, "arn:"+*i.stack.Partition()+":cloudformation:*:aws:transform/"+strings.TrimPrefix(m, "AWS::"))
	}
	return strings.Join(arns, ",")
}
