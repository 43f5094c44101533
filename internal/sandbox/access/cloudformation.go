package access

import (
	"net/url"
	"strings"

	"github.com/driftless-gitops/driftless/internal/sandbox/lambda/policy"
)

// untied are the actions that take no stack (Service Authorization Reference, CloudFormation).
var untied = map[string]bool{
	"DescribeStackDriftDetectionStatus": true, "BatchDescribeTypeConfigurations": true, "ValidateTemplate": true, "DescribeType": true,
}

// cloudformation asks for the action on its stack, and for handing over the role that it names.
func (c Call) cloudformation() ([]policy.Request, bool) {
	form, err := url.ParseQuery(string(c.Body))
	if err != nil || c.Action == "" {
		return nil, false
	}
	keys := map[string]string{}
	for key, value := range map[string]string{
		"cloudformation:RoleArn": form.Get("RoleARN"), "cloudformation:TemplateUrl": form.Get("TemplateURL"),
		"cloudformation:ChangeSetName": changeSet(form.Get("ChangeSetName")),
	} {
		if value != "" {
			keys[key] = value
		}
	}
	asked := []policy.Request{{Action: "cloudformation:" + c.Action, Resource: c.stack(form), Context: keys}}
	if role := form.Get("RoleARN"); role != "" {
		asked = append(asked, policy.Request{Action: "iam:PassRole", Resource: role,
			Context: map[string]string{"iam:PassedToService": "cloudformation.amazonaws.com"}})
	}
	return asked, true
}

// stack is the ARN of the stack that a call names. One that is named without its id stands
// for whichever stack has the name; a change set's ARN does not tell its stack.
func (c Call) stack(form url.Values) string {
	name := form.Get("StackName")
	switch {
	case strings.HasPrefix(name, "arn:"):
		return name
	case untied[c.Action], name == "" && form.Get("ChangeSetName") == "":
		return "*"
	case name == "":
		return c.arn("cloudformation", "stack/*/*")
	}
	return c.arn("cloudformation", "stack/"+name+"/*")
}

// changeSet is the name in a change set's ARN, arn:aws:cloudformation:REGION:ACCOUNT:changeSet/NAME/ID.
func changeSet(name string) string {
	if parts := strings.Split(name, "/"); strings.HasPrefix(name, "arn:") && len(parts) == 3 {
		return parts[1]
	}
	return name
}
