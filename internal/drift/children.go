package drift

import (
	"slices"
	"sync"
)

// family is a list of a parent type whose elements a resource of another type makes.
type family struct {
	list string // the parent's list
	kind string // the child's type
	is   func(parent, other Resource, element any) bool
}

// childrenOf are the families by the parent's type (the CloudFormation template reference of
// the children, which name their parents).
var childrenOf = sync.OnceValue(func() map[string][]family {
	return map[string][]family{
		"AWS::EC2::SecurityGroup": {
			{"/SecurityGroupIngress", "AWS::EC2::SecurityGroupIngress", isRule},
			{"/SecurityGroupEgress", "AWS::EC2::SecurityGroupEgress", isRule},
		},
		"AWS::IAM::Role": {
			{"/Policies", "AWS::IAM::Policy", isInline("Roles")},
			{"/Policies", "AWS::IAM::RolePolicy", isInline("RoleName")},
			{"/ManagedPolicyArns", "AWS::IAM::ManagedPolicy", isAttached("Roles")},
		},
		"AWS::IAM::User": {
			{"/Policies", "AWS::IAM::Policy", isInline("Users")},
			{"/Policies", "AWS::IAM::UserPolicy", isInline("UserName")},
			{"/ManagedPolicyArns", "AWS::IAM::ManagedPolicy", isAttached("Users")},
		},
		"AWS::IAM::Group": {
			{"/Policies", "AWS::IAM::Policy", isInline("Groups")},
			{"/Policies", "AWS::IAM::GroupPolicy", isInline("GroupName")},
			{"/ManagedPolicyArns", "AWS::IAM::ManagedPolicy", isAttached("Groups")},
		},
		"AWS::SNS::Topic": {{"/Subscription", "AWS::SNS::Subscription", isSubscription}},
	}
})

// identifying are the properties that tell one rule of a security group from another.
var identifying = []string{"IpProtocol", "FromPort", "ToPort", "CidrIp", "CidrIpv6", "SourceSecurityGroupId",
	"DestinationSecurityGroupId", "SourcePrefixListId", "DestinationPrefixListId"}

func isRule(parent, other Resource, element any) bool {
	rule, ok := element.(map[string]any)
	if !ok || shown(other.Declared["GroupId"]) != parent.PhysicalID {
		return false
	}
	return !slices.ContainsFunc(identifying, func(name string) bool {
		if (name == "FromPort" || name == "ToPort") && shown(rule["IpProtocol"]) == "-1" {
			return false // all ports, whatever is written
		}
		return scalar(rule[name]) != scalar(other.Declared[name])
	})
}

func isInline(holders string) func(parent, other Resource, element any) bool {
	return func(parent, other Resource, element any) bool {
		policy, ok := element.(map[string]any)
		return ok && holds(other.Declared[holders], parent.PhysicalID) && other.Declared["PolicyName"] == policy["PolicyName"] &&
			about(other.Type).equal("/PolicyDocument", other.Declared["PolicyDocument"], policy["PolicyDocument"])
	}
}

func isAttached(holders string) func(parent, other Resource, element any) bool {
	return func(parent, other Resource, element any) bool {
		return element == other.PhysicalID && holds(other.Declared[holders], parent.PhysicalID)
	}
}

// holds reports whether a name is the one given, or among those given.
func holds(given any, name string) bool {
	if list, ok := given.([]any); ok {
		return slices.Contains(list, any(name))
	}
	return given == name
}

func isSubscription(parent, other Resource, element any) bool {
	s, ok := element.(map[string]any)
	return ok && other.Declared["TopicArn"] == parent.PhysicalID &&
		other.Declared["Protocol"] == s["Protocol"] && other.Declared["Endpoint"] == s["Endpoint"]
}

// HasChildren reports whether a type lists children that may be added to it from outside.
func HasChildren(kind string) bool { return len(childrenOf()[kind]) > 0 }
