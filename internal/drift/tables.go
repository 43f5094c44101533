package drift

import (
	"slices"
	"sync"
)

// about returns what is known of a resource type; of one that has no row, that its tags are a
// set and its scalars may be text.
func about(kind string) meaning {
	return meaning{sets: setsOf()[kind], policies: policiesOf()[kind], texts: textsOf()[kind], defaults: defaultsOf()[kind]}
}

// Tags and the lists of these paths have no order. Source, where no other is named: the type's
// provider schema (CloudFormation registry, DescribeType), which says insertionOrder: false.
var setsOf = sync.OnceValue(func() map[string][]string {
	return map[string][]string{
		"AWS::AutoScaling::AutoScalingGroup":        {"/AvailabilityZones", "/TargetGroupARNs", "/LoadBalancerNames"},
		"AWS::DynamoDB::GlobalTable":                {"/AttributeDefinitions", "/GlobalSecondaryIndexes", "/LocalSecondaryIndexes", "/Replicas"}, // told apart by name (DynamoDB API, CreateTable)
		"AWS::DynamoDB::Table":                      {"/AttributeDefinitions", "/GlobalSecondaryIndexes", "/LocalSecondaryIndexes"},              // as above; a KeySchema has an order
		"AWS::EC2::SecurityGroup":                   {"/SecurityGroupEgress", "/SecurityGroupIngress"},
		"AWS::ECS::Service":                         {"/NetworkConfiguration/AwsvpcConfiguration/SecurityGroups", "/NetworkConfiguration/AwsvpcConfiguration/Subnets"},
		"AWS::ElasticLoadBalancingV2::LoadBalancer": {"/LoadBalancerAttributes", "/SecurityGroups", "/SubnetMappings", "/Subnets"},
		"AWS::ElasticLoadBalancingV2::TargetGroup":  {"/TargetGroupAttributes", "/Targets"},
		"AWS::Events::Rule":                         {"/Targets"},
		"AWS::IAM::Group":                           {"/ManagedPolicyArns", "/Policies"}, // attachments have no order (IAM user guide, "Policy evaluation logic")
		"AWS::IAM::InstanceProfile":                 {"/Roles"},
		"AWS::IAM::ManagedPolicy":                   {"/Groups", "/Roles", "/Users"},
		"AWS::IAM::Policy":                          {"/Groups", "/Roles", "/Users"},
		"AWS::IAM::Role":                            {"/ManagedPolicyArns", "/Policies"},
		"AWS::IAM::User":                            {"/Groups", "/ManagedPolicyArns", "/Policies"},
		"AWS::Lambda::Function":                     {"/VpcConfig/SecurityGroupIds", "/VpcConfig/SubnetIds"}, // Lambda API, VpcConfig: ids of one VPC, of which each is used
		"AWS::RDS::DBSubnetGroup":                   {"/SubnetIds"},
		"AWS::SNS::Topic":                           {"/DeliveryStatusLogging", "/Subscription"},
		"AWS::CloudWatch::Alarm":                    {"/Dimensions"}, // told apart by name (CloudWatch API, Dimension)
		"AWS::SecretsManager::Secret":               {"/ReplicaRegions"},
		"AWS::EC2::VPCEndpoint":                     {"/RouteTableIds", "/SecurityGroupIds", "/SubnetIds"},
	}
})

// The IAM policies among a type's properties (its page in the CloudFormation template reference).
var policiesOf = sync.OnceValue(func() map[string][]string {
	return map[string][]string{
		"AWS::ECR::Repository":                {"/RepositoryPolicyText"},
		"AWS::IAM::Group":                     {"/Policies/*/PolicyDocument"},
		"AWS::IAM::GroupPolicy":               {"/PolicyDocument"},
		"AWS::IAM::ManagedPolicy":             {"/PolicyDocument"},
		"AWS::IAM::Policy":                    {"/PolicyDocument"},
		"AWS::IAM::Role":                      {"/AssumeRolePolicyDocument", "/Policies/*/PolicyDocument"},
		"AWS::IAM::RolePolicy":                {"/PolicyDocument"},
		"AWS::IAM::User":                      {"/Policies/*/PolicyDocument"},
		"AWS::IAM::UserPolicy":                {"/PolicyDocument"},
		"AWS::KMS::Key":                       {"/KeyPolicy"},
		"AWS::S3::BucketPolicy":               {"/PolicyDocument"},
		"AWS::SNS::TopicInlinePolicy":         {"/PolicyDocument"},
		"AWS::SNS::TopicPolicy":               {"/PolicyDocument"},
		"AWS::SQS::QueueInlinePolicy":         {"/PolicyDocument"},
		"AWS::SQS::QueuePolicy":               {"/PolicyDocument"},
		"AWS::SecretsManager::ResourcePolicy": {"/ResourcePolicy"},
		"AWS::EC2::VPCEndpoint":               {"/PolicyDocument"},
	}
})

// Other JSON documents that a template may give as text or as an object (the same reference).
var textsOf = sync.OnceValue(func() map[string][]string {
	return map[string][]string{
		"AWS::CloudWatch::Dashboard":       {"/DashboardBody"},
		"AWS::ECR::Repository":             {"/LifecyclePolicy/LifecyclePolicyText"},
		"AWS::SQS::Queue":                  {"/RedriveAllowPolicy", "/RedrivePolicy"},
		"AWS::SSM::Document":               {"/Content"},
		"AWS::StepFunctions::StateMachine": {"/DefinitionString"},
	}
})

// What AWS takes where a template says nothing. Source: the property's text in the
// CloudFormation template reference ("Default: ..."), and where one is named, that.
var defaultsOf = sync.OnceValue(func() map[string]map[string]any {
	return map[string]map[string]any{
		"AWS::DynamoDB::Table": {
			"/BillingMode": "PROVISIONED", "/TableClass": "STANDARD", "/DeletionProtectionEnabled": false,
			"/SSESpecification/SSEType":         "KMS", // the only one there is (DynamoDB API, SSESpecification)
			"/ContributorInsightsSpecification": map[string]any{"Enabled": false},
			"/PointInTimeRecoverySpecification": map[string]any{"PointInTimeRecoveryEnabled": false},
			"/ProvisionedThroughput":            map[string]any{"ReadCapacityUnits": 0, "WriteCapacityUnits": 0}, // a table on demand (DynamoDB API, ProvisionedThroughputDescription)
		},
		"AWS::EC2::Subnet": {
			"/AssignIpv6AddressOnCreation": false, "/EnableDns64": false, "/Ipv6Native": false, "/MapPublicIpOnLaunch": false,
		},
		"AWS::EC2::VPC":           {"/EnableDnsHostnames": false, "/EnableDnsSupport": true, "/InstanceTenancy": "default"},
		"AWS::ECR::Repository":    {"/ImageScanningConfiguration": map[string]any{"ScanOnPush": false}, "/ImageTagMutability": "MUTABLE"},
		"AWS::Events::Rule":       {"/EventBusName": "default", "/State": "ENABLED"},
		"AWS::IAM::ManagedPolicy": {"/Path": "/"},
		"AWS::IAM::Role":          {"/MaxSessionDuration": 3600, "/Path": "/"},
		"AWS::IAM::User":          {"/Path": "/"},
		"AWS::KMS::Key": { // provider schema
			"/Enabled": true, "/EnableKeyRotation": false, "/KeySpec": "SYMMETRIC_DEFAULT", "/KeyUsage": "ENCRYPT_DECRYPT", "/MultiRegion": false, "/Origin": "AWS_KMS",
		},
		"AWS::Lambda::Function": {
			"/Architectures": []any{"x86_64"}, "/EphemeralStorage": map[string]any{"Size": 512}, "/MemorySize": 128, "/PackageType": "Zip",
			"/Timeout": 3, "/TracingConfig": map[string]any{"Mode": "PassThrough"}, // Lambda API, CreateFunction
		},
		"AWS::Logs::LogGroup": {"/LogGroupClass": "STANDARD"},
		"AWS::S3::Bucket": {
			// Of every bucket since 2023 (S3 user guide, "Setting default server-side encryption",
			// "Blocking public access", "Controlling ownership of objects").
			"/BucketEncryption": map[string]any{"ServerSideEncryptionConfiguration": []any{map[string]any{
				"ServerSideEncryptionByDefault": map[string]any{"SSEAlgorithm": "AES256"}, "BucketKeyEnabled": false}}},
			"/BucketEncryption/ServerSideEncryptionConfiguration/*/BucketKeyEnabled": false,
			"/OwnershipControls":              map[string]any{"Rules": []any{map[string]any{"ObjectOwnership": "BucketOwnerEnforced"}}},
			"/PublicAccessBlockConfiguration": map[string]any{"BlockPublicAcls": true, "BlockPublicPolicy": true, "IgnorePublicAcls": true, "RestrictPublicBuckets": true},
		},
		"AWS::SNS::Topic": {"/ContentBasedDeduplication": false, "/FifoTopic": false, "/SignatureVersion": "1", "/TracingConfig": "PassThrough"},
		"AWS::SQS::Queue": { // SQS API, SetQueueAttributes. MaximumMessageSize has had two defaults: none is taken for it.
			"/ContentBasedDeduplication": false, "/DeduplicationScope": "queue", "/DelaySeconds": 0, "/FifoQueue": false, "/FifoThroughputLimit": "perQueue",
			"/KmsDataKeyReusePeriodSeconds": 300, "/MessageRetentionPeriod": 345600, "/ReceiveMessageWaitTimeSeconds": 0, "/SqsManagedSseEnabled": true, "/VisibilityTimeout": 30,
		},
		"AWS::SSM::Parameter": {"/DataType": "text", "/Tier": "Standard"},
	}
})

// Kinds returns the resource types that a table knows, sorted.
func Kinds() []string {
	var all []string
	for _, names := range [][]string{keys(setsOf()), keys(policiesOf()), keys(textsOf()), keys(defaultsOf())} {
		all = append(all, names...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func keys[V any](m map[string]V) []string {
	all := make([]string, 0, len(m))
	for k := range m {
		all = append(all, k)
	}
	return all
}
