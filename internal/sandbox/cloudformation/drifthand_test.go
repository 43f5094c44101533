package cloudformation_test

import (
	"maps"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/google/go-cmp/cmp"

	"github.com/driftless-gitops/driftless/internal/sandbox/cloudformation/resource"
)

const trustOfEC2 = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}`

// byHand are changes of the resources of wide, each through the service's own API, with what a
// detection finds.
var byHand = map[string]struct {
	resource string
	meddle   meddle
	want     []string
}{
	"a queue's attribute": {"Queue", send("sqs", "SetQueueAttributes", "QueueUrl", map[string]any{"Attributes": map[string]string{"VisibilityTimeout": "60"}}),
		[]string{"NOT_EQUAL /VisibilityTimeout 10 -> 60"}},
	"a queue's tag": {"Queue", send("sqs", "TagQueue", "QueueUrl", map[string]any{"Tags": map[string]string{"team": "b"}}),
		[]string{"NOT_EQUAL /Tags/0/Value a -> b"}},
	"a queue's tag that is taken away": {"Queue", send("sqs", "UntagQueue", "QueueUrl", map[string]any{"TagKeys": []string{"cost"}}),
		[]string{"REMOVE /Tags/1"}},
	"a queue's redrive policy": {"Queue", send("sqs", "SetQueueAttributes", "QueueUrl", map[string]any{"Attributes": map[string]string{"RedrivePolicy": ""}}),
		[]string{"REMOVE /RedrivePolicy"}},
	"a topic's attribute": {"Topic", query("sns", "SetTopicAttributes", "TopicArn", map[string]any{"AttributeName": "DisplayName", "AttributeValue": "X"}),
		[]string{"NOT_EQUAL /DisplayName Alerts -> X"}},
	"a topic's tag": {"Topic", query("sns", "TagResource", "ResourceArn", map[string]any{"Tags": []any{map[string]any{"Key": "who", "Value": "me"}}}),
		[]string{`ADD /Tags/1 null -> {"Key":"who","Value":"me"}`}},
	"a parameter's value": {"Parameter", send("ssm", "PutParameter", "Name", map[string]any{"Value": "w", "Type": "String", "Overwrite": true}),
		[]string{"NOT_EQUAL /Value v -> w"}},
	"a parameter's tag": {"Parameter", send("ssm", "AddTagsToResource", "ResourceId", map[string]any{"ResourceType": "Parameter", "Tags": []any{map[string]string{"Key": "team", "Value": "b"}}}),
		[]string{"NOT_EQUAL /Tags/team a -> b"}},
	"a table's time to live": {"Table", send("dynamodb", "UpdateTimeToLive", "TableName", map[string]any{"TimeToLiveSpecification": map[string]any{"Enabled": false, "AttributeName": "ttl"}}),
		[]string{"REMOVE /TimeToLiveSpecification"}},
	"a table's backups": {"Table", send("dynamodb", "UpdateContinuousBackups", "TableName", map[string]any{"PointInTimeRecoverySpecification": map[string]any{"PointInTimeRecoveryEnabled": false}}),
		[]string{"NOT_EQUAL /PointInTimeRecoverySpecification/PointInTimeRecoveryEnabled true -> false"}},
	"how a table is billed": {"Table", send("dynamodb", "UpdateTable", "TableName", map[string]any{"BillingMode": "PROVISIONED", "ProvisionedThroughput": map[string]any{"ReadCapacityUnits": 1, "WriteCapacityUnits": 1}}),
		[]string{"NOT_EQUAL /BillingMode PAY_PER_REQUEST -> PROVISIONED"}},
	"a table's tag": {"Table", func(w *world, c *resource.Client, at resource.Scope, physical string) error {
		_, err := c.JSON(w.t.Context(), at, "dynamodb", "TagResource", map[string]any{"ResourceArn": "arn:aws:dynamodb:us-east-1:" + at.Account + ":table/" + physical,
			"Tags": []any{map[string]string{"Key": "team", "Value": "b"}}})
		return err
	}, []string{"NOT_EQUAL /Tags/0/Value a -> b"}},
	"a bucket's versioning": {"Bucket", put("versioning", "<VersioningConfiguration><Status>Suspended</Status></VersioningConfiguration>"),
		[]string{"NOT_EQUAL /VersioningConfiguration/Status Enabled -> Suspended"}},
	"a bucket's tags": {"Bucket", put("tagging", "<Tagging><TagSet><Tag><Key>team</Key><Value>b</Value></Tag></TagSet></Tagging>"),
		[]string{"NOT_EQUAL /Tags/0/Value a -> b"}},
	"a bucket's encryption": {"Bucket", put("encryption", "<ServerSideEncryptionConfiguration><Rule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>aws:kms</SSEAlgorithm></ApplyServerSideEncryptionByDefault></Rule></ServerSideEncryptionConfiguration>"),
		[]string{"NOT_EQUAL /BucketEncryption/ServerSideEncryptionConfiguration/0/ServerSideEncryptionByDefault/SSEAlgorithm AES256 -> aws:kms"}},
	"a bucket's block of public access": {"Bucket", put("publicAccessBlock", "<PublicAccessBlockConfiguration><BlockPublicAcls>false</BlockPublicAcls><BlockPublicPolicy>true</BlockPublicPolicy><IgnorePublicAcls>true</IgnorePublicAcls><RestrictPublicBuckets>true</RestrictPublicBuckets></PublicAccessBlockConfiguration>"),
		[]string{"NOT_EQUAL /PublicAccessBlockConfiguration/BlockPublicAcls true -> false"}},
	"a rule that is added to a group": {"Group", query("ec2", "AuthorizeSecurityGroupIngress", "GroupId", map[string]any{"IpPermissions.1.IpProtocol": "tcp", "IpPermissions.1.FromPort": "22", "IpPermissions.1.ToPort": "22", "IpPermissions.1.IpRanges.1.CidrIp": "0.0.0.0/0"}),
		[]string{`ADD /SecurityGroupIngress/2 null -> {"CidrIp":"0.0.0.0/0","FromPort":"22","IpProtocol":"tcp","ToPort":"22"}`}},
	"a rule that is taken from a group": {"Group", query("ec2", "RevokeSecurityGroupIngress", "GroupId", map[string]any{"IpPermissions.1.IpProtocol": "tcp", "IpPermissions.1.FromPort": "80", "IpPermissions.1.ToPort": "80", "IpPermissions.1.IpRanges.1.CidrIp": "10.0.0.0/8"}),
		[]string{"REMOVE /SecurityGroupIngress/1"}},
	"what may leave a group": {"Group", query("ec2", "RevokeSecurityGroupEgress", "GroupId", map[string]any{"IpPermissions.1.IpProtocol": "-1", "IpPermissions.1.IpRanges.1.CidrIp": "0.0.0.0/0"}),
		[]string{"REMOVE /SecurityGroupEgress/0"}},
	"whom a role trusts": {"Role", query("iam", "UpdateAssumeRolePolicy", "RoleName", map[string]any{"PolicyDocument": trustOfEC2}),
		[]string{"NOT_EQUAL /AssumeRolePolicyDocument/Statement/0/Principal/Service lambda.amazonaws.com -> ec2.amazonaws.com"}},
	"a policy in a role": {"Role", query("iam", "PutRolePolicy", "RoleName", map[string]any{"PolicyName": "inline", "PolicyDocument": `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}`}),
		[]string{"NOT_EQUAL /Policies/0/PolicyDocument/Statement/0/Action s3:GetObject -> s3:*"}},
	"a policy in a role that is deleted": {"Role", query("iam", "DeleteRolePolicy", "RoleName", map[string]any{"PolicyName": "inline"}),
		[]string{"REMOVE /Policies/0"}},
	"a policy that is attached to a role": {"Role", query("iam", "AttachRolePolicy", "RoleName", map[string]any{"PolicyArn": "arn:aws:iam::aws:policy/AdministratorAccess"}),
		[]string{"ADD /ManagedPolicyArns/1 null -> arn:aws:iam::aws:policy/AdministratorAccess"}},
	"a policy that is detached from a role": {"Role", query("iam", "DetachRolePolicy", "RoleName", map[string]any{"PolicyArn": "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"}),
		[]string{"REMOVE /ManagedPolicyArns/0"}},
	"what a role is said to be": {"Role", query("iam", "UpdateRole", "RoleName", map[string]any{"Description": "else"}),
		[]string{"NOT_EQUAL /Description runs -> else"}},
	"a network's names": {"Vpc", query("ec2", "ModifyVpcAttribute", "VpcId", map[string]any{"EnableDnsHostnames.Value": "false"}),
		[]string{"NOT_EQUAL /EnableDnsHostnames true -> false"}},
	"a network's tag": {"Vpc", query("ec2", "CreateTags", "ResourceId.1", map[string]any{"Tag.1.Key": "Name", "Tag.1.Value": "x"}),
		[]string{"NOT_EQUAL /Tags/0/Value main -> x"}},
	"a subnet's addresses": {"Subnet", query("ec2", "ModifySubnetAttribute", "SubnetId", map[string]any{"MapPublicIpOnLaunch.Value": "false"}),
		[]string{"NOT_EQUAL /MapPublicIpOnLaunch true -> false"}},
	"a route table's tag": {"Routes", query("ec2", "DeleteTags", "ResourceId.1", map[string]any{"Tag.1.Key": "Name"}),
		[]string{"REMOVE /Tags/0"}},
}

// rounds are the names of the changes, so many at a time that each resource is changed once.
func rounds() [][]string {
	var all [][]string
	nth := map[string]int{}
	for _, name := range slices.Sorted(maps.Keys(byHand)) {
		of := byHand[name].resource
		if nth[of] == len(all) {
			all = append(all, nil)
		}
		all[nth[of]] = append(all[nth[of]], name)
		nth[of]++
	}
	return all
}

func TestEachChangeByHandIsFoundPropertyByPropertyRevertedAndInSync(t *testing.T) {
	w := newWorld(t)
	w.must("wide", wide, withIAM)
	for _, round := range rounds() {
		want := map[string][]string{}
		for _, name := range round {
			c := byHand[name]
			w.meddle("wide", c.resource, c.meddle)
			want[c.resource] = append([]string{"MODIFIED"}, c.want...)
		}
		status, got := w.detect("wide")
		if diff := cmp.Diff(want, got); diff != "" || status != types.StackDriftStatusDrifted {
			t.Errorf("%v: %s %s", round, status, diff)
		}
		w.revert("wide", wide, withIAM)
		w.inSync("wide")
	}
}

// alone has a resource of each of the types that stand by themselves.
const alone = `
Resources:
  Queue: { Type: AWS::SQS::Queue, Properties: { VisibilityTimeout: 10 } }
  Topic: { Type: AWS::SNS::Topic, Properties: { DisplayName: Alerts } }
  Parameter: { Type: AWS::SSM::Parameter, Properties: { Type: String, Value: v } }
  Table: { Type: AWS::DynamoDB::Table, Properties: { BillingMode: PAY_PER_REQUEST, AttributeDefinitions: [ { AttributeName: pk, AttributeType: S } ], KeySchema: [ { AttributeName: pk, KeyType: HASH } ] } }
  Bucket: { Type: AWS::S3::Bucket, Properties: { Tags: [ { Key: team, Value: a } ] } }
  Vpc: { Type: AWS::EC2::VPC, Properties: { CidrBlock: 10.1.0.0/16 } }
  Subnet: { Type: AWS::EC2::Subnet, Properties: { VpcId: !Ref Vpc, CidrBlock: 10.1.1.0/24 } }
  Routes: { Type: AWS::EC2::RouteTable, Properties: { VpcId: !Ref Vpc } }
  Group: { Type: AWS::EC2::SecurityGroup, Properties: { GroupDescription: web, VpcId: !Ref Vpc } }
  Role: { Type: AWS::IAM::Role, Properties: { AssumeRolePolicyDocument: { Version: "2012-10-17", Statement: [ { Effect: Allow, Principal: { Service: lambda.amazonaws.com }, Action: "sts:AssumeRole" } ] } } }
`

func TestEachDeletionByHandIsFoundAndMadeAgain(t *testing.T) {
	w := newWorld(t)
	w.must("alone", alone, withIAM)
	for _, c := range []struct {
		resource string
		meddle   meddle
	}{
		{"Queue", send("sqs", "DeleteQueue", "QueueUrl", map[string]any{})},
		{"Topic", query("sns", "DeleteTopic", "TopicArn", map[string]any{})},
		{"Parameter", send("ssm", "DeleteParameter", "Name", map[string]any{})},
		{"Table", send("dynamodb", "DeleteTable", "TableName", map[string]any{})},
		{"Bucket", func(w *world, c *resource.Client, at resource.Scope, physical string) error {
			_, err := c.S3(w.t.Context(), at, "DELETE", "/"+physical, nil)
			return err
		}},
		{"Subnet", query("ec2", "DeleteSubnet", "SubnetId", map[string]any{})},
		{"Routes", query("ec2", "DeleteRouteTable", "RouteTableId", map[string]any{})},
		{"Group", query("ec2", "DeleteSecurityGroup", "GroupId", map[string]any{})},
		{"Role", query("iam", "DeleteRole", "RoleName", map[string]any{})},
	} {
		t.Run(c.resource, func(t *testing.T) {
			w.t = t
			w.meddle("alone", c.resource, c.meddle)
			if status, got := w.detect("alone"); status != types.StackDriftStatusDrifted || !cmp.Equal(got, map[string][]string{c.resource: {"DELETED"}}) {
				t.Errorf("%s %v", status, got)
			}
			set := w.plan("alone", alone, withIAM, withMode(types.DeploymentModeRevertDrift))
			if len(set.Changes) != 1 || set.Changes[0].ResourceChange.Action != types.ChangeActionAdd ||
				set.Changes[0].ResourceChange.ResourceDriftStatus != types.StackResourceDriftStatusDeleted {
				t.Fatalf("plan: %s %v", aws.ToString(set.StatusReason), changes(set))
			}
			w.execute(set)
			if status := w.settled("alone"); status != types.StackStatusUpdateComplete {
				t.Fatalf("ended in %s\n%s", status, w.history("alone"))
			}
			w.inSync("alone")
		})
	}
}
