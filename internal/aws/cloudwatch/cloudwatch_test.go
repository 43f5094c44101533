package cloudwatch_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/google/go-cmp/cmp"

	"github.com/driftless-gitops/driftless/internal/aws/awstest"
	"github.com/driftless-gitops/driftless/internal/aws/cloudwatch"
	"github.com/driftless-gitops/driftless/internal/aws/jsonrpc"
	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

const arn = "arn:aws:cloudwatch:eu-west-1:111122223333:alarm:"

var work = reconcile.Work{Application: "jobs", Settings: gitops.Settings{Target: gitops.Target{Account: "111122223333", Region: awstest.Region}}}

func given(cfg aws.Config) func(context.Context, reconcile.Work) (aws.Config, error) {
	return func(context.Context, reconcile.Work) (aws.Config, error) { return cfg, nil }
}

// answering starts a CloudWatch that has alarms, told apart as AWS does it: composite ones only
// to who asks for them, and by name alone.
func answering(t *testing.T, metric, composite []cloudwatch.Alarm) *cloudwatch.Alarms {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var in struct{ AlarmNames, AlarmTypes []string }
		body, _ := io.ReadAll(r.Body)
		if err := json.Unmarshal(body, &in); err != nil || r.Header.Get("X-Amz-Target") != "GraniteServiceVersion20100801.DescribeAlarms" ||
			r.Header.Get("Content-Type") != "application/x-amz-json-1.0" || !strings.Contains(r.Header.Get("Authorization"), "/monitoring/aws4_request") {
			t.Errorf("called with %v, %s", r.Header, body)
		}
		pick := func(kind string, all []cloudwatch.Alarm) []cloudwatch.Alarm {
			return slices.DeleteFunc(slices.Clone(all), func(a cloudwatch.Alarm) bool {
				return !slices.Contains(in.AlarmTypes, kind) || !slices.Contains(in.AlarmNames, a.Name)
			})
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"MetricAlarms": pick("MetricAlarm", metric), "CompositeAlarms": pick("CompositeAlarm", composite)})
	}))
	t.Cleanup(server.Close)
	return cloudwatch.New(given(awstest.At(server.URL)), time.Now)
}

func TestAnAlarmPassesWhereItIsOK(t *testing.T) {
	a := answering(t, []cloudwatch.Alarm{
		{Name: "quiet", ARN: arn + "quiet", State: "OK", Why: "all is well"},
		{Name: "loud", ARN: arn + "loud", State: "ALARM", Why: "Threshold Crossed"},
		{Name: "new", ARN: arn + "new", State: "INSUFFICIENT_DATA"},
		{Name: "a:b", ARN: arn + "a:b", State: "OK"},
	}, []cloudwatch.Alarm{{Name: "all", ARN: arn + "all", State: "OK"}})
	for alarm, want := range map[string]gitops.Verdict{
		"quiet":       {Passed: true, Reason: "alarm quiet is OK"},
		"all":         {Passed: true, Reason: "alarm all is OK"},
		arn + "quiet": {Passed: true, Reason: "alarm quiet is OK"},
		arn + "a:b":   {Passed: true, Reason: "alarm a:b is OK"},
		"loud":        {Reason: "alarm loud is ALARM (Threshold Crossed), want OK"},
		"new":         {Reason: "alarm new is INSUFFICIENT_DATA, want OK"},
		"gone":        {Final: true, Reason: "alarm gone is not there in 111122223333 eu-west-1"},
		"arn:aws:cloudwatch:eu-west-1:444455556666:alarm:quiet": {Final: true, Reason: "alarm arn:aws:cloudwatch:eu-west-1:444455556666:alarm:quiet is of another account or region than the application, which goes to 111122223333 eu-west-1"},
		"arn:aws:cloudwatch:us-east-1:111122223333:alarm:quiet": {Final: true, Reason: "alarm arn:aws:cloudwatch:us-east-1:111122223333:alarm:quiet is of another account or region than the application, which goes to 111122223333 eu-west-1"},
		"arn:aws:sqs:eu-west-1:111122223333:quiet":              {Final: true, Reason: "alarm arn:aws:sqs:eu-west-1:111122223333:quiet is no ARN of an alarm: arn:aws:cloudwatch:eu-west-1:111122223333:alarm:NAME"},
	} {
		v, err := a.Check(t.Context(), work, gitops.Check{Name: "errors", Alarm: alarm}, nil)
		if diff := cmp.Diff(want, v); err != nil || diff != "" {
			t.Errorf("%s: %v (-want +got):\n%s", alarm, err, diff)
		}
	}
}

func TestAlarmsAreFoundByWhatTheyWereAskedForAs(t *testing.T) {
	a := answering(t, []cloudwatch.Alarm{{Name: "one", ARN: arn + "one", State: "OK"}}, []cloudwatch.Alarm{{Name: "all", ARN: arn + "all", State: "ALARM"}})
	got, err := a.Find(t.Context(), work, []string{"one", arn + "one", "all", "gone"})
	if err != nil {
		t.Fatal(err)
	}
	one := cloudwatch.Alarm{Name: "one", ARN: arn + "one", State: "OK"}
	want := map[string]cloudwatch.Alarm{"one": one, arn + "one": one, "all": {Name: "all", ARN: arn + "all", State: "ALARM", Composite: true}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("found (-want +got):\n%s", diff)
	}
}

func TestWhatCloudWatchCouldNotSayIsNoVerdict(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		body   string
		denied bool
	}{
		"throttling":                {400, `{"__type":"com.amazonaws.cloudwatch#Throttling","message":"Rate exceeded"}`, false},
		"an error of its own":       {500, `{"__type":"InternalServiceFault"}`, false},
		"a page of a proxy":         {502, "<html>", false},
		"no JSON":                   {200, "<html>", false},
		"a state that is not known": {200, `{"MetricAlarms":[{"AlarmName":"quiet","StateValue":"MUSING"}]}`, false},
		"a right that is missing":   {400, `{"__type":"AccessDenied","message":"no"}`, true},
		"the same by another name":  {400, `{"__type":"AccessDeniedException","message":"no"}`, true},
		"a key that is not known":   {400, `{"__type":"UnrecognizedClientException","message":"no"}`, true},
		"a token that is not":       {403, `{"__type":"InvalidClientTokenId","message":"no"}`, true},
		"a region that is off":      {403, `{"__type":"OptInRequired","message":"no"}`, true},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(c.status)
				_, _ = io.WriteString(w, c.body)
			}))
			defer server.Close()
			cfg := awstest.At(server.URL)
			cfg.Retryer = func() aws.Retryer { return aws.NopRetryer{} }
			v, err := cloudwatch.New(given(cfg), time.Now).Check(t.Context(), work, gitops.Check{Alarm: "quiet"}, nil)
			if err == nil || v != (gitops.Verdict{}) || errors.Is(err, reconcile.ErrDenied) != c.denied {
				t.Errorf("got %+v, %v", v, err)
			}
		})
	}
	refuse := func(context.Context, reconcile.Work) (aws.Config, error) { return aws.Config{}, reconcile.ErrDenied }
	if v, err := cloudwatch.New(refuse, time.Now).Check(t.Context(), work, gitops.Check{Alarm: "quiet"}, nil); !errors.Is(err, reconcile.ErrDenied) || v != (gitops.Verdict{}) {
		t.Errorf("where the account cannot be entered: %+v, %v", v, err)
	}
}

func TestAlarmsOfMotoAreFound(t *testing.T) {
	cfg := awstest.Moto(t)
	call := func(operation string, in map[string]any) {
		t.Helper()
		if err := jsonrpc.New(cfg, jsonrpc.CloudWatch, time.Now).Call(t.Context(), cfg.Region, operation, in, &struct{}{}); err != nil {
			t.Fatal(err)
		}
	}
	call("PutMetricAlarm", map[string]any{"AlarmName": "age", "Namespace": "AWS/SQS", "MetricName": "Age", "Statistic": "Maximum", "Period": 60,
		"EvaluationPeriods": 1, "Threshold": 1, "ComparisonOperator": "GreaterThanThreshold"})
	call("SetAlarmState", map[string]any{"AlarmName": "age", "StateValue": "ALARM", "StateReason": "tested"})
	own := work
	own.Settings.Target.Account = "123456789012"
	got, err := cloudwatch.New(given(cfg), time.Now).Find(t.Context(), own, []string{"age", "gone"})
	if err != nil || len(got) != 1 || got["age"].State != "ALARM" || got["age"].Why != "tested" || got["age"].Composite ||
		got["age"].ARN != "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:age" {
		t.Errorf("got %+v, %v", got, err)
	}
}
