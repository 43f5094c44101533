package cloudformation_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	cfn "github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/google/go-cmp/cmp"
)

func at(url string) option {
	return func(in *cfn.CreateChangeSetInput) { in.TemplateBody, in.TemplateURL = nil, aws.String(url) }
}

// padded is a template of that many bytes.
func padded(size int) string {
	head := oneQueue + "Metadata: { filler: "
	return head + strings.Repeat("x", size-len(head)-2) + " }"
}

func TestTemplateComesFromABucketInAnyStyleOfURL(t *testing.T) {
	w := newWorld(t)
	virtual := w.upload("deep/one.yaml", padded(60000))
	bucket := "templates-" + w.account
	for name, url := range map[string]string{
		"the bucket in the host":        virtual,
		"the bucket in the path":        "https://s3.us-east-1.amazonaws.com/" + bucket + "/deep/one.yaml",
		"an older host":                 "https://s3-us-east-1.amazonaws.com/" + bucket + "/deep/one.yaml",
		"a host without a region":       "https://" + bucket + ".s3.amazonaws.com/deep/one.yaml",
		"the sandbox's own, as CDK has": w.url + "/" + bucket + "/deep/one.yaml",
	} {
		t.Run(name, func(t *testing.T) {
			if c := w.plan("app", "", at(url)); c.Status != types.ChangeSetStatusCreateComplete {
				t.Errorf("%s %s", c.Status, aws.ToString(c.StatusReason))
			}
		})
	}
}

func TestTemplateURLIsRefused(t *testing.T) {
	w := newWorld(t)
	limit, over := w.upload("limit.yaml", padded(1000000)), w.upload("over.yaml", padded(1000001))
	if c := w.plan("app", "", at(limit)); c.Status != types.ChangeSetStatusCreateComplete {
		t.Errorf("at the limit: %s %s", c.Status, aws.ToString(c.StatusReason))
	}
	const more = "\nFor more information check http://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html"
	for name, c := range map[string]struct{ url, want string }{
		"above the limit":  {over, "ValidationError: Template may not exceed 1000000 bytes in size."},
		"no bucket":        {"https://nobody.s3.us-east-1.amazonaws.com/x.yaml", "ValidationError: S3 error: The specified bucket does not exist" + more},
		"no object":        {strings.Replace(limit, "limit", "none", 1), "ValidationError: S3 error: The specified key does not exist." + more},
		"another region":   {strings.Replace(limit, "us-east-1", "eu-west-1", 1), "ValidationError: S3 error: The bucket you are attempting to access must be addressed using the specified endpoint. Please send all future requests to this endpoint." + more},
		"no S3":            {"https://example.com/bucket/x.yaml", "ValidationError: TemplateURL must be a supported URL."},
		"no encryption":    {strings.Replace(limit, "https:", "http:", 1), "ValidationError: TemplateURL must be a supported URL."},
		"no address":       {"limit.yaml", "ValidationError: TemplateURL must be a supported URL."},
		"a bucket's alone": {"https://s3.us-east-1.amazonaws.com/bucket", "ValidationError: TemplateURL must reference a valid S3 object to which you have access."},
	} {
		t.Run(name, func(t *testing.T) {
			if got := w.refusal("new", "", at(c.url)); got != c.want {
				t.Errorf("\n got %s\nwant %s", got, c.want)
			}
		})
	}
}

func TestSnippetsAreIncluded(t *testing.T) {
	w := newWorld(t)
	w.upload("outputs.yaml", "Outputs: { Arn: { Value: !GetAtt Jobs.Arn } }\n")
	w.upload("queue.json", `{"VisibilityTimeout": 25}`)
	bucket := "s3://templates-" + w.account + "/"
	body := `
Transform: { Name: AWS::Include, Parameters: { Location: "` + bucket + `outputs.yaml" } }
Resources:
  Jobs:
    Type: AWS::SQS::Queue
    Properties:
      DelaySeconds: 5
      Fn::Transform: { Name: AWS::Include, Parameters: { Location: "` + bucket + `queue.json" } }
`
	w.must("app", body)
	if got := w.outputs("app")["Arn"]; !strings.HasPrefix(got, "arn:aws:sqs:") {
		t.Errorf("output %q", got)
	}
	w.upload("queue.json", `{"VisibilityTimeout": 26}`)
	if got := changes(w.plan("app", body)); !cmp.Equal(got, []string{"Modify Jobs False /Properties/VisibilityTimeout:25->26"}) {
		t.Errorf("plan: %v", got)
	}
	if got := w.refusal("app", strings.Replace(body, "queue.json", "none.json", 1)); !strings.HasPrefix(got, "ValidationError: Transform AWS::Include failed with: S3 bucket") {
		t.Errorf("a snippet that is not there: %s", got)
	}
	w.upload("queue.json", `{"Fn::Transform": {"Name": "AWS::Include", "Parameters": {"Location": "`+bucket+`queue.json"}}}`)
	if got := w.refusal("app", body); !strings.HasPrefix(got, "ValidationError: The sandbox includes no snippet within a snippet") {
		t.Errorf("a snippet that includes itself: %s", got)
	}
}

func TestTransformNeedsItsCapabilityInDirectCallsAlone(t *testing.T) {
	w := newWorld(t)
	body := "Transform: AWS::LanguageExtensions\n" + oneQueue
	_, err := w.client.CreateStack(t.Context(), &cfn.CreateStackInput{StackName: aws.String("app"), TemplateBody: aws.String(body)})
	if got := message(err); got != "InsufficientCapabilitiesException: Requires capabilities : [CAPABILITY_AUTO_EXPAND]" {
		t.Errorf("direct creation: %s", got)
	}
	w.must("app", body)
}
