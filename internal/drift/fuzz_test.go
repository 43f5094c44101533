package drift_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/driftless-gitops/driftless/internal/drift"
	"github.com/driftless-gitops/driftless/internal/gitops"
)

// fresh is a value that no input has: what is changed to it means something else.
const fresh = "Zm9v-nobody-writes-this"

// leaves returns the paths of a tree's leaves, sorted.
func leaves(path string, v any) []string {
	var all []string
	switch v := v.(type) {
	case map[string]any:
		for name, e := range v {
			all = append(all, leaves(path+"/"+gitops.PathStep(name), e)...)
		}
	case []any:
		for i, e := range v {
			all = append(all, leaves(fmt.Sprintf("%s/%d", path, i), e)...)
		}
	default:
		all = []string{path}
	}
	slices.Sort(all)
	return all
}

// changed returns a tree with the leaf at a path changed.
func changed(path, at string, v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for name, e := range v {
			out[name] = changed(path, at+"/"+gitops.PathStep(name), e)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = changed(path, fmt.Sprintf("%s/%d", at, i), e)
		}
		return out
	}
	if at == path {
		return fresh
	}
	return v
}

// FuzzNormalise holds that nothing that changed is taken away, that all goes where nothing
// changed, and that what was normalised stays as it is.
func FuzzNormalise(f *testing.F) {
	for _, seed := range []string{
		`{"SecurityGroupIngress":[{"CidrIp":"10.0.0.0/8","FromPort":80},{"CidrIp":"0.0.0.0/0"}],"Tags":[{"Key":"a","Value":"1"}]}`,
		`{"AssumeRolePolicyDocument":{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["sts:AssumeRole","sts:TagSession"],"Principal":{"AWS":["111122223333","arn:aws:iam::111122223333:role/a"]},"Condition":{"Bool":{"aws:SecureTransport":true}}}]},"Policies":[{"PolicyName":"p","PolicyDocument":{"Statement":{"Effect":"Deny","NotAction":"s3:*","Resource":"*"}}}]}`,
		`{"VisibilityTimeout":"60","RedrivePolicy":{"maxReceiveCount":3},"SSESpecification":{"SSEType":"KMS"},"FifoQueue":true,"A":[[1,2.50,null]],"MaxSessionDuration":3600}`,
		`{"/":1,"~":{"~1/":[2]}}`,
	} {
		for i := range 3 {
			f.Add(seed, uint8(i), uint8(i*7))
		}
	}
	kinds := append(drift.Kinds(), "AWS::X::Y")
	f.Fuzz(func(t *testing.T, text string, kind, leaf uint8) {
		declared, err := drift.Properties(text)
		if err != nil {
			return
		}
		k := kinds[int(kind)%len(kinds)]
		paths := leaves("", declared)
		var all []gitops.Difference
		for _, p := range paths {
			all = append(all, gitops.Difference{Path: p, Kind: "NOT_EQUAL"})
		}
		if got := drift.Normalise(k, text, text, all); len(got) != len(slices.DeleteFunc(slices.Clone(all), func(d gitops.Difference) bool { return d.Path != "" && d.Path != "/" })) {
			t.Fatalf("%s: of two equal ones is left %v", k, got)
		}
		if len(paths) == 0 {
			return
		}
		at := paths[int(leaf)%len(paths)]
		live, err := json.Marshal(changed(at, "", declared))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := drift.Properties(string(live)); err != nil {
			return // JSON mends broken text, which may make two names one
		}
		once := drift.Normalise(k, text, string(live), all)
		if len(once) == 0 {
			t.Fatalf("%s: the change at %s is gone: %s, live %s", k, at, text, live)
		}
		if diff := cmp.Diff(once, drift.Normalise(k, text, string(live), once)); diff != "" {
			t.Fatalf("%s: normalised twice is something else: %s", k, diff)
		}
	})
}
