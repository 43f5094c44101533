package terraform_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/terraform"
)

// told is each resource that is not in sync: its status, and the paths of which it is not said
// that they are ignored.
func told(r gitops.DriftReport) map[string][]string {
	out := map[string][]string{}
	for _, r := range r.Resources {
		if r.Status == gitops.ResourceInSync {
			continue
		}
		left := []string{string(r.Status)}
		for _, p := range r.Properties {
			left = append(left, p.Path)
		}
		out[r.LogicalID] = left
	}
	return out
}

func TestARuleOfIgnoreNamesWhatARefreshFindsByAddressAndPath(t *testing.T) {
	files, plain, other := []string{"Modified", "/tags/Team", "/tags_all/Team"}, []string{"Modified", "/tags/Name", "/tags/New", "/tags_all/Name", "/tags_all/New", "/value", "/version"}, []string{"Deleted"}
	for name, c := range map[string]struct {
		rules               []gitops.Ignore
		files, plain, other []string
	}{
		"no rule":                            {nil, files, plain, other},
		"an attribute of a resource":         {[]gitops.Ignore{{Resource: "aws_ssm_parameter.plain", Path: "/value"}}, files, []string{"Modified", "/tags/Name", "/tags/New", "/tags_all/Name", "/tags_all/New", "/version"}, other},
		"all below an attribute":             {[]gitops.Ignore{{Resource: "aws_ssm_parameter.plain", Path: "/tags"}}, files, []string{"Modified", "/tags_all/Name", "/tags_all/New", "/value", "/version"}, other},
		"a tag of every resource, each way":  {[]gitops.Ignore{{Resource: "*", Path: "/tags/Team"}, {Resource: "*", Path: "/tags_all/Team"}}, []string{"Ignored"}, plain, other},
		"a resource, whatever is done to it": {[]gitops.Ignore{{Resource: "aws_ssm_parameter.other"}}, files, plain, []string{"Ignored"}},
		"one attribute of a deleted one":     {[]gitops.Ignore{{Resource: "aws_ssm_parameter.other", Path: "/value"}}, files, plain, other},
		"the beginning of a name":            {[]gitops.Ignore{{Resource: "aws_ssm_parameter.plain", Path: "/tag"}}, files, plain, other},
		"a rule whose day has come":          {[]gitops.Ignore{{Resource: "aws_ssm_parameter.other", Until: "2026-11-21"}}, files, plain, other},
	} {
		t.Run(name, func(t *testing.T) {
			r := terraform.Drift(recorded(t, "drifted"))
			r.Apply(c.rules, time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC))
			want := map[string][]string{"aws_s3_bucket.files": c.files, "aws_ssm_parameter.plain": c.plain, "aws_ssm_parameter.other": c.other}
			if diff := cmp.Diff(want, told(r)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestARuleOfIgnoreNamesInstancesListsAndKeysWithSlashes(t *testing.T) {
	const plan = `{"format_version":"1.2","resource_drift":[
{"address":"module.net[\"eu\"].aws_security_group.web[0]","mode":"managed","type":"aws_security_group","change":{"actions":["update"],
"before":{"ingress":[{"from_port":443},{"from_port":80}],"tags":{"kubernetes.io/owner":"a","~":"a"}},
"after":{"ingress":[{"from_port":443},{"from_port":8080}],"tags":{"kubernetes.io/owner":"b","~":"b"}}}}]}`
	const address = `module.net["eu"].aws_security_group.web[0]`
	r := terraform.Drift(decoded(t, plan))
	all := []string{"Modified", "/ingress/1/from_port", "/tags/kubernetes.io~1owner", "/tags/~0"}
	if diff := cmp.Diff(map[string][]string{address: all}, told(r)); diff != "" {
		t.Fatalf("(-want +got):\n%s", diff)
	}
	r.Apply([]gitops.Ignore{{Resource: address, Path: "/ingress/1"}, {Resource: address, Path: "/tags/kubernetes.io~1owner"}}, time.Time{})
	if diff := cmp.Diff(map[string][]string{address: {"Modified", "/tags/~0"}}, told(r)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
