package access

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/driftless-gitops/driftless/internal/sandbox/lambda/policy"
)

// lambda asks for an invocation, by method and path (Lambda API reference, Invoke); of the other
// actions nothing is known. A function that is named alone is of the caller's account.
func (c Call) lambda() ([]policy.Request, bool) {
	path, invoked := strings.CutSuffix(c.URL.EscapedPath(), "/invocations")
	name, named := strings.CutPrefix(path, "/2015-03-31/functions/")
	if c.Method != http.MethodPost || !invoked || !named {
		return nil, false
	}
	name, err := url.PathUnescape(name)
	if err != nil {
		return nil, false
	}
	if !strings.HasPrefix(name, "arn:") {
		name = c.arn("lambda", "function:"+name)
	}
	return []policy.Request{{Action: "lambda:InvokeFunction", Resource: name, Context: map[string]string{}}}, true
}

// monitoring asks for alarms, and for all of them: who may see some alone is told of no composite
// one (CloudWatch API reference, DescribeAlarms). Of the other actions nothing is known.
func (c Call) monitoring() ([]policy.Request, bool) {
	if c.Action != "DescribeAlarms" {
		return nil, false
	}
	return []policy.Request{{Action: "cloudwatch:DescribeAlarms", Resource: "*", Context: map[string]string{}}}, true
}
