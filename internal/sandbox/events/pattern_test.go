package events_test

import (
	"testing"

	"github.com/driftless-gitops/driftless/internal/sandbox/events"
)

const stackEvent = `{
  "source": "aws.cloudformation", "detail-type": "CloudFormation Stack Status Change",
  "account": "123456789012", "region": "eu-west-1",
  "resources": ["arn:aws:cloudformation:eu-west-1:123456789012:stack/prod-network/1", "arn:other"],
  "detail": {"status-details": {"status": "UPDATE_COMPLETE", "reason": null}, "count": 3, "ratio": 3.0,
    "final": true, "tags": [], "ip": "10.1.2.3", "path": "a/b/c.yaml",
    "items": [{"name": "one", "size": 1}, {"name": "two", "size": 20}]}}`

func TestPatternMatches(t *testing.T) {
	for sentence, c := range map[string]struct {
		pattern string
		want    bool
	}{
		"an exact value":                                 {`{"source":["aws.cloudformation"]}`, true},
		"another value does not":                         {`{"source":["aws.codecommit"]}`, false},
		"one of several values":                          {`{"source":["x","aws.cloudformation"]}`, true},
		"every named field must fit":                     {`{"source":["aws.cloudformation"],"region":["us-east-1"]}`, false},
		"a nested value":                                 {`{"detail":{"status-details":{"status":["UPDATE_COMPLETE"]}}}`, true},
		"a nested field that is absent does not":         {`{"detail":{"nothing":{"status":["UPDATE_COMPLETE"]}}}`, false},
		"one element of an array of the event":           {`{"resources":["arn:other"]}`, true},
		"a field inside an array of objects":             {`{"detail":{"items":{"name":["two"]}}}`, true},
		"fields of different objects of an array do not": {`{"detail":{"items":{"name":["one"],"size":[20]}}}`, false},
		"null":                                {`{"detail":{"status-details":{"reason":[null]}}}`, true},
		"null for an absent field does not":   {`{"detail":{"absent":[null]}}`, false},
		"true":                                {`{"detail":{"final":[true]}}`, true},
		"a number":                            {`{"detail":{"count":[3]}}`, true},
		"a number written otherwise does not": {`{"detail":{"ratio":[3]}}`, false},
		"a number is no string":               {`{"detail":{"count":["3"]}}`, false},
		"a prefix":                            {`{"resources":[{"prefix":"arn:aws:cloudformation:"}]}`, true},
		"another prefix does not":             {`{"source":[{"prefix":"aws.code"}]}`, false},
		"a prefix longer than the value does not":          {`{"region":[{"prefix":"eu-west-1-and-more"}]}`, false},
		"a prefix in any case":                             {`{"source":[{"prefix":{"equals-ignore-case":"AWS.cloud"}}]}`, true},
		"a suffix":                                         {`{"detail":{"status-details":{"status":[{"suffix":"_COMPLETE"}]}}}`, true},
		"another suffix does not":                          {`{"detail":{"status-details":{"status":[{"suffix":"_FAILED"}]}}}`, false},
		"a suffix in any case":                             {`{"detail":{"status-details":{"status":[{"suffix":{"equals-ignore-case":"_complete"}}]}}}`, true},
		"equality in any case":                             {`{"region":[{"equals-ignore-case":"EU-WEST-1"}]}`, true},
		"anything but another value":                       {`{"region":[{"anything-but":"us-east-1"}]}`, true},
		"anything but the value does not":                  {`{"region":[{"anything-but":"eu-west-1"}]}`, false},
		"anything but a list with the value does not":      {`{"region":[{"anything-but":["us-east-1","eu-west-1"]}]}`, false},
		"anything but a number":                            {`{"detail":{"count":[{"anything-but":[4,5]}]}}`, true},
		"anything but a prefix":                            {`{"source":[{"anything-but":{"prefix":"aws.code"}}]}`, true},
		"anything but the prefix does not":                 {`{"source":[{"anything-but":{"prefix":"aws."}}]}`, false},
		"anything but suffixes of which one fits does not": {`{"source":[{"anything-but":{"suffix":["x","formation"]}}]}`, false},
		"anything but a wildcard does not when it fits":    {`{"source":[{"anything-but":{"wildcard":"aws.*"}}]}`, false},
		"anything but, for an absent field, does not":      {`{"absent":[{"anything-but":"x"}]}`, false},
		"exists":                                    {`{"detail":{"final":[{"exists":true}]}}`, true},
		"exists, for an absent field, does not":     {`{"detail":{"absent":[{"exists":true}]}}`, false},
		"exists not, for an absent field":           {`{"detail":{"absent":[{"exists":false}]}}`, true},
		"exists not, below an absent field":         {`{"detail":{"absent":{"deep":[{"exists":false}]}}}`, true},
		"exists not, for a present field, does not": {`{"detail":{"final":[{"exists":false}]}}`, false},
		"exists sees leaves only":                   {`{"detail":{"status-details":[{"exists":true}]}}`, false},
		"an empty array has no leaf":                {`{"detail":{"tags":[{"exists":false}]}}`, true},
		"exists not, or a value":                    {`{"detail":{"absent":["x",{"exists":false}]}}`, true},
		"a numeric bound":                           {`{"detail":{"count":[{"numeric":[">",2]}]}}`, true},
		"a numeric range":                           {`{"detail":{"count":[{"numeric":[">=",0,"<",3]}]}}`, false},
		"numeric equality whatever the writing":     {`{"detail":{"ratio":[{"numeric":["=",3]}]}}`, true},
		"a numeric test of a string does not":       {`{"region":[{"numeric":["<",3]}]}`, false},
		"a wildcard in the middle":                  {`{"detail":{"path":[{"wildcard":"a/*/c.yaml"}]}}`, true},
		"a wildcard at the end":                     {`{"detail":{"path":[{"wildcard":"a/*"}]}}`, true},
		"several wildcards":                         {`{"detail":{"path":[{"wildcard":"*b*yaml"}]}}`, true},
		"a wildcard does not overlap its ends":      {`{"detail":{"path":[{"wildcard":"a/b/c.yaml*c.yaml"}]}}`, false},
		"an escaped star is a star":                 {`{"detail":{"path":[{"wildcard":"a/\\*"}]}}`, false},
		"a block of addresses":                      {`{"detail":{"ip":[{"cidr":"10.0.0.0/8"}]}}`, true},
		"another block does not":                    {`{"detail":{"ip":[{"cidr":"192.168.0.0/16"}]}}`, false},
		"one alternative":                           {`{"$or":[{"source":["x"]},{"region":["eu-west-1"]}]}`, true},
		"no alternative does not":                   {`{"$or":[{"source":["x"]},{"region":["y"]}]}`, false},
		"an alternative and a field":                {`{"source":["x"],"$or":[{"source":["x"]},{"region":["eu-west-1"]}]}`, false},
		"a nested alternative":                      {`{"detail":{"$or":[{"count":[9]},{"final":[true]}]}}`, true},
	} {
		t.Run(sentence, func(t *testing.T) {
			p, err := events.ParsePattern(c.pattern)
			if err != nil {
				t.Fatal(err)
			}
			got, err := p.Match([]byte(stackEvent))
			if err != nil {
				t.Fatal(err)
			}
			if got != c.want {
				t.Errorf("%s: match %v, want %v", c.pattern, got, c.want)
			}
		})
	}
}

func TestBadPatternIsRefused(t *testing.T) {
	for sentence, pattern := range map[string]string{
		"no JSON":                            `{`,
		"two documents":                      `{"a":["b"]}{}`,
		"no object":                          `["a"]`,
		"an empty object":                    `{}`,
		"an empty array":                     `{"a":[]}`,
		"a bare value":                       `{"a":"b"}`,
		"an array in an array":               `{"a":[["b"]]}`,
		"an unknown operator":                `{"a":[{"like":"b"}]}`,
		"two operators at once":              `{"a":[{"prefix":"b","suffix":"c"}]}`,
		"a prefix that is no string":         `{"a":[{"prefix":1}]}`,
		"exists without a boolean":           `{"a":[{"exists":"yes"}]}`,
		"half a numeric pair":                `{"a":[{"numeric":[">"]}]}`,
		"an unknown numeric operator":        `{"a":[{"numeric":["!=",1]}]}`,
		"a numeric bound that is text":       `{"a":[{"numeric":[">","1"]}]}`,
		"anything but true":                  `{"a":[{"anything-but":true}]}`,
		"anything but nothing":               `{"a":[{"anything-but":[]}]}`,
		"two stars in a row":                 `{"a":[{"wildcard":"a**b"}]}`,
		"a backslash before something else":  `{"a":[{"wildcard":"a\\b"}]}`,
		"a block that is none":               `{"a":[{"cidr":"10.0.0.0"}]}`,
		"a single alternative":               `{"$or":[{"a":["b"]}]}`,
		"an alternative that is no object":   `{"$or":["a","b"]}`,
		"a wrong pattern in an alternative":  `{"$or":[{"a":["b"]},{"c":"d"}]}`,
		"prefix with an unknown refinement":  `{"a":[{"prefix":{"wildcard":"b"}}]}`,
		"a wrong operator in anything-but":   `{"a":[{"anything-but":{"numeric":[">",1]}}]}`,
		"nothing within anything-but prefix": `{"a":[{"anything-but":{"prefix":[]}}]}`,
	} {
		t.Run(sentence, func(t *testing.T) {
			if _, err := events.ParsePattern(pattern); err == nil {
				t.Errorf("%s was accepted", pattern)
			}
		})
	}
}
