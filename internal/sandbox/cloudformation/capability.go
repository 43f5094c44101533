package cloudformation

import (
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/driftless-gitops/driftless/internal/sandbox/cloudformation/template"
	"github.com/driftless-gitops/driftless/internal/sandbox/wire"
)

// named are the IAM types for which a name needs CAPABILITY_NAMED_IAM, and the property
// that gives it (user guide, "Acknowledging IAM resources").
var named = map[string]string{
	"AWS::IAM::Group": "GroupName", "AWS::IAM::InstanceProfile": "InstanceProfileName",
	"AWS::IAM::ManagedPolicy": "ManagedPolicyName", "AWS::IAM::Role": "RoleName", "AWS::IAM::User": "UserName",
}

var capable = []string{"AWS::IAM::AccessKey", "AWS::IAM::Policy", "AWS::IAM::UserToGroupAddition"}

// needed lists the capabilities that the template needs, and the types that need them.
func needed(t *template.Template) (needs []types.Capability, because []string) {
	for _, r := range t.Resources {
		property, isNamed := named[r.Type]
		if !isNamed && !slices.Contains(capable, r.Type) {
			continue
		}
		because = append(because, r.Type)
		c := types.CapabilityCapabilityIam
		if _, given := r.Properties[property]; isNamed && given {
			c = types.CapabilityCapabilityNamedIam
		}
		if !slices.Contains(needs, c) {
			needs = append(needs, c)
		}
	}
	if slices.Contains(needs, types.CapabilityCapabilityNamedIam) {
		needs = []types.Capability{types.CapabilityCapabilityNamedIam}
	}
	slices.Sort(because)
	return needs, slices.Compact(because)
}

// checkCapabilities holds a request to what its template needs. One with transforms needs
// CAPABILITY_AUTO_EXPAND where nobody can review what they make of it: in direct calls and in
// nested stacks (API reference, CreateChangeSet and CreateStack, Capabilities).
func (g *target) checkCapabilities(given []types.Capability, direct bool) error {
	needs, _ := needed(g.template)
	if direct && len(g.template.Transforms) > 0 {
		needs = append(needs, types.CapabilityCapabilityAutoExpand)
	}
	for _, n := range needs {
		if slices.Contains(given, n) || (n == types.CapabilityCapabilityIam && slices.Contains(given, types.CapabilityCapabilityNamedIam)) {
			continue
		}
		return &wire.Error{Code: "InsufficientCapabilitiesException", Message: fmt.Sprintf("Requires capabilities : [%s]", n)}
	}
	return nil
}
