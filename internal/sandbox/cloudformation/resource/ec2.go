package resource

import (
	"maps"
	"strings"

	"github.com/driftless-gitops/driftless/internal/sandbox/wire"
)

func ec2Kinds() map[string]verbs {
	return map[string]verbs{
		"AWS::EC2::VPC":             {vpcCreate, vpcUpdate, ec2Delete("DeleteVpc", "VpcId"), vpcRead},
		"AWS::EC2::Subnet":          {subnetCreate, subnetUpdate, ec2Delete("DeleteSubnet", "SubnetId"), subnetRead},
		"AWS::EC2::InternetGateway": {ec2Create("CreateInternetGateway", "internetGatewayId", nil), retag, ec2Delete("DeleteInternetGateway", "InternetGatewayId"), nil},
		"AWS::EC2::RouteTable":      {ec2Create("CreateRouteTable", "routeTableId", []string{"VpcId"}), retag, ec2Delete("DeleteRouteTable", "RouteTableId"), routeTableRead},
		"AWS::EC2::NetworkAcl":      {ec2Create("CreateNetworkAcl", "networkAclId", []string{"VpcId"}), retag, ec2Delete("DeleteNetworkAcl", "NetworkAclId"), nil},
		"AWS::EC2::NatGateway": {ec2Create("CreateNatGateway", "natGatewayId", []string{"AllocationId", "SubnetId", "ConnectivityType"}),
			retag, ec2Delete("DeleteNatGateway", "NatGatewayId"), nil},
	}
}

// attributeNames are the name of a type's own id in Fn::GetAtt.
var attributeNames = map[string]string{
	"AWS::EC2::InternetGateway": "InternetGatewayId", "AWS::EC2::RouteTable": "RouteTableId",
	"AWS::EC2::NetworkAcl": "Id", "AWS::EC2::NatGateway": "NatGatewayId",
}

// ec2Create makes what takes a few plain properties, and tags it.
func ec2Create(action, id string, properties []string) func(*call) (wire.Made, error) {
	return func(c *call) (wire.Made, error) {
		n, err := c.query("ec2", action, c.pick(properties...))
		if err != nil {
			return wire.Made{}, err
		}
		made := wire.Made{PhysicalID: n.Value(id), Attributes: map[string]any{}}
		if name := attributeNames[c.Type]; name != "" {
			made.Attributes[name] = made.PhysicalID
		}
		return made, c.tagEC2(made.PhysicalID)
	}
}

func ec2Delete(action, parameter string) func(*call) error {
	return func(c *call) error {
		_, err := c.query("ec2", action, map[string]any{parameter: c.PhysicalID})
		return err
	}
}

// retag is the update of what has nothing to change but its tags.
func retag(c *call) (wire.Made, error) {
	return wire.Made{PhysicalID: c.PhysicalID}, c.tagEC2(c.PhysicalID)
}

// tagEC2 brings the tags of a resource to those wanted, and adds CloudFormation's own.
func (c *call) tagEC2(id string) error {
	live, err := c.tagsEC2(id)
	if err != nil {
		return err
	}
	wanted := c.tags()
	if stale := staleTags(live, wanted); len(stale) > 0 {
		remove := []any{}
		for _, k := range stale {
			remove = append(remove, map[string]any{"Key": k})
		}
		if _, err := c.query("ec2", "DeleteTags", map[string]any{"ResourceId": []any{id}, "Tag": remove}); err != nil {
			return err
		}
	}
	wanted["aws:cloudformation:stack-name"] = c.StackName
	wanted["aws:cloudformation:stack-id"] = c.StackID
	wanted["aws:cloudformation:logical-id"] = c.LogicalID
	_, err = c.query("ec2", "CreateTags", map[string]any{"ResourceId": []any{id}, "Tag": tagList(wanted, "Key", "Value")})
	return err
}

func (c *call) tagsEC2(id string) (map[string]string, error) {
	n, err := c.query("ec2", "DescribeTags", map[string]any{
		"Filter": []any{map[string]any{"Name": "resource-id", "Value": []any{id}}}})
	if err != nil {
		return nil, err
	}
	out := map[string]string{}
	for _, t := range n.List("tagSet") {
		out[t.Value("key")] = t.Value("value")
	}
	return out, nil
}

// describe returns the one element of a Describe call's set, with its tags.
func (c *call) describe(action, parameter, set string) (*Node, map[string]any, error) {
	n, err := c.query("ec2", action, map[string]any{parameter: []any{c.PhysicalID}})
	if err != nil {
		return nil, nil, err
	}
	items := n.List(set)
	if len(items) == 0 {
		return nil, nil, &wire.Error{Code: "NotFound"}
	}
	tags, err := c.tagsEC2(c.PhysicalID)
	return items[0], map[string]any{"Tags": c.ownTags(tags)}, err
}

func vpcCreate(c *call) (wire.Made, error) {
	params := c.pick("CidrBlock", "InstanceTenancy", "Ipv4IpamPoolId")
	n, err := c.query("ec2", "CreateVpc", params)
	if err != nil {
		return wire.Made{}, err
	}
	c.PhysicalID = n.Value("vpcId")
	made, err := vpcUpdate(c)
	if err != nil {
		return made, err
	}
	made.Attributes = map[string]any{"VpcId": c.PhysicalID, "CidrBlock": c.text("CidrBlock"),
		"CidrBlockAssociations": []any{n.Value("associationId")}, "Ipv6CidrBlocks": []any{}}
	filter := map[string]any{"Filter": []any{map[string]any{"Name": "vpc-id", "Value": []any{c.PhysicalID}}}}
	if n, err = c.query("ec2", "DescribeSecurityGroups", filter); err != nil {
		return made, err
	}
	made.Attributes["DefaultSecurityGroup"] = n.Value("groupId")
	if n, err = c.query("ec2", "DescribeNetworkAcls", filter); err != nil {
		return made, err
	}
	made.Attributes["DefaultNetworkAcl"] = n.Value("networkAclId")
	return made, nil
}

// vpcUpdate sets the DNS attributes, whose defaults are those of a VPC made by API.
func vpcUpdate(c *call) (wire.Made, error) {
	for name, standard := range map[string]string{"EnableDnsSupport": "true", "EnableDnsHostnames": "false"} {
		if !c.has(name) && c.Previous[name] == nil {
			continue
		}
		v := standard
		if c.has(name) {
			v = strings.ToLower(c.text(name))
		}
		if _, err := c.query("ec2", "ModifyVpcAttribute", map[string]any{"VpcId": c.PhysicalID, name + ".Value": v}); err != nil {
			return wire.Made{PhysicalID: c.PhysicalID}, err
		}
	}
	return wire.Made{PhysicalID: c.PhysicalID}, c.tagEC2(c.PhysicalID)
}

func vpcRead(c *call) (map[string]any, bool, error) {
	n, live, err := c.describe("DescribeVpcs", "VpcId", "vpcSet")
	if err != nil {
		return nil, false, err
	}
	live["CidrBlock"] = n.Value("cidrBlock")
	live["InstanceTenancy"] = n.Value("instanceTenancy")
	for property, attribute := range map[string]string{"EnableDnsSupport": "enableDnsSupport", "EnableDnsHostnames": "enableDnsHostnames"} {
		a, err := c.query("ec2", "DescribeVpcAttribute", map[string]any{"VpcId": c.PhysicalID, "Attribute": attribute})
		if err != nil {
			return nil, false, err
		}
		live[property] = a.Find(attribute).Value("value")
	}
	return live, true, nil
}

func subnetCreate(c *call) (wire.Made, error) {
	n, err := c.query("ec2", "CreateSubnet", c.pick("VpcId", "CidrBlock", "AvailabilityZone", "AvailabilityZoneId", "Ipv6CidrBlock"))
	if err != nil {
		return wire.Made{}, err
	}
	c.PhysicalID = n.Value("subnetId")
	made, err := subnetUpdate(c)
	made.Attributes = map[string]any{"SubnetId": c.PhysicalID, "VpcId": n.Value("vpcId"), "CidrBlock": n.Value("cidrBlock"),
		"AvailabilityZone": n.Value("availabilityZone"), "AvailabilityZoneId": n.Value("availabilityZoneId"), "Ipv6CidrBlocks": []any{}}
	return made, err
}

func subnetUpdate(c *call) (wire.Made, error) {
	for _, name := range []string{"MapPublicIpOnLaunch", "AssignIpv6AddressOnCreation"} {
		if !c.has(name) && !c.changed(name) {
			continue
		}
		v := "false"
		if c.has(name) {
			v = strings.ToLower(c.text(name))
		}
		if _, err := c.query("ec2", "ModifySubnetAttribute", map[string]any{"SubnetId": c.PhysicalID, name + ".Value": v}); err != nil {
			return wire.Made{PhysicalID: c.PhysicalID}, err
		}
	}
	return wire.Made{PhysicalID: c.PhysicalID}, c.tagEC2(c.PhysicalID)
}

func subnetRead(c *call) (map[string]any, bool, error) {
	n, live, err := c.describe("DescribeSubnets", "SubnetId", "subnetSet")
	if err != nil {
		return nil, false, err
	}
	maps.Copy(live, map[string]any{
		"VpcId": n.Value("vpcId"), "CidrBlock": n.Value("cidrBlock"), "AvailabilityZone": n.Value("availabilityZone"),
		"MapPublicIpOnLaunch":         n.Value("mapPublicIpOnLaunch"),
		"AssignIpv6AddressOnCreation": n.Value("assignIpv6AddressOnCreation"),
	})
	return live, true, nil
}

func routeTableRead(c *call) (map[string]any, bool, error) {
	n, live, err := c.describe("DescribeRouteTables", "RouteTableId", "routeTableSet")
	if err != nil {
		return nil, false, err
	}
	live["VpcId"] = n.Value("vpcId")
	return live, true, nil
}
