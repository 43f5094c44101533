package trail

import (
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
)

// call is a call that changes something, under its name in CloudTrail, with the parameters that
// name what it changes.
type call struct {
	name       string
	parameters map[string]any
}

// watched are the services whose calls are looked at.
var watched = map[string]bool{"sqs": true, "sns": true, "ssm": true, "dynamodb": true, "s3": true, "ec2": true, "iam": true, "lambda": true}

// actions are the calls of the JSON and Query protocols that are told of, by service, each with
// the parameters that name the resource, as the API has them.
var actions = map[string]map[string][]string{
	"sqs": each([]string{"QueueUrl"}, "SetQueueAttributes", "TagQueue", "UntagQueue", "AddPermission", "RemovePermission", "CreateQueue", "DeleteQueue"),
	"sns": join(each([]string{"TopicArn"}, "SetTopicAttributes", "AddPermission", "RemovePermission", "DeleteTopic"),
		each([]string{"ResourceArn"}, "TagResource", "UntagResource")),
	"ssm": join(each([]string{"Name", "Names"}, "PutParameter", "DeleteParameter", "DeleteParameters"),
		each([]string{"ResourceType", "ResourceId"}, "AddTagsToResource", "RemoveTagsFromResource")),
	"dynamodb": join(each([]string{"TableName"}, "UpdateTable", "UpdateTimeToLive", "UpdateContinuousBackups", "CreateTable", "DeleteTable"),
		each([]string{"ResourceArn"}, "TagResource", "UntagResource")),
	"ec2": join(each([]string{"GroupId"}, "AuthorizeSecurityGroupIngress", "AuthorizeSecurityGroupEgress", "RevokeSecurityGroupIngress",
		"RevokeSecurityGroupEgress", "ModifySecurityGroupRules", "DeleteSecurityGroup"),
		each([]string{"ResourceId"}, "CreateTags", "DeleteTags"),
		each([]string{"RouteTableId"}, "CreateRoute", "ReplaceRoute", "DeleteRoute", "DeleteRouteTable"),
		each([]string{"VpcId"}, "ModifyVpcAttribute", "DeleteVpc"), each([]string{"SubnetId"}, "ModifySubnetAttribute", "DeleteSubnet")),
	"iam": join(each([]string{"RoleName"}, "UpdateAssumeRolePolicy", "PutRolePolicy", "DeleteRolePolicy", "AttachRolePolicy", "DetachRolePolicy",
		"UpdateRole", "UpdateRoleDescription", "TagRole", "UntagRole", "DeleteRole"),
		each([]string{"PolicyArn"}, "CreatePolicyVersion", "SetDefaultPolicyVersion", "DeletePolicyVersion", "DeletePolicy")),
}

func each(parameters []string, names ...string) map[string][]string {
	m := map[string][]string{}
	for _, name := range names {
		m[name] = parameters
	}
	return m
}

func join(all ...map[string][]string) map[string][]string {
	m := map[string][]string{}
	for _, one := range all {
		for name, parameters := range one {
			m[name] = parameters
		}
	}
	return m
}

// callOf reads a request; false where it changes nothing that is told of.
func callOf(service string, r *http.Request, body []byte) (call, bool) {
	switch service {
	case "s3":
		return ofBucket(r)
	case "lambda":
		return ofFunction(r)
	}
	if _, action, found := strings.Cut(r.Header.Get("X-Amz-Target"), "."); found {
		parameters, known := actions[service][action]
		var in map[string]any
		if !known || json.Unmarshal(body, &in) != nil {
			return call{}, false
		}
		return named(service, action, parameters, func(name string) any { return in[name] }), true
	}
	form, err := url.ParseQuery(string(body))
	action := form.Get("Action")
	parameters, known := actions[service][action]
	if err != nil || !known {
		return call{}, false
	}
	return named(service, action, parameters, func(name string) any { return inForm(form, name) }), true
}

// inForm returns a parameter of the Query protocol, a list where it is one; nil where it is not there.
func inForm(form url.Values, name string) any {
	if form.Has(name) {
		return form.Get(name)
	}
	var list []any
	for i := 1; form.Has(name + "." + strconv.Itoa(i)); i++ {
		list = append(list, form.Get(name+"."+strconv.Itoa(i)))
	}
	if list == nil {
		return nil
	}
	return list
}

// named returns the call with its parameters as CloudTrail writes them: they begin with a small
// letter, but for a list of resources of EC2's and the calls that wrap theirs.
func named(service, action string, parameters []string, value func(name string) any) call {
	c := call{action, map[string]any{}}
	for _, name := range parameters {
		v := value(name)
		switch {
		case v == nil:
		case service == "ec2" && name == "ResourceId":
			var items []any
			list, _ := v.([]any)
			for _, id := range list {
				items = append(items, map[string]any{"resourceId": id})
			}
			c.parameters["resourcesSet"] = map[string]any{"items": items}
		case action == "ModifySecurityGroupRules":
			c.parameters[action+"Request"] = map[string]any{name: v}
		default:
			c.parameters[strings.ToLower(name[:1])+name[1:]] = v
		}
	}
	return c
}

// subresources are those of a bucket whose change is told of, by what the query has, and how
// CloudTrail calls the call after Put or Delete (S3 user guide, "Amazon S3 CloudTrail events").
var subresources = map[string]string{
	"tagging": "BucketTagging", "versioning": "BucketVersioning", "policy": "BucketPolicy", "publicAccessBlock": "BucketPublicAccessBlock",
	"encryption": "BucketEncryption", "lifecycle": "BucketLifecycle", "cors": "BucketCors", "notification": "BucketNotification",
	"logging": "BucketLogging", "website": "BucketWebsite", "acl": "BucketAcl", "ownershipControls": "BucketOwnershipControls",
}

// ofBucket reads a request to a bucket itself: its objects are data, which no trail tells of
// unless it is asked to.
func ofBucket(r *http.Request) (call, bool) {
	bucket := strings.Trim(r.URL.Path, "/")
	verb := map[string]string{http.MethodPut: "Put", http.MethodDelete: "Delete"}[r.Method]
	if verb == "" || bucket == "" || strings.Contains(bucket, "/") {
		return call{}, false
	}
	for name, of := range subresources {
		if r.URL.Query().Has(name) {
			return call{verb + of, map[string]any{"bucketName": bucket, name: ""}}, true
		}
	}
	if verb == "Delete" {
		return call{"DeleteBucket", map[string]any{"bucketName": bucket}}, true
	}
	return call{"CreateBucket", map[string]any{"bucketName": bucket}}, true
}

// functionPath is /2015-03-31/functions/NAME, perhaps with what of it is changed (Lambda API
// reference, UpdateFunctionConfiguration and UpdateFunctionCode).
var functionPath = regexp.MustCompile(`^/2015-03-31/functions/([^/]+)(?:/(configuration|code))?$`)

// ofFunction reads a request to a function. CloudTrail has the API's version in the names
// (Lambda developer guide, "Logging AWS Lambda API calls using AWS CloudTrail").
func ofFunction(r *http.Request) (call, bool) {
	path, err := url.PathUnescape(r.URL.Path)
	parts := functionPath.FindStringSubmatch(path)
	if err != nil || parts == nil {
		return call{}, false
	}
	names := map[[2]string]string{
		{http.MethodPut, "configuration"}: "UpdateFunctionConfiguration20150331v2",
		{http.MethodPut, "code"}:          "UpdateFunctionCode20150331v2",
		{http.MethodDelete, ""}:           "DeleteFunction20150331",
	}
	name, known := names[[2]string{r.Method, parts[2]}]
	return call{name, map[string]any{"functionName": parts[1]}}, known
}
