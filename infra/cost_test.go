package main

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
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

// Prices of us-east-1 in dollars, without any free tier (AWS pricing pages).
const (
	month       = 30 * 24 * 60 // minutes
	fifoRequest = 0.50 / 1e6
	invocation  = 0.20 / 1e6
	armGBSecond = 0.0000133334
	readUnit    = 0.125 / 1e6
	logGigabyte = 0.50
	alarmMetric = 0.10
)

// idle says what one resource of a type costs in a month in which nobody pushes. A type
// that is not here has not been thought about.
var idle = map[string]func(resource) float64{
	"AWS::CloudWatch::Alarm": func(r resource) float64 {
		return alarmMetric * float64(strings.Count(text(r.Properties["Metrics"]), `"MetricStat"`))
	},
	// Five pollers with long polls of 20 s are Lambda's least for a queue (Lambda guide,
	// "Configuring scaling behavior for SQS event source mappings"); a stream's polls are free.
	"AWS::Lambda::EventSourceMapping": func(r resource) float64 {
		if r.Properties["ScalingConfig"] == nil {
			return 0
		}
		return 5 * 3 * month * fifoRequest
	},
	// Rules on the account's own bus are free; each schedule pays for the sweep that it
	// starts: 50 ms of 256 MB, four queries of half a unit, half a kilobyte of log.
	"AWS::Events::Rule": func(r resource) float64 {
		per := map[string]float64{"rate(1 minute)": month, "rate(5 minutes)": month / 5}[text(r.Properties["ScheduleExpression"])]
		return per * (invocation + 0.05*0.25*armGBSecond + 2*readUnit + 0.5e-6*logGigabyte)
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
		if sum < 0.3 || sum > 1 {
			t.Errorf("%s: $%.2f a month; the README says less than a dollar", name, sum)
		}
	}
}
