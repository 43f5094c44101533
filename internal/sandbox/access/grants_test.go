package access_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/driftless-gitops/driftless/internal/sandbox/access"
	"github.com/driftless-gitops/driftless/internal/sandbox/lambda/policy"
)

func TestAPolicyFallsApartIntoWhatCanBeUsedByItself(t *testing.T) {
	d, err := policy.Parse([]byte(`{"Statement":[
		{"Sid":"Records","Effect":"Allow","Action":["dynamodb:GetItem","dynamodb:PutItem"],"Resource":"t","Condition":{"ForAllValues:StringLike":{"dynamodb:LeadingKeys":["A#*","B#*"]}}},
		{"Sid":"Blobs","Effect":"Allow","Action":"s3:GetObject","Resource":["b/x/*","b/y/*"]},
		{"Sid":"Never","Effect":"Deny","Action":"*","Resource":"*"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	used := []policy.Request{
		{Action: "dynamodb:GetItem", Resource: "t", Context: map[string]string{"dynamodb:LeadingKeys": "A#1"}},
		{Action: "dynamodb:PutItem", Resource: "t", Context: map[string]string{"dynamodb:LeadingKeys": "B#1"}},
		{Action: "s3:GetObject", Resource: "b/y/1"},
	}
	var got []string
	for _, g := range access.Grants(d) {
		covered := 0
		for _, r := range used {
			if g.Covers(r) {
				covered++
			}
		}
		got = append(got, fmt.Sprintf("%s %s %s %s %d", g.Sid, g.Action, g.Resource, g.Key, covered))
	}
	want := []string{
		"Records dynamodb:GetItem t A#* 1", "Records dynamodb:GetItem t B#* 0",
		"Records dynamodb:PutItem t A#* 0", "Records dynamodb:PutItem t B#* 1",
		"Blobs s3:GetObject b/x/*  0", "Blobs s3:GetObject b/y/*  1",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("grants, and how many requests each covers (-want +got):\n%s", diff)
	}
}
