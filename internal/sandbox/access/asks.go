package access

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/driftless-gitops/driftless/internal/sandbox/lambda/policy"
)

// Call is a request as it came, by whom and to what.
type Call struct {
	Service string // of the signature's scope; "git" for a request of a git client to CodeCommit
	Action  string // as the protocol names it; empty where only method and path do
	Account string // of the caller
	Region  string
	Method  string
	URL     *url.URL
	Body    []byte // empty for S3, which is judged without
}

// Keys tells the partition key of a table, or of one of its indexes where index is not empty.
type Keys func(table, index string) string

// Of returns what a call asks for: one request for everything that must be allowed. Known is
// false where the service or its action is none that this package knows.
func Of(c Call, keys Keys) (asked []policy.Request, known bool) {
	var in body
	if len(c.Body) > 0 && c.Body[0] == '{' && json.Unmarshal(c.Body, &in) != nil {
		return nil, false // the service itself says what is wrong with it
	}
	switch c.Service {
	case "sqs":
		c.Action = strings.TrimSuffix(c.Action, "Batch") // one right for both (SQS developer guide, "Amazon SQS API permissions")
		return c.one(c.arn("sqs", queue(in))), true
	case "ssm":
		return c.one(c.arn("ssm", "parameter/"+strings.TrimPrefix(in.Name, "/"))), true
	case "secretsmanager":
		return c.one(c.secret(in)), true
	case "events":
		return c.events(in)
	case "codecommit":
		return c.one(c.arn("codecommit", in.RepositoryName)), true
	case "git":
		return c.git(), true
	case "s3":
		return c.s3()
	case "dynamodb":
		return c.dynamodb(in, keys)
	case "cloudformation":
		return c.cloudformation()
	case "codebuild":
		return c.codebuild()
	case "sts":
		return c.sts()
	case "lambda":
		return c.lambda()
	case "monitoring":
		return c.monitoring()
	case "cloudcontrolapi": // its actions are CloudFormation's, and take no resource (Service Authorization Reference, "AWS Cloud Control API")
		return []policy.Request{{Action: "cloudformation:" + c.Action, Resource: "*", Context: map[string]string{}}}, true
	}
	return nil, false
}

// body is what is read of the JSON protocols' bodies.
type body struct {
	QueueURL       string `json:"QueueUrl"`
	QueueName      string
	Name           string // of a parameter, or of a new secret
	SecretID       string `json:"SecretId"`
	RepositoryName string `json:"repositoryName"`
	Entries        []struct{ EventBusName, Source, DetailType string }

	TableName, IndexName     string
	Key, Item                map[string]json.RawMessage
	KeyConditionExpression   string
	ExpressionAttributeNames map[string]string
	Values                   map[string]json.RawMessage `json:"ExpressionAttributeValues"`
	RequestItems             json.RawMessage
	TransactItems            []map[string]body
}

// one is the request for the call's own action on a resource.
func (c Call) one(resource string) []policy.Request {
	return []policy.Request{{Action: c.Service + ":" + c.Action, Resource: resource, Context: map[string]string{}}}
}

// arn names something of the caller's account in the region.
func (c Call) arn(service, resource string) string {
	return strings.Join([]string{"arn:aws", service, c.Region, c.Account, resource}, ":")
}

func queue(in body) string {
	if in.QueueURL == "" {
		return in.QueueName
	}
	return in.QueueURL[strings.LastIndex(in.QueueURL, "/")+1:]
}

// secret is a secret's ARN. AWS appends a hyphen and six characters of its own to the name
// (Secrets Manager user guide, "Secret ARN"): a right has to hold whichever they are.
func (c Call) secret(in body) string {
	name := in.SecretID
	if name == "" {
		name = in.Name
	}
	if strings.HasPrefix(name, "arn:") {
		return name
	}
	return c.arn("secretsmanager", "secret:"+name+"-??????")
}

// events asks for every entry of PutEvents by itself; of the other actions nothing is known.
func (c Call) events(in body) ([]policy.Request, bool) {
	if c.Action != "PutEvents" {
		return nil, false
	}
	var asked []policy.Request
	for _, e := range in.Entries {
		bus := e.EventBusName
		if bus == "" {
			bus = "default"
		}
		if !strings.HasPrefix(bus, "arn:") {
			bus = c.arn("events", "event-bus/"+bus)
		}
		asked = append(asked, policy.Request{Action: "events:PutEvents", Resource: bus,
			Context: map[string]string{"events:source": e.Source, "events:detail-type": e.DetailType}})
	}
	return asked, true
}

// git asks for GitPull or GitPush (CodeCommit user guide, "Permissions reference").
func (c Call) git() []policy.Request {
	parts := strings.Split(strings.Trim(c.URL.Path, "/"), "/") // v1/repos/NAME/...
	name, action := "", "codecommit:GitPull"
	if len(parts) > 2 {
		name = parts[2]
	}
	if strings.HasSuffix(c.URL.Path, "/git-receive-pack") || c.URL.Query().Get("service") == "git-receive-pack" {
		action = "codecommit:GitPush"
	}
	return []policy.Request{{Action: action, Resource: c.arn("codecommit", name), Context: map[string]string{}}}
}

// settings are the readings of a bucket's settings that are known, by the query's parameter.
var settings = map[string]string{"location": "GetBucketLocation", "encryption": "GetEncryptionConfiguration"}

// s3 asks for what method and path mean. A path's first part is the bucket: an address of the
// loopback has no room for it in the host.
func (c Call) s3() ([]policy.Request, bool) {
	bucket, key, inBucket := strings.Cut(strings.TrimPrefix(c.URL.Path, "/"), "/")
	keys := map[string]string{"s3:ResourceAccount": c.Account, "aws:ResourceAccount": c.Account}
	ask := func(action, resource string) ([]policy.Request, bool) {
		return []policy.Request{{Action: "s3:" + action, Resource: "arn:aws:s3:::" + resource, Context: keys}}, true
	}
	if !inBucket || key == "" {
		q := c.URL.Query()
		for parameter, action := range settings {
			if q.Has(parameter) && c.Method == http.MethodGet {
				return ask(action, bucket)
			}
		}
		if c.Method == http.MethodHead || c.Method == http.MethodGet && (q.Has("list-type") || len(q) == 0) && bucket != "" {
			return ask("ListBucket", bucket)
		}
		return nil, false
	}
	switch c.Method {
	case http.MethodGet, http.MethodHead:
		return ask("GetObject", bucket+"/"+key)
	case http.MethodPut, http.MethodPost:
		return ask("PutObject", bucket+"/"+key)
	case http.MethodDelete:
		return ask("DeleteObject", bucket+"/"+key)
	}
	return nil, false
}

// Missing is what S3 asks for beside, before it says that an object is not there: without the
// right to list the bucket the answer is that access is denied (S3 API reference, GetObject,
// "Permissions").
func Missing(asked []policy.Request) (policy.Request, bool) {
	if len(asked) != 1 || asked[0].Action != "s3:GetObject" {
		return policy.Request{}, false
	}
	bucket, _, _ := strings.Cut(asked[0].Resource, "/")
	return policy.Request{Action: "s3:ListBucket", Resource: bucket, Context: asked[0].Context}, true
}

// sts asks for AssumeRole; whoever one is, one may ask for without a right.
func (c Call) sts() ([]policy.Request, bool) {
	form, err := url.ParseQuery(string(c.Body))
	if err != nil || c.Action != "AssumeRole" {
		return nil, err == nil
	}
	keys := map[string]string{"sts:RoleSessionName": form.Get("RoleSessionName")}
	if id := form.Get("ExternalId"); id != "" {
		keys["sts:ExternalId"] = id
	}
	return []policy.Request{{Action: "sts:AssumeRole", Resource: form.Get("RoleArn"), Context: keys}}, true
}

// String is a request in one line: the action, the resource, and the keys by name.
func String(r policy.Request) string {
	parts := []string{r.Action, r.Resource}
	for _, key := range slices.Sorted(maps.Keys(r.Context)) {
		parts = append(parts, key+"="+r.Context[key])
	}
	return strings.Join(parts, " ")
}
