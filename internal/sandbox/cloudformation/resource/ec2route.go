package resource

import (
	"strings"

	"github.com/driftless-gitops/driftless/internal/sandbox/wire"
)

func gatewayKinds() map[string]verbs {
	return map[string]verbs{
		"AWS::EC2::VPCGatewayAttachment": {attachmentCreate, nil, attachmentDelete, nil},
		"AWS::EC2::EIP":                  {eipCreate, eipUpdate, eipDelete, nil},
		"AWS::EC2::EIPAssociation":       {eipAssociate, nil, eipDisassociate, nil},
	}
}

func routeKinds() map[string]verbs {
	return map[string]verbs{
		"AWS::EC2::Route":                       {routeCreate, routeReplace, routeDelete, nil},
		"AWS::EC2::SubnetRouteTableAssociation": {associate("AssociateRouteTable", "SubnetId", "RouteTableId"), nil, ec2Delete("DisassociateRouteTable", "AssociationId"), nil},
	}
}

func attachmentCreate(c *call) (wire.Made, error) {
	if c.has("VpnGatewayId") {
		_, err := c.query("ec2", "AttachVpnGateway", c.pick("VpcId", "VpnGatewayId"))
		return wire.Made{PhysicalID: "VGW|" + c.text("VpcId"), Attributes: map[string]any{"AttachmentType": "VGW"}}, err
	}
	_, err := c.query("ec2", "AttachInternetGateway", c.pick("VpcId", "InternetGatewayId"))
	return wire.Made{PhysicalID: "IGW|" + c.text("VpcId"), Attributes: map[string]any{"AttachmentType": "IGW"}}, err
}

func attachmentDelete(c *call) error {
	if c.has("VpnGatewayId") {
		_, err := c.query("ec2", "DetachVpnGateway", c.pick("VpcId", "VpnGatewayId"))
		return err
	}
	_, err := c.query("ec2", "DetachInternetGateway", c.pick("VpcId", "InternetGatewayId"))
	return err
}

func eipCreate(c *call) (wire.Made, error) {
	n, err := c.query("ec2", "AllocateAddress", map[string]any{"Domain": "vpc"})
	if err != nil {
		return wire.Made{}, err
	}
	ip, allocation := n.Value("publicIp"), n.Value("allocationId")
	made := wire.Made{PhysicalID: ip, Attributes: map[string]any{"AllocationId": allocation, "PublicIp": ip}}
	if c.has("InstanceId") {
		params := map[string]any{"AllocationId": allocation, "InstanceId": c.text("InstanceId")}
		if _, err := c.query("ec2", "AssociateAddress", params); err != nil {
			return made, err
		}
	}
	return made, c.tagEC2(allocation)
}

func eipUpdate(c *call) (wire.Made, error) {
	allocation, err := c.allocation()
	if err != nil {
		return wire.Made{PhysicalID: c.PhysicalID}, err
	}
	return wire.Made{PhysicalID: c.PhysicalID}, c.tagEC2(allocation)
}

func eipDelete(c *call) error {
	allocation, err := c.allocation()
	if err != nil {
		return err
	}
	_, err = c.query("ec2", "ReleaseAddress", map[string]any{"AllocationId": allocation})
	return err
}

// allocation finds the allocation of an address, whose physical id is the address itself.
func (c *call) allocation() (string, error) {
	n, err := c.query("ec2", "DescribeAddresses", map[string]any{"PublicIp": []any{c.PhysicalID}})
	return n.Value("allocationId"), err
}

func eipAssociate(c *call) (wire.Made, error) {
	params := c.pick("AllocationId", "InstanceId", "NetworkInterfaceId", "PrivateIpAddress")
	if c.has("EIP") {
		params["PublicIp"] = c.text("EIP")
	}
	n, err := c.query("ec2", "AssociateAddress", params)
	id := n.Value("associationId")
	return wire.Made{PhysicalID: id, Attributes: map[string]any{"Id": id}}, err
}

func eipDisassociate(c *call) error {
	_, err := c.query("ec2", "DisassociateAddress", map[string]any{"AssociationId": c.PhysicalID})
	return err
}

// routeTargets are the properties of which a route names one.
var routeTargets = []string{"GatewayId", "NatGatewayId", "InstanceId", "NetworkInterfaceId", "TransitGatewayId",
	"VpcPeeringConnectionId", "EgressOnlyInternetGatewayId", "VpcEndpointId", "CarrierGatewayId", "LocalGatewayId"}

var routeDestinations = []string{"DestinationCidrBlock", "DestinationIpv6CidrBlock", "DestinationPrefixListId"}

func routeCreate(c *call) (wire.Made, error) {
	_, err := c.query("ec2", "CreateRoute", c.pick(append(append([]string{"RouteTableId"}, routeDestinations...), routeTargets...)...))
	return c.route(), err
}

func routeReplace(c *call) (wire.Made, error) {
	_, err := c.query("ec2", "ReplaceRoute", c.pick(append(append([]string{"RouteTableId"}, routeDestinations...), routeTargets...)...))
	return c.route(), err
}

func (c *call) route() wire.Made {
	var destination string
	for _, d := range routeDestinations {
		destination += c.text(d)
	}
	return wire.Made{PhysicalID: c.text("RouteTableId") + "|" + destination, Attributes: map[string]any{"CidrBlock": destination}}
}

func routeDelete(c *call) error {
	_, err := c.query("ec2", "DeleteRoute", c.pick(append([]string{"RouteTableId"}, routeDestinations...)...))
	return err
}

// associate makes an association of two things, which has an id of its own.
func associate(action string, properties ...string) func(*call) (wire.Made, error) {
	return func(c *call) (wire.Made, error) {
		n, err := c.query("ec2", action, c.pick(properties...))
		id := n.Value("associationId")
		return wire.Made{PhysicalID: id, Attributes: map[string]any{"Id": id, "AssociationId": id}}, err
	}
}

func aclKinds() map[string]verbs {
	return map[string]verbs{
		"AWS::EC2::NetworkAclEntry":             {aclEntry("CreateNetworkAclEntry"), aclEntry("ReplaceNetworkAclEntry"), aclEntryDelete, nil},
		"AWS::EC2::SubnetNetworkAclAssociation": {aclAssociate, nil, aclDisassociate, nil},
	}
}

func aclEntry(action string) func(*call) (wire.Made, error) {
	return func(c *call) (wire.Made, error) {
		params := c.pick("NetworkAclId", "RuleNumber", "Protocol", "RuleAction", "CidrBlock", "Ipv6CidrBlock", "PortRange")
		params["Egress"] = c.egress()
		if icmp := c.object("Icmp"); icmp != nil {
			params["Icmp"] = icmp
		}
		_, err := c.query("ec2", action, params)
		id := c.text("NetworkAclId") + "|" + c.text("RuleNumber") + "|" + c.egress()
		return wire.Made{PhysicalID: id, Attributes: map[string]any{"Id": id}}, err
	}
}

func (c *call) egress() string {
	if strings.EqualFold(c.text("Egress"), "true") {
		return "true"
	}
	return "false"
}

func aclEntryDelete(c *call) error {
	params := c.pick("NetworkAclId", "RuleNumber")
	params["Egress"] = c.egress()
	_, err := c.query("ec2", "DeleteNetworkAclEntry", params)
	return err
}

// aclAssociate moves the subnet from its present ACL to the wanted one: a subnet always has
// exactly one.
func aclAssociate(c *call) (wire.Made, error) {
	id, err := c.moveSubnet(c.text("SubnetId"), c.text("NetworkAclId"))
	return wire.Made{PhysicalID: id, Attributes: map[string]any{"AssociationId": id}}, err
}

func (c *call) moveSubnet(subnet, acl string) (string, error) {
	n, err := c.query("ec2", "DescribeNetworkAcls", map[string]any{
		"Filter": []any{map[string]any{"Name": "association.subnet-id", "Value": []any{subnet}}}})
	if err != nil {
		return "", err
	}
	for _, a := range n.associations() {
		if a.Value("subnetId") == subnet {
			moved, err := c.query("ec2", "ReplaceNetworkAclAssociation", map[string]any{
				"AssociationId": a.Value("networkAclAssociationId"), "NetworkAclId": acl})
			return moved.Value("newAssociationId"), err
		}
	}
	return "", &wire.Error{Code: "InvalidSubnetID.NotFound", Message: "The subnet ID '" + subnet + "' has no network ACL"}
}

// associations are the entries of every associationSet in the answer.
func (n *Node) associations() []*Node {
	var out []*Node
	for _, acl := range n.List("networkAclSet") {
		out = append(out, acl.List("associationSet")...)
	}
	return out
}

// aclDisassociate gives the subnet back to the VPC's default ACL.
func aclDisassociate(c *call) error {
	n, err := c.query("ec2", "DescribeSubnets", map[string]any{"SubnetId": []any{c.text("SubnetId")}})
	if err != nil {
		return err
	}
	acls, err := c.query("ec2", "DescribeNetworkAcls", map[string]any{"Filter": []any{
		map[string]any{"Name": "vpc-id", "Value": []any{n.Value("vpcId")}},
		map[string]any{"Name": "default", "Value": []any{"true"}}}})
	if err != nil {
		return err
	}
	_, err = c.moveSubnet(c.text("SubnetId"), acls.Value("networkAclId"))
	return err
}
