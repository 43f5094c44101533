package policy_test

import (
	"testing"

	"github.com/driftless-gitops/driftless/internal/sandbox/lambda/policy"
)

const function = "arn:aws:lambda:eu-west-1:123456789012:function:api"

func parse(t *testing.T, document string) policy.Document {
	t.Helper()
	d, err := policy.Parse([]byte(document))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestIdentityPolicies(t *testing.T) {
	viaURL := map[string]string{"lambda:InvokedViaFunctionUrl": "true", "lambda:FunctionUrlAuthType": "AWS_IAM"}
	for name, c := range map[string]struct {
		document string
		resource string
		want     policy.Decision
	}{
		"everything on everything allows": {
			document: `{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`, want: policy.Allow},
		"a wildcard in the action allows": {
			document: `{"Statement":[{"Effect":"Allow","Action":["s3:GetObject","lambda:invoke*"],"Resource":"*"}]}`, want: policy.Allow},
		"another action says nothing": {
			document: `{"Statement":[{"Effect":"Allow","Action":"lambda:InvokeFunctionUrl","Resource":"*"}]}`, want: policy.Silent},
		"another resource says nothing": {
			document: `{"Statement":[{"Effect":"Allow","Action":"*","Resource":"arn:aws:lambda:*:*:function:other"}]}`, want: policy.Silent},
		"the function does not include its alias": {
			document: `{"Statement":[{"Effect":"Allow","Action":"*","Resource":"` + function + `"}]}`, resource: function + ":read", want: policy.Silent},
		"a star at the end includes the alias": {
			document: `{"Statement":[{"Effect":"Allow","Action":"*","Resource":"` + function + `:*"}]}`, resource: function + ":read", want: policy.Allow},
		"a deny wins over an allow": {
			document: `{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny","Action":"lambda:*","Resource":"*"}]}`, want: policy.Deny},
		"everything but this action says nothing of it": {
			document: `{"Statement":[{"Effect":"Allow","NotAction":"lambda:*","Resource":"*"}]}`, want: policy.Silent},
		"everything but another resource allows": {
			document: `{"Statement":[{"Effect":"Allow","Action":"*","NotResource":"arn:aws:s3:::*"}]}`, want: policy.Allow},
		"a condition that holds allows": {
			document: `{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"Bool":{"lambda:InvokedViaFunctionUrl":true}}}]}`, want: policy.Allow},
		"a key is named in any case": {
			document: `{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringEquals":{"Lambda:functionurlauthtype":["NONE","AWS_IAM"]}}}]}`, want: policy.Allow},
		"a condition that does not hold says nothing": {
			document: `{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringEquals":{"lambda:FunctionUrlAuthType":"NONE"}}}]}`, want: policy.Silent},
		"a negated condition on an absent key holds": {
			document: `{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringNotEquals":{"aws:PrincipalTag/team":"x"}}}]}`, want: policy.Allow},
		"a plain condition on an absent key does not hold": {
			document: `{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringLike":{"aws:PrincipalTag/team":"*"}}}]}`, want: policy.Silent},
		"an IfExists condition on an absent key holds": {
			document: `{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringLikeIfExists":{"aws:PrincipalTag/team":"x"}}}]}`, want: policy.Allow},
		"a set whose only value fits allows": {
			document: `{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"ForAllValues:StringLike":{"lambda:FunctionUrlAuthType":["AWS_*"]}}}]}`, want: policy.Allow},
		"a set with another value says nothing": {
			document: `{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"ForAllValues:StringLike":{"lambda:FunctionUrlAuthType":["NONE"]}}}]}`, want: policy.Silent},
		"all of no values fit, whatever they should be": {
			document: `{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"ForAllValues:StringLike":{"aws:TagKeys":["x"]}}}]}`, want: policy.Allow},
		"any of no values fits nothing": {
			document: `{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"ForAnyValue:StringLike":{"aws:TagKeys":["*"]}}}]}`, want: policy.Silent},
		"an unknown operator never allows": {
			document: `{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"IpAddress":{"aws:SourceIp":"0.0.0.0/0"}}}]}`, want: policy.Silent},
		"an unknown operator always denies": {
			document: `{"Statement":[{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}}}]}`, want: policy.Deny},
	} {
		t.Run(name, func(t *testing.T) {
			if c.resource == "" {
				c.resource = function
			}
			r := policy.Request{Action: "lambda:InvokeFunction", Resource: c.resource, Context: viaURL}
			if got := policy.Identity([]policy.Document{parse(t, c.document)}, r); got != c.want {
				t.Errorf("decision %s, want %s", got, c.want)
			}
		})
	}
}

func TestResourcePolicyConcernsWhomItNames(t *testing.T) {
	role := "arn:aws:iam::123456789012:role/viewer"
	for name, c := range map[string]struct {
		principal  string
		principals []string
		want       policy.Decision
	}{
		"a star includes the anonymous":       {principal: `"*"`, want: policy.Allow},
		"a role is meant by its name":         {principal: `{"AWS":"` + role + `"}`, principals: []string{"session", role}, want: policy.Allow},
		"another role is not meant":           {principal: `{"AWS":["` + role + `"]}`, principals: []string{"arn:aws:iam::123456789012:role/other"}, want: policy.Silent},
		"a service is nobody's role":          {principal: `{"Service":"events.amazonaws.com"}`, principals: []string{role}, want: policy.Silent},
		"the account's root alone is no user": {principal: `{"AWS":"arn:aws:iam::123456789012:root"}`, principals: []string{role}, want: policy.Silent},
	} {
		t.Run(name, func(t *testing.T) {
			d := parse(t, `{"Statement":[{"Effect":"Allow","Action":"lambda:InvokeFunctionUrl","Resource":"`+function+`","Principal":`+c.principal+`}]}`)
			r := policy.Request{Principals: c.principals, Action: "lambda:InvokeFunctionUrl", Resource: function}
			if got := policy.Resource(d, r); got != c.want {
				t.Errorf("decision %s, want %s", got, c.want)
			}
		})
	}
}

func TestWildcards(t *testing.T) {
	for name, c := range map[string]struct {
		pattern, s string
		want       bool
	}{
		"nothing fits nothing":              {"", "", true},
		"a star fits nothing":               {"*", "", true},
		"a star fits across separators":     {"arn:*:x", "arn:a:b:x", true},
		"a star goes back when it must":     {"*ab", "aab", true},
		"a question mark fits one":          {"a?c", "abc", true},
		"a question mark needs one":         {"a?", "a", false},
		"the whole string is meant":         {"ab", "abc", false},
		"a pattern longer than its subject": {"abc", "ab", false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := policy.Match(c.pattern, c.s); got != c.want {
				t.Errorf("Match(%q, %q) = %v", c.pattern, c.s, got)
			}
		})
	}
}

func TestPolicyThatIsNoJSONIsAnError(t *testing.T) {
	if _, err := policy.Parse([]byte(`{"Statement":[`)); err == nil {
		t.Error("no error")
	}
}
