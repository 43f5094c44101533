package trigger

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/driftless-gitops/driftless/internal/gitops"
)

// apiCall is the detail type under which EventBridge has what CloudTrail records of calls to an
// AWS service, where the account has a trail (CloudTrail user guide, "Delivering CloudTrail
// events to EventBridge").
const apiCall = "AWS API Call via CloudTrail"

// mostResources is how many resources of one call are looked for: CreateTags takes hundreds.
const mostResources = 10

// calls are calls of one service, by the beginnings of their names in CloudTrail, and how each
// tells which resources it changed: by their physical ids, as CloudFormation has them.
type calls struct {
	begin []string
	ids   func(event, request) []string
}

// request is the requestParameters of a call. CloudTrail leaves out, or hides, what is secret.
type request map[string]json.RawMessage

// services are the calls that change a resource of a stack by hand. A name is a beginning, since
// Lambda's end in the date of its API's version. What a name is not in here changes nothing that
// a drift detection compares, or has no resource of its own in a stack.
var services = sync.OnceValue(func() map[string][]calls {
	return map[string][]calls{
		"sqs": {{[]string{"SetQueueAttributes", "TagQueue", "UntagQueue", "AddPermission", "RemovePermission", "DeleteQueue"}, queueURL}},
		"sns": {
			{[]string{"SetTopicAttributes", "AddPermission", "RemovePermission", "DeleteTopic"}, topic("topicArn")},
			{[]string{"TagResource", "UntagResource", "PutDataProtectionPolicy"}, topic("resourceArn")},
		},
		"ssm": {
			{[]string{"PutParameter", "DeleteParameter"}, parameters("name", "names")},
			{[]string{"AddTagsToResource", "RemoveTagsFromResource"}, parameters("resourceId")},
		},
		"dynamodb": {
			{[]string{"UpdateTable", "UpdateTimeToLive", "UpdateContinuousBackups", "DeleteTable"}, table("tableName")},
			{[]string{"TagResource", "UntagResource", "PutResourcePolicy", "DeleteResourcePolicy"}, table("resourceArn")},
		},
		"lambda": {
			{[]string{"UpdateFunctionConfiguration", "UpdateFunctionCode", "PutFunctionConcurrency", "DeleteFunction"}, function("functionName")},
			{[]string{"TagResource", "UntagResource"}, function("resource")},
		},
		"s3": {{[]string{"PutBucket", "DeleteBucket", "PutAccelerateConfiguration"}, plain("bucketName", isBucket)}},
		"ec2": {
			{[]string{"AuthorizeSecurityGroup", "RevokeSecurityGroup", "UpdateSecurityGroupRuleDescriptions", "DeleteSecurityGroup"}, plain("groupId", isEC2)},
			{[]string{"ModifySecurityGroupRules"}, groupOfRules},
			{[]string{"CreateTags", "DeleteTags"}, tagged},
			{[]string{"CreateRoute", "ReplaceRoute", "DeleteRoute", "DeleteRouteTable"}, plain("routeTableId", isEC2)},
			{[]string{"ModifyVpcAttribute", "DeleteVpc"}, plain("vpcId", isEC2)},
			{[]string{"ModifySubnetAttribute", "DeleteSubnet"}, plain("subnetId", isEC2)},
		},
		"iam": {
			{[]string{"UpdateAssumeRolePolicy", "PutRole", "AttachRole", "DetachRole", "UpdateRole", "DeleteRole", "TagRole", "UntagRole"}, plain("roleName", isRole)},
			{[]string{"CreatePolicyVersion", "SetDefaultPolicyVersion", "DeletePolicy", "TagPolicy", "UntagPolicy"}, managedPolicy},
		},
	}
})

// global are the services whose events are all in one region, whatever the region of the stack
// that has the resource (IAM user guide, "Logging IAM and AWS STS API calls": us-east-1).
var global = map[string]bool{"iam": true}

// What the parts of calls look like.
var (
	isPrincipal = matches(`^arn:aws[a-z-]*:(?:iam|sts)::[0-9]{12}:[!-;=?-~]{1,600}$`)
	isService   = matches(`^[a-zA-Z0-9.-]{1,128}$`)
	isAddress   = matches(`^[0-9A-Za-z.:_-]{1,128}(?: [0-9A-Za-z.:_-]{1,128})?$`) // "AWS Internal" is one too
	isBucket    = matches(`^[A-Za-z0-9][A-Za-z0-9._-]{1,253}[A-Za-z0-9]$`)
	isEC2       = matches(`^[a-z]{1,16}-[0-9a-f]{8,17}$`)
	isRole      = matches(`^[A-Za-z0-9_+=,.@-]{1,64}$`)
	isTable     = matches(`^[A-Za-z0-9_.-]{3,255}$`)
	isParameter = matches(`^[A-Za-z0-9_./-]{1,1000}$`)
	isFunction  = matches(`^[A-Za-z0-9_-]{1,140}$`)
	isTopic     = matches(`^[A-Za-z0-9_-]{1,256}(?:\.fifo)?$`)
	isPolicy    = matches(`^arn:aws[a-z-]*:iam::([0-9]{12}):policy/[A-Za-z0-9_+=,.@/-]{1,640}$`)
	queue       = compiled(`^https?://([A-Za-z0-9.:-]{1,255})/([0-9]{12})/([A-Za-z0-9_-]{1,80}(?:\.fifo)?)$`)
)

// identity is who made a call (CloudTrail user guide, "CloudTrail userIdentity element").
type identity struct {
	Type      string `json:"type"`
	ARN       string `json:"arn"`
	InvokedBy string `json:"invokedBy"`
	Session   struct {
		Issuer struct {
			ARN      string `json:"arn"`
			UserName string `json:"userName"`
		} `json:"sessionIssuer"`
	} `json:"sessionContext"`
}

// expected reports whether the call is no change by hand: CloudFormation's, whoever it acts for,
// or one of Driftless's own roles'.
func (i identity) expected() bool {
	role := i.Session.Issuer.UserName
	return i.InvokedBy == "cloudformation.amazonaws.com" || strings.HasPrefix(role, "driftless-") || strings.HasPrefix(role, "Driftless-")
}

// name returns the principal's ARN, of a session that of its role; where there is none the service
// that acted, or what kind of identity it was.
func (i identity) name() (string, error) {
	for _, arn := range []string{i.Session.Issuer.ARN, i.ARN} {
		if isPrincipal(arn) {
			return arn, nil
		}
	}
	for _, other := range []string{i.InvokedBy, i.Type} {
		if isService(other) {
			return other, nil
		}
	}
	return "", errors.New("it says nothing of who made the call")
}

// called reports whether an event is one of a call to a service that is known.
func called(e event) bool {
	service, aws := strings.CutPrefix(e.Source, "aws.")
	return aws && e.DetailType == apiCall && services()[service] != nil
}

// call reads "AWS API Call via CloudTrail" (CloudTrail user guide, "CloudTrail record contents").
// A call that failed or only read changed nothing.
func call(e event) (Key, error) {
	var detail struct {
		Source   string    `json:"eventSource"`
		Name     string    `json:"eventName"`
		At       time.Time `json:"eventTime"`
		From     string    `json:"sourceIPAddress"`
		Error    string    `json:"errorCode"`
		ReadOnly bool      `json:"readOnly"`
		By       identity  `json:"userIdentity"`
		Request  request   `json:"requestParameters"`
	}
	if err := json.Unmarshal(e.Detail, &detail); err != nil {
		return Key{}, fmt.Errorf("read detail: %w", err)
	}
	service := strings.TrimPrefix(e.Source, "aws.")
	if detail.Source != service+".amazonaws.com" {
		return Key{}, fmt.Errorf("a call to %q in an event of %s", detail.Source, e.Source)
	}
	if detail.Error != "" || detail.ReadOnly || detail.By.expected() {
		return Key{}, nil
	}
	ids := changed(e, service, detail.Name, detail.Request)
	if len(ids) == 0 {
		return Key{}, nil
	}
	by, err := detail.By.name()
	if err != nil {
		return Key{}, err
	}
	touch := gitops.Touch{By: by, Event: detail.Name, At: detail.At.UTC()}
	if isAddress(detail.From) {
		touch.From = detail.From
	}
	return Key{Kind: KindResource, Account: e.Account, Region: e.Region, Global: global[service], Physical: ids, Touch: touch,
		Reason: detail.Name + " by " + by}, nil
}

// changed returns the physical ids of what a call changed, none where it is none that is known.
func changed(e event, service, name string, r request) []string {
	if !isRole(name) { // what is no name is told to nobody
		return nil
	}
	for _, c := range services()[service] {
		if !slices.ContainsFunc(c.begin, func(b string) bool { return strings.HasPrefix(name, b) }) {
			continue
		}
		ids := slices.DeleteFunc(c.ids(e, r), func(id string) bool { return id == "" })
		slices.Sort(ids)
		ids = slices.Compact(ids)
		return ids[:min(len(ids), mostResources)]
	}
	return nil
}

// text returns a parameter that is a string, else "".
func (r request) text(name string) string {
	var s string
	if json.Unmarshal(r[name], &s) != nil {
		return ""
	}
	return s
}

// plain reads the id from a parameter as it is.
func plain(name string, fits func(string) bool) func(event, request) []string {
	return func(_ event, r request) []string {
		if id := r.text(name); fits(id) {
			return []string{id}
		}
		return nil
	}
}

// queueURL reads a queue's URL. AWS answers under several addresses, and CloudFormation knows the
// queue by one of them (SQS developer guide, "Endpoints": the others are older, in a VPC or FIPS).
func queueURL(e event, r request) []string {
	parts := queue().FindStringSubmatch(r.text("queueUrl"))
	if parts == nil || parts[2] != e.Account {
		return nil
	}
	suffix := "/" + parts[2] + "/" + parts[3]
	switch host := parts[1]; {
	case strings.HasSuffix(host, ".amazonaws.com.cn"):
		return []string{"https://sqs." + e.Region + ".amazonaws.com.cn" + suffix}
	case strings.HasSuffix(host, ".amazonaws.com"), strings.HasSuffix(host, ".api.aws"):
		return []string{"https://sqs." + e.Region + ".amazonaws.com" + suffix}
	}
	return []string{r.text("queueUrl")}
}

// topic reads the ARN of a topic.
func topic(name string) func(event, request) []string {
	return func(e event, r request) []string {
		arn := r.text(name)
		if id, err := resource(e, arn, "sns"); err == nil && isTopic(id) {
			return []string{arn}
		}
		return nil
	}
}

// parameters reads the names of parameters, from a list too.
func parameters(fields ...string) func(event, request) []string {
	return func(e event, r request) []string {
		var names []string
		for _, field := range fields {
			var list []string
			if json.Unmarshal(r[field], &list) != nil {
				list = []string{r.text(field)}
			}
			for _, name := range list {
				if id, err := resource(e, name, "ssm"); err == nil {
					name = hierarchical(strings.TrimPrefix(id, "parameter/"))
				}
				if isParameter(name) {
					names = append(names, name)
				}
			}
		}
		return names
	}
}

// hierarchical gives a name from an ARN the slash with which it begins where it has levels: the
// ARN has one slash for both (Systems Manager user guide, "Specifying parameter ARNs").
func hierarchical(name string) string {
	if strings.Contains(name, "/") {
		return "/" + name
	}
	return name
}

// table reads the name of a table, which a call may give as an ARN.
func table(name string) func(event, request) []string {
	return func(e event, r request) []string {
		id := r.text(name)
		if of, err := resource(e, id, "dynamodb"); err == nil {
			id, _, _ = strings.Cut(strings.TrimPrefix(of, "table/"), "/")
		}
		if isTable(id) {
			return []string{id}
		}
		return nil
	}
}

// function reads the name of a function, which a call may give as an ARN, whole or in part.
func function(name string) func(event, request) []string {
	return func(e event, r request) []string {
		id := r.text(name)
		if of, err := resource(e, id, "lambda"); err == nil {
			id = of
		} else if of, partly := strings.CutPrefix(id, e.Account+":"); partly {
			id = of
		}
		id, _, _ = strings.Cut(strings.TrimPrefix(id, "function:"), ":") // a version or an alias follows
		if isFunction(id) {
			return []string{id}
		}
		return nil
	}
}

// groupOfRules reads the group whose rules were changed: these parameters are wrapped
// (aws-samples/cloud-trail-lake-query-samples, ec2-security-historical-changes.sql).
func groupOfRules(_ event, r request) []string {
	var wrapped struct {
		GroupID string `json:"GroupId"`
	}
	if json.Unmarshal(r["ModifySecurityGroupRulesRequest"], &wrapped) != nil || !isEC2(wrapped.GroupID) {
		return nil
	}
	return []string{wrapped.GroupID}
}

// tagged reads the ids of all that was tagged.
func tagged(_ event, r request) []string {
	var set struct {
		Items []struct {
			ResourceID string `json:"resourceId"`
		} `json:"items"`
	}
	if json.Unmarshal(r["resourcesSet"], &set) != nil {
		return nil
	}
	var ids []string
	for _, item := range set.Items {
		if isEC2(item.ResourceID) {
			ids = append(ids, item.ResourceID)
		}
	}
	return ids
}

// managedPolicy reads the ARN of a managed policy of the account's own.
func managedPolicy(e event, r request) []string {
	arn := r.text("policyArn")
	if isPolicy(arn) && strings.Contains(arn, "::"+e.Account+":") {
		return []string{arn}
	}
	return nil
}
