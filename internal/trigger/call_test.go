package trigger_test

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	bus "github.com/driftless-gitops/driftless/internal/sandbox/events"
	"github.com/driftless-gitops/driftless/internal/trigger"
)

// called is an event of a call with one parameter.
func called(service, name, parameters string) []byte {
	return fmt.Appendf(nil, `{"source":"aws.%s","detail-type":"AWS API Call via CloudTrail","account":"111122223333","region":"eu-west-1","detail":{
"eventSource":"%s.amazonaws.com","eventName":"%s","eventTime":"2026-11-21T09:41:07Z","sourceIPAddress":"203.0.113.7","readOnly":false,
"userIdentity":{"type":"IAMUser","arn":"arn:aws:iam::111122223333:user/ann"},"requestParameters":%s}}`, service, service, name, parameters)
}

// A resource is named as CloudFormation knows it, however the call named it.
func TestACallNamesItsResourceAsCloudFormationDoes(t *testing.T) {
	for sentence, c := range map[string]struct{ service, call, parameters, want string }{
		"a queue by an address of old":         {"sqs", "TagQueue", `{"queueUrl":"https://eu-west-1.queue.amazonaws.com/111122223333/jobs"}`, "https://sqs.eu-west-1.amazonaws.com/111122223333/jobs"},
		"a queue in China":                     {"sqs", "TagQueue", `{"queueUrl":"https://sqs.cn-north-1.amazonaws.com.cn/111122223333/jobs"}`, "https://sqs.eu-west-1.amazonaws.com.cn/111122223333/jobs"},
		"a queue by an endpoint of a VPC":      {"sqs", "DeleteQueue", `{"queueUrl":"https://vpce-1.sqs.eu-west-1.vpce.amazonaws.com/111122223333/jobs.fifo"}`, "https://sqs.eu-west-1.amazonaws.com/111122223333/jobs.fifo"},
		"a queue of no AWS":                    {"sqs", "DeleteQueue", `{"queueUrl":"http://127.0.0.1:4566/111122223333/jobs"}`, "http://127.0.0.1:4566/111122223333/jobs"},
		"a topic's tags":                       {"sns", "TagResource", `{"resourceArn":"arn:aws:sns:eu-west-1:111122223333:alerts"}`, "arn:aws:sns:eu-west-1:111122223333:alerts"},
		"a topic of another region":            {"sns", "DeleteTopic", `{"topicArn":"arn:aws:sns:us-east-1:111122223333:alerts"}`, ""},
		"a subscription":                       {"sns", "SetTopicAttributes", `{"topicArn":"arn:aws:sns:eu-west-1:111122223333:alerts:0f1e"}`, ""},
		"a parameter":                          {"ssm", "DeleteParameter", `{"name":"limit"}`, "limit"},
		"several parameters, one twice":        {"ssm", "DeleteParameters", `{"names":["/b","/a","/b"]}`, "/a /b"},
		"a parameter by its ARN":               {"ssm", "PutParameter", `{"name":"arn:aws:ssm:eu-west-1:111122223333:parameter/limit"}`, "limit"},
		"a parameter with levels by its ARN":   {"ssm", "PutParameter", `{"name":"arn:aws:ssm:eu-west-1:111122223333:parameter/prod/limit"}`, "/prod/limit"},
		"a parameter's tags":                   {"ssm", "AddTagsToResource", `{"resourceType":"Parameter","resourceId":"/prod/limit"}`, "/prod/limit"},
		"a table's tags":                       {"dynamodb", "TagResource", `{"resourceArn":"arn:aws:dynamodb:eu-west-1:111122223333:table/books"}`, "books"},
		"a function by half an ARN":            {"lambda", "UpdateFunctionCode20150331v2", `{"functionName":"111122223333:function:worker:live"}`, "worker"},
		"a function's tags":                    {"lambda", "TagResource20170331v2", `{"resource":"arn:aws:lambda:eu-west-1:111122223333:function:worker"}`, "worker"},
		"a function that is invoked":           {"lambda", "Invoke", `{"functionName":"worker"}`, ""},
		"a bucket":                             {"s3", "DeleteBucketTagging", `{"bucketName":"books"}`, "books"},
		"an object":                            {"s3", "PutObject", `{"bucketName":"books","key":"a"}`, ""},
		"a route table":                        {"ec2", "CreateRoute", `{"routeTableId":"rtb-0a1b2c3d4e5f60718"}`, "rtb-0a1b2c3d4e5f60718"},
		"a group by its name alone":            {"ec2", "RevokeSecurityGroupEgress", `{"groupName":"web"}`, ""},
		"an instance that is started":          {"ec2", "StartInstances", `{"instancesSet":{}}`, ""},
		"a managed policy":                     {"iam", "CreatePolicyVersion", `{"policyArn":"arn:aws:iam::111122223333:policy/p"}`, "arn:aws:iam::111122223333:policy/p"},
		"a managed policy of AWS's":            {"iam", "DeletePolicyVersion", `{"policyArn":"arn:aws:iam::aws:policy/p"}`, ""},
		"what was tagged, up to ten resources": {"ec2", "DeleteTags", many(12), ids(10)},
	} {
		t.Run(sentence, func(t *testing.T) {
			key, err := trigger.Parse(called(c.service, c.call, c.parameters))
			if got := strings.Join(key.Physical, " "); err != nil || got != c.want {
				t.Errorf("got %q, %v; want %q", got, err, c.want)
			}
		})
	}
}

func many(n int) string {
	return `{"resourcesSet":{"items":[{"resourceId":"` + strings.Join(strings.Fields(ids(n)), `"},{"resourceId":"`) + `"}]}}`
}

func ids(n int) string {
	var all []string
	for i := range n {
		all = append(all, fmt.Sprintf("vpc-%08x", i))
	}
	return strings.Join(all, " ")
}

func TestWhoMadeACallIsTheRoleBehindASession(t *testing.T) {
	const user = `{"type":"IAMUser","arn":"arn:aws:iam::111122223333:user/ann"}`
	for identity, want := range map[string]string{
		user: "arn:aws:iam::111122223333:user/ann",
		`{"type":"AssumedRole","arn":"arn:aws:sts::111122223333:assumed-role/ops/ann","sessionContext":{"sessionIssuer":{"type":"Role","arn":"arn:aws:iam::111122223333:role/ops","userName":"ops"}}}`: "arn:aws:iam::111122223333:role/ops",
		`{"type":"Root","arn":"arn:aws:iam::111122223333:root"}`:                       "arn:aws:iam::111122223333:root",
		`{"type":"AWSService","invokedBy":"autoscaling.amazonaws.com"}`:                "autoscaling.amazonaws.com",
		`{"type":"IdentityCenterUser","arn":"<b>"}`:                                    "IdentityCenterUser",
		`{"type":"FederatedUser","arn":"arn:aws:sts::111122223333:federated-user/bo"}`: "arn:aws:sts::111122223333:federated-user/bo",
	} {
		key, err := trigger.Parse([]byte(strings.Replace(queueCall, user, identity, 1)))
		if err != nil || key.Touch.By != want {
			t.Errorf("%s: %q, %v; want %q", identity, key.Touch.By, err, want)
		}
	}
}

// forwarder has the rule that lets calls through; infra's own is the same.
const forwarder = "../../templates/target-events.yaml"

// rule returns the pattern of the rule of forwarder that lets calls through.
func rule(t *testing.T) (*bus.Pattern, int) {
	t.Helper()
	var template struct {
		Resources map[string]struct {
			Properties struct {
				EventPattern map[string]any `yaml:"EventPattern"`
			} `yaml:"Properties"`
		} `yaml:"Resources"`
	}
	if err := yaml.Unmarshal(read(t, forwarder), &template); err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(template.Resources["ChangeRule"].Properties.EventPattern)
	if err != nil {
		t.Fatal(err)
	}
	pattern, err := bus.ParsePattern(string(text))
	if err != nil {
		t.Fatal(err)
	}
	return pattern, len(text)
}

// EventBridge takes 2,048 characters for a pattern (user guide, "Amazon EventBridge quotas").
func TestTheRuleLetsThroughWhatIsRead(t *testing.T) {
	pattern, size := rule(t)
	if size > 2048 {
		t.Errorf("the pattern has %d characters", size)
	}
	let := func(event []byte) bool {
		matched, err := pattern.Match(event)
		if err != nil {
			t.Fatal(err)
		}
		return matched
	}
	for name, event := range recorded(t) {
		key, _ := trigger.Parse(event)
		if key.Kind == trigger.KindResource && !let(event) {
			t.Errorf("%s is not let through", filepath.Base(name))
		}
		if why := strings.TrimPrefix(filepath.Base(name), "eventbridge-call-"); (why == "of-cloudformation" || why == "refused") && let(event) {
			t.Errorf("%s is let through", filepath.Base(name))
		}
	}
	for source, names := range trigger.Calls() {
		for _, name := range names {
			if !let(called(strings.TrimPrefix(source, "aws."), name, "{}")) {
				t.Errorf("%s of %s is read and not let through", name, source)
			}
		}
	}
}
