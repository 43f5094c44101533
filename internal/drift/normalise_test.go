package drift_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/driftless-gitops/driftless/internal/drift"
	"github.com/driftless-gitops/driftless/internal/gitops"
)

// at are differences of the kind NOT_EQUAL at paths.
func at(paths ...string) []gitops.Difference {
	all := []gitops.Difference{}
	for _, p := range paths {
		all = append(all, gitops.Difference{Path: p, Kind: "NOT_EQUAL"})
	}
	return all
}

const (
	group  = "AWS::EC2::SecurityGroup"
	role   = "AWS::IAM::Role"
	queue  = "AWS::SQS::Queue"
	table  = "AWS::DynamoDB::Table"
	bucket = "AWS::S3::Bucket"
)

// trust is a trust policy of one statement with more in it.
func trust(more string) string {
	return `{"AssumeRolePolicyDocument":{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole",` + more + `}]}}`
}

func TestDifferencesThatMeanNothingAreTakenAway(t *testing.T) {
	for name, c := range map[string]struct {
		kind, declared, live string
		paths                []string
	}{
		"rules of a security group in another order": {group,
			`{"SecurityGroupIngress":[{"CidrIp":"10.0.0.0/8","FromPort":80},{"CidrIp":"0.0.0.0/0","FromPort":443}]}`,
			`{"SecurityGroupIngress":[{"CidrIp":"0.0.0.0/0","FromPort":443},{"CidrIp":"10.0.0.0/8","FromPort":80}]}`,
			[]string{"/SecurityGroupIngress/0/CidrIp", "/SecurityGroupIngress/0/FromPort", "/SecurityGroupIngress/1/CidrIp", "/SecurityGroupIngress/1/FromPort"}},
		"tags in another order, of a type that no table knows": {"AWS::X::Y",
			`{"Tags":[{"Key":"a","Value":"1"},{"Key":"b","Value":"2"}]}`, `{"Tags":[{"Key":"b","Value":"2"},{"Key":"a","Value":"1"}]}`,
			[]string{"/Tags/0/Key", "/Tags/0/Value", "/Tags/1/Key", "/Tags/1/Value"}},
		"an empty list of tags that is not there":  {queue, `{"Tags":[]}`, `{}`, []string{"/Tags"}},
		"attached policies in another order":       {role, `{"ManagedPolicyArns":["a","b"]}`, `{"ManagedPolicyArns":["b","a"]}`, []string{"/ManagedPolicyArns/0", "/ManagedPolicyArns/1"}},
		"inline policies in another order":         {role, `{"Policies":[{"PolicyName":"a","PolicyDocument":{}},{"PolicyName":"b","PolicyDocument":{}}]}`, `{"Policies":[{"PolicyName":"b","PolicyDocument":{}},{"PolicyName":"a","PolicyDocument":{}}]}`, []string{"/Policies/0/PolicyName", "/Policies/1/PolicyName"}},
		"subnets of a function in another order":   {"AWS::Lambda::Function", `{"VpcConfig":{"SubnetIds":["s-1","s-2"]}}`, `{"VpcConfig":{"SubnetIds":["s-2","s-1"]}}`, []string{"/VpcConfig/SubnetIds/0", "/VpcConfig/SubnetIds/1"}},
		"attribute definitions in another order":   {table, `{"AttributeDefinitions":[{"AttributeName":"a"},{"AttributeName":"b"}]}`, `{"AttributeDefinitions":[{"AttributeName":"b"},{"AttributeName":"a"}]}`, []string{"/AttributeDefinitions/0/AttributeName", "/AttributeDefinitions/1/AttributeName"}},
		"a default that live writes out":           {table, `{"SSESpecification":{"SSEEnabled":true}}`, `{"SSESpecification":{"SSEEnabled":true,"SSEType":"KMS"}}`, []string{"/SSESpecification/SSEType"}},
		"a default that live writes out in a list": {bucket, `{"BucketEncryption":{"ServerSideEncryptionConfiguration":[{"ServerSideEncryptionByDefault":{"SSEAlgorithm":"AES256"}}]}}`, `{"BucketEncryption":{"ServerSideEncryptionConfiguration":[{"ServerSideEncryptionByDefault":{"SSEAlgorithm":"AES256"},"BucketKeyEnabled":false}]}}`, []string{"/BucketEncryption/ServerSideEncryptionConfiguration/0/BucketKeyEnabled"}},
		"a number as text":                         {queue, `{"VisibilityTimeout":"60"}`, `{"VisibilityTimeout":60}`, []string{"/VisibilityTimeout"}},
		"a boolean as text":                        {queue, `{"FifoQueue":"true"}`, `{"FifoQueue":true}`, []string{"/FifoQueue"}},
		"a number with another notation":           {queue, `{"DelaySeconds":5.0}`, `{"DelaySeconds":5}`, []string{"/DelaySeconds"}},
		"JSON as text with other spaces":           {queue, `{"RedrivePolicy":"{ \"maxReceiveCount\": 3, \"deadLetterTargetArn\": \"a\" }"}`, `{"RedrivePolicy":{"deadLetterTargetArn":"a","maxReceiveCount":3}}`, []string{"/RedrivePolicy"}},
		"a policy as text":                         {role, trust(`"Principal":"*"`), `{"AssumeRolePolicyDocument":"{\"Version\":\"2012-10-17\",\n\"Statement\":[{\"Action\":\"sts:AssumeRole\",\"Effect\":\"Allow\",\"Principal\":\"*\"}]}"}`, []string{"/AssumeRolePolicyDocument"}},
		"a text in place of a list of one":         {role, trust(`"Principal":{"Service":"lambda.amazonaws.com"}`), trust(`"Principal":{"Service":["lambda.amazonaws.com"]}`), []string{"/AssumeRolePolicyDocument/Statement/0/Principal/Service"}},
		"a statement that stands alone":            {role, `{"AssumeRolePolicyDocument":{"Statement":{"Effect":"Allow"}}}`, `{"AssumeRolePolicyDocument":{"Statement":[{"Effect":"Allow"}]}}`, []string{"/AssumeRolePolicyDocument/Statement"}},
		"statements in another order":              {role, `{"AssumeRolePolicyDocument":{"Statement":[{"Sid":"a"},{"Sid":"b"}]}}`, `{"AssumeRolePolicyDocument":{"Statement":[{"Sid":"b"},{"Sid":"a"}]}}`, []string{"/AssumeRolePolicyDocument/Statement/0/Sid", "/AssumeRolePolicyDocument/Statement/1/Sid"}},
		"actions in another order and case":        {role, trust(`"NotAction":["sqs:SendMessage","s3:GetObject"],"Principal":"*"`), trust(`"NotAction":["S3:getobject","sqs:SendMessage"],"Principal":"*"`), []string{"/AssumeRolePolicyDocument/Statement/0/NotAction/0"}},
		"principals in another order":              {role, trust(`"Principal":{"AWS":["arn:aws:iam::111122223333:role/a","arn:aws:iam::111122223333:role/b"]}`), trust(`"Principal":{"AWS":["arn:aws:iam::111122223333:role/b","arn:aws:iam::111122223333:role/a"]}`), []string{"/AssumeRolePolicyDocument/Statement/0/Principal/AWS/0"}},
		"an account and its root":                  {role, trust(`"Principal":{"AWS":"111122223333"}`), trust(`"Principal":{"AWS":"arn:aws:iam::111122223333:root"}`), []string{"/AssumeRolePolicyDocument/Statement/0/Principal/AWS"}},
		"a condition's values as text":             {role, trust(`"Condition":{"Bool":{"aws:SecureTransport":true},"NumericLessThan":{"s3:max-keys":10}}`), trust(`"Condition":{"Bool":{"aws:SecureTransport":"true"},"NumericLessThan":{"s3:max-keys":["10"]}}`), []string{"/AssumeRolePolicyDocument/Statement/0/Condition/Bool/aws:SecureTransport"}},
		"a version that is the default":            {role, `{"AssumeRolePolicyDocument":{"Statement":[]}}`, `{"AssumeRolePolicyDocument":{"Version":"2008-10-17","Statement":[]}}`, []string{"/AssumeRolePolicyDocument/Version"}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := drift.Normalise(c.kind, c.declared, c.live, at(c.paths...)); len(got) != 0 {
				t.Errorf("left %v", got)
			}
		})
	}
}

func TestDifferencesThatMaySayMoreStay(t *testing.T) {
	for name, c := range map[string]struct{ kind, declared, live, path string }{
		"another value":                             {queue, `{"VisibilityTimeout":5}`, `{"VisibilityTimeout":60}`, "/VisibilityTimeout"},
		"the order of a list that is no set":        {table, `{"KeySchema":["a","b"]}`, `{"KeySchema":["b","a"]}`, "/KeySchema/0"},
		"the order of a list that no table knows":   {"AWS::X::Y", `{"Things":["a","b"]}`, `{"Things":["b","a"]}`, "/Things/0"},
		"a rule that stands twice":                  {group, `{"SecurityGroupIngress":[{"a":1},{"a":1}]}`, `{"SecurityGroupIngress":[{"a":1}]}`, "/SecurityGroupIngress/1"},
		"another value than the default":            {table, `{"SSESpecification":{"SSEEnabled":true}}`, `{"SSESpecification":{"SSEEnabled":true,"SSEType":"AES256"}}`, "/SSESpecification/SSEType"},
		"a default that was declared and is gone":   {bucket, `{"PublicAccessBlockConfiguration":{"BlockPublicAcls":true,"BlockPublicPolicy":true,"IgnorePublicAcls":true,"RestrictPublicBuckets":true}}`, `{}`, "/PublicAccessBlockConfiguration"},
		"what is declared and live has the default": {queue, `{"VisibilityTimeout":60}`, `{"VisibilityTimeout":30}`, "/VisibilityTimeout"},
		"the spaces of a parameter's value":         {"AWS::SSM::Parameter", `{"Value":"{\"a\": 1}"}`, `{"Value":"{\"a\":1}"}`, "/Value"},
		"a text that is not the number's":           {queue, `{"DelaySeconds":"05"}`, `{"DelaySeconds":5}`, "/DelaySeconds"},
		"a policy that is no object":                {role, `{"AssumeRolePolicyDocument":"x"}`, `{"AssumeRolePolicyDocument":"y"}`, "/AssumeRolePolicyDocument"},
		"another effect":                            {role, `{"AssumeRolePolicyDocument":{"Statement":[{"Effect":"Allow"}]}}`, `{"AssumeRolePolicyDocument":{"Statement":[{"Effect":"Deny"}]}}`, "/AssumeRolePolicyDocument/Statement/0/Effect"},
		"another case of a resource":                {role, trust(`"Resource":"arn:aws:s3:::A"`), trust(`"Resource":"arn:aws:s3:::a"`), "/AssumeRolePolicyDocument/Statement/0/Resource"},
		"everybody, written in the other way":       {role, trust(`"Principal":"*"`), trust(`"Principal":{"AWS":"*"}`), "/AssumeRolePolicyDocument/Statement/0/Principal"},
		"another account":                           {role, trust(`"Principal":{"AWS":"111122223333"}`), trust(`"Principal":{"AWS":"arn:aws:iam::111122223334:root"}`), "/AssumeRolePolicyDocument/Statement/0/Principal/AWS"},
		"a role of the account":                     {role, trust(`"Principal":{"AWS":"111122223333"}`), trust(`"Principal":{"AWS":"arn:aws:iam::111122223333:role/root"}`), "/AssumeRolePolicyDocument/Statement/0/Principal/AWS"},
		"a name that stands twice in a document":    {role, `{"AssumeRolePolicyDocument":"{\"Statement\":[],\"Statement\":[{}]}"}`, `{"AssumeRolePolicyDocument":{"Statement":[{}]}}`, "/AssumeRolePolicyDocument"},
		"a path that leads nowhere":                 {queue, `{"VisibilityTimeout":5}`, `{"VisibilityTimeout":60}`, "/VisibilityTimeout/0"},
		"properties that cannot be read":            {queue, `{"VisibilityTimeout":"5"`, `{"VisibilityTimeout":5}`, "/VisibilityTimeout"},
		"live that cannot be read":                  {queue, `{"VisibilityTimeout":"5"}`, ``, "/VisibilityTimeout"},
		"a name that is not written as expected":    {queue, `{"a/b":5}`, `{"a/b":6}`, "/a/b"},
		"no path at all":                            {queue, `{}`, `{}`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			want := at(c.path)
			if diff := cmp.Diff(want, drift.Normalise(c.kind, c.declared, c.live, at(c.path))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestOfASetThatChangedOnlyWhatChangedIsLeft(t *testing.T) {
	got := drift.Normalise(group,
		`{"SecurityGroupIngress":[{"CidrIp":"a"},{"CidrIp":"b"}],"GroupDescription":"x","Tags":[{"Key":"k","Value":"1"}]}`,
		`{"SecurityGroupIngress":[{"CidrIp":"b"},{"CidrIp":"a"},{"CidrIp":"c"}],"GroupDescription":"y","Tags":[{"Key":"k","Value":1}]}`,
		at("/GroupDescription", "/SecurityGroupIngress/0/CidrIp", "/SecurityGroupIngress/1/CidrIp", "/SecurityGroupIngress/2", "/Tags/0/Value"))
	if diff := cmp.Diff(at("/GroupDescription", "/SecurityGroupIngress/2"), got); diff != "" {
		t.Error(diff)
	}
}

// A difference whose path is not that of the values must not make a property look in sync.
func TestWhereThePathsDoNotFitNothingIsTakenAway(t *testing.T) {
	given := at("/SecurityGroupIngress/0", "/VpcId")
	got := drift.Normalise(group, `{"SecurityGroupIngress":["a","b"],"VpcId":"1"}`, `{"SecurityGroupIngress":["a","c"],"VpcId":1}`, given)
	if diff := cmp.Diff(given, got); diff != "" {
		t.Error(diff)
	}
}
