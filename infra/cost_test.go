package main

import (
	"flag"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/driftless-gitops/driftless/internal/bench/price"
)

var update = flag.Bool("update", false, "write testdata anew")

// golden compares with a file of testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-update writes it anew):\n%s", name, diff)
	}
}

var hash = regexp.MustCompile(`([a-zA-Z])[0-9A-F]{8}([^0-9A-Za-z]|$)`)

// withoutHash takes the CDK's hashes out of logical ids, for people to read.
func withoutHash(s string) string { return hash.ReplaceAllString(s, "$1$2") }

func TestResources(t *testing.T) {
	count := map[string]int{}
	for _, r := range synthesised.usual.Resources {
		count[r.Type]++
	}
	var b strings.Builder
	for _, kind := range slices.Sorted(maps.Keys(count)) {
		fmt.Fprintf(&b, "%3d %s\n", count[kind], kind)
	}
	golden(t, "resources.golden", b.String())
}

// idle says what one resource of a type costs in a month in which nobody pushes. A type
// that is not here has not been thought about.
var idle = map[string]func(resource) float64{
	"AWS::CloudWatch::Alarm": func(r resource) float64 {
		return price.AlarmMetric * float64(strings.Count(text(r.Properties["Metrics"]), `"MetricStat"`))
	},
	// A stream's polls are free.
	"AWS::Lambda::EventSourceMapping": func(r resource) float64 {
		if r.Properties["ScalingConfig"] == nil {
			return 0
		}
		return price.Polling
	},
	// Rules on the account's own bus are free; each schedule pays for the sweep that it starts.
	"AWS::CodeBuild::Project": free, // by the minute of a build
	"AWS::Events::Rule": func(r resource) float64 {
		return map[string]float64{"rate(1 minute)": price.Minutes, "rate(5 minutes)": price.Minutes / 5}[text(r.Properties["ScheduleExpression"])] * price.Sweep
	},
	"AWS::DynamoDB::Table":           free, // on demand; kilobytes of storage
	"AWS::Events::EventBus":          free,
	"AWS::Events::EventBusPolicy":    free,
	"AWS::IAM::ManagedPolicy":        free,
	"AWS::IAM::Role":                 free,
	"AWS::Lambda::Alias":             free,
	"AWS::Lambda::EventInvokeConfig": free,
	"AWS::Lambda::Function":          free,
	"AWS::Lambda::Permission":        free,
	"AWS::Lambda::Url":               free,
	"AWS::Lambda::Version":           free,
	"AWS::Logs::LogGroup":            free, // by the line, above
	"AWS::S3::Bucket":                free, // by the object
	"AWS::S3::BucketPolicy":          free,
	"AWS::SQS::Queue":                free, // by the request, above
	"AWS::SQS::QueuePolicy":          free,
}

func free(resource) float64 { return 0 }

func TestIdleCostsLessThanADollarAMonth(t *testing.T) {
	for name, made := range map[string]template{"one account": synthesised.usual, "with others": synthesised.far} {
		sum, parts := 0.0, map[string]float64{}
		for id, r := range made.Resources {
			price, known := idle[r.Type]
			if !known {
				t.Errorf("%s: nobody knows what %s (%s) costs idle", name, id, r.Type)
				continue
			}
			sum += price(r)
			parts[r.Type] += price(r)
		}
		for _, kind := range slices.Sorted(maps.Keys(parts)) {
			if parts[kind] > 0 {
				t.Logf("%s: $%.3f %s", name, parts[kind], kind)
			}
		}
		t.Logf("%s: $%.2f a month", name, sum)
		if sum > 1 {
			t.Errorf("%s: $%.2f a month; the README says less than a dollar", name, sum)
		}
		if name == "one account" && math.Abs(sum-price.Rest) > 0.005 {
			t.Errorf("$%.3f a month, and docs/cost.md counts with $%.3f: see internal/bench/price", sum, price.Rest)
		}
	}
}

func TestTheBillCountsTheMemoryThatFunctionsHave(t *testing.T) {
	for _, f := range functions {
		want := float64(price.FunctionMB)
		if f.name == "reconciler" {
			want = price.ReconcilerMB
		}
		if f.memory != want {
			t.Errorf("%s has %g MB, internal/bench/price says %g", f.name, f.memory, want)
		}
	}
}
