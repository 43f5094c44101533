// Package terraform makes of what "terraform show -json" says of a plan what Driftless keeps:
// a gitops.Plan, a gitops.DriftReport and outputs. It is pure.
//
// What Terraform marks as sensitive, at any depth, leaves it as "(sensitive)", and nothing
// derived from such a value does. The words are those of the JSON output format
// (https://developer.hashicorp.com/terraform/internals/json-format). It knows nothing of
// builds or of how terraform is run, and imports gitops and terraform-json.
package terraform
