package resource

import (
	"slices"
	"strings"

	"github.com/driftless-gitops/driftless/internal/sandbox/cloudformation/template"
	"github.com/driftless-gitops/driftless/internal/sandbox/wire"
)

func securityKinds() map[string]verbs {
	return map[string]verbs{
		"AWS::EC2::SecurityGroup":        {groupCreate, groupUpdate, ec2Delete("DeleteSecurityGroup", "GroupId"), groupRead},
		"AWS::EC2::SecurityGroupIngress": {ruleCreate("AuthorizeSecurityGroupIngress"), nil, ruleDelete("RevokeSecurityGroupIngress"), nil},
		"AWS::EC2::SecurityGroupEgress":  {ruleCreate("AuthorizeSecurityGroupEgress"), nil, ruleDelete("RevokeSecurityGroupEgress"), nil},
	}
}

// directions are a security group's two lists of rules.
var directions = []struct{ property, authorize, revoke, set string }{
	{"SecurityGroupIngress", "AuthorizeSecurityGroupIngress", "RevokeSecurityGroupIngress", "ipPermissions"},
	{"SecurityGroupEgress", "AuthorizeSecurityGroupEgress", "RevokeSecurityGroupEgress", "ipPermissionsEgress"},
}

func groupCreate(c *call) (wire.Made, error) {
	name := c.Name("GroupName")
	params := map[string]any{"GroupName": name, "GroupDescription": c.text("GroupDescription")}
	vpc := c.text("VpcId")
	if vpc == "" {
		n, err := c.query("ec2", "DescribeVpcs", map[string]any{"Filter": []any{map[string]any{"Name": "is-default", "Value": []any{"true"}}}})
		if err != nil {
			return wire.Made{}, err
		}
		vpc = n.Value("vpcId")
	}
	params["VpcId"] = vpc
	n, err := c.query("ec2", "CreateSecurityGroup", params)
	if err != nil {
		return wire.Made{}, err
	}
	c.PhysicalID = n.Value("groupId")
	made, err := groupUpdate(c)
	made.Attributes = map[string]any{"GroupId": c.PhysicalID, "Id": c.PhysicalID, "VpcId": vpc, "GroupName": name}
	return made, err
}

// groupUpdate brings the rules to those declared. A direction without declared rules is
// left alone: egress then keeps EC2's standard rule, and separate rule resources stay.
func groupUpdate(c *call) (wire.Made, error) {
	made := wire.Made{PhysicalID: c.PhysicalID}
	n, err := c.query("ec2", "DescribeSecurityGroups", map[string]any{"GroupId": []any{c.PhysicalID}})
	if err != nil {
		return made, err
	}
	for _, d := range directions {
		if !c.has(d.property) && c.Previous[d.property] == nil {
			continue
		}
		live := rules(n.List(d.set))
		wanted := rulesOf(c.Properties[d.property])
		for _, r := range live {
			if !containsRule(wanted, r) {
				if err := c.rule(d.revoke, c.PhysicalID, r); err != nil {
					return made, err
				}
			}
		}
		for _, r := range wanted {
			if !containsRule(live, r) {
				if err := c.rule(d.authorize, c.PhysicalID, r); err != nil {
					return made, err
				}
			}
		}
	}
	return made, c.tagEC2(c.PhysicalID)
}

func containsRule(list []map[string]any, r map[string]any) bool {
	return slices.ContainsFunc(list, func(o map[string]any) bool { return ruleKey(o) == ruleKey(r) })
}

// ruleProperties identify a rule; its description does not.
var ruleProperties = []string{"IpProtocol", "FromPort", "ToPort", "CidrIp", "CidrIpv6",
	"SourceSecurityGroupId", "DestinationSecurityGroupId", "SourcePrefixListId", "DestinationPrefixListId"}

func ruleKey(r map[string]any) string {
	var parts []string
	for _, p := range ruleProperties {
		v := text(r[p])
		if r["IpProtocol"] == "-1" && (p == "FromPort" || p == "ToPort") {
			v = "" // all ports, whatever is written
		}
		parts = append(parts, v)
	}
	return strings.Join(parts, "|")
}

func rulesOf(v any) []map[string]any {
	var out []map[string]any
	list, _ := v.([]any)
	for _, e := range list {
		if m, ok := e.(map[string]any); ok {
			r := map[string]any{}
			for k, p := range m {
				r[k] = text(p)
			}
			out = append(out, r)
		}
	}
	return out
}

// rules turns EC2's permissions, which group several sources, into one rule per source.
func rules(permissions []*Node) []map[string]any {
	var out []map[string]any
	for _, p := range permissions {
		base := func() map[string]any {
			r := map[string]any{"IpProtocol": p.Value("ipProtocol")}
			for property, element := range map[string]string{"FromPort": "fromPort", "ToPort": "toPort"} {
				if v := p.Value(element); v != "" {
					r[property] = v
				}
			}
			return r
		}
		for _, source := range []struct{ set, element, property string }{
			{"ipRanges", "cidrIp", "CidrIp"}, {"ipv6Ranges", "cidrIpv6", "CidrIpv6"},
			{"groups", "groupId", "SourceSecurityGroupId"}, {"prefixListIds", "prefixListId", "SourcePrefixListId"},
		} {
			for _, item := range p.List(source.set) {
				r := base()
				r[source.property] = item.Value(source.element)
				if d := item.Value("description"); d != "" {
					r["Description"] = d
				}
				out = append(out, r)
			}
		}
	}
	return out
}

func (c *call) rule(action, group string, r map[string]any) error {
	permission := map[string]any{"IpProtocol": text(r["IpProtocol"])}
	for _, p := range []string{"FromPort", "ToPort"} {
		if v := text(r[p]); v != "" {
			permission[p] = v
		}
	}
	description := text(r["Description"])
	one := func(set, key string, v any) {
		item := map[string]any{key: v}
		if description != "" {
			item["Description"] = description
		}
		permission[set] = []any{item}
	}
	switch {
	case r["CidrIp"] != nil:
		one("IpRanges", "CidrIp", r["CidrIp"])
	case r["CidrIpv6"] != nil:
		one("Ipv6Ranges", "CidrIpv6", r["CidrIpv6"])
	case r["SourceSecurityGroupId"] != nil:
		one("Groups", "GroupId", r["SourceSecurityGroupId"])
	case r["DestinationSecurityGroupId"] != nil:
		one("Groups", "GroupId", r["DestinationSecurityGroupId"])
	case r["SourcePrefixListId"] != nil:
		one("PrefixListIds", "PrefixListId", r["SourcePrefixListId"])
	case r["DestinationPrefixListId"] != nil:
		one("PrefixListIds", "PrefixListId", r["DestinationPrefixListId"])
	}
	_, err := c.query("ec2", action, map[string]any{"GroupId": group, "IpPermissions": []any{permission}})
	return err
}

// groupRead compares rules as sets: live rules stand in the order in which they are
// declared, those that nobody declared at the end.
func groupRead(c *call) (map[string]any, bool, error) {
	n, live, err := c.describe("DescribeSecurityGroups", "GroupId", "securityGroupInfo")
	if err != nil {
		return nil, false, err
	}
	live["GroupDescription"] = n.Value("groupDescription")
	live["GroupName"] = n.Value("groupName")
	live["VpcId"] = n.Value("vpcId")
	for _, d := range directions {
		live[d.property] = arrange(rulesOf(c.Properties[d.property]), rules(n.List(d.set)))
	}
	return live, true, nil
}

func arrange(declared, live []map[string]any) []any {
	out := []any{}
	for _, want := range declared {
		if i := slices.IndexFunc(live, func(r map[string]any) bool { return ruleKey(r) == ruleKey(want) }); i >= 0 {
			found := live[i]
			if sameDescription(want, found) {
				found = want
			}
			out = append(out, toAny(found))
			live = slices.Delete(slices.Clone(live), i, i+1)
		}
	}
	for _, r := range live {
		out = append(out, toAny(r))
	}
	return out
}

func sameDescription(a, b map[string]any) bool {
	return template.Equal(text(a["Description"]), text(b["Description"]))
}

func toAny(m map[string]any) any { return m }

func ruleCreate(action string) func(*call) (wire.Made, error) {
	return func(c *call) (wire.Made, error) {
		id := c.Name("")
		return wire.Made{PhysicalID: id, Attributes: map[string]any{"Id": id}}, c.rule(action, c.text("GroupId"), c.Properties)
	}
}

func ruleDelete(action string) func(*call) error {
	return func(c *call) error { return c.rule(action, c.text("GroupId"), c.Properties) }
}
