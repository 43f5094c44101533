package e2e_test

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/google/go-cmp/cmp"

	"github.com/driftless-gitops/driftless/internal/aws/jsonrpc"
	"github.com/driftless-gitops/driftless/internal/demo"
	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/sandbox"
)

// service is an application over HTTP: it is up, it hangs, or it tells how its queue is set,
// unless it is out of order.
type service struct {
	host string
	out  sync.Map // queues of which it tells nothing
}

func (s *service) start() *httptest.Server {
	mux := http.NewServeMux()
	mux.HandleFunc("/up", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("all is well")) })
	mux.HandleFunc("/hang", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	mux.HandleFunc("/queue/{name}", func(w http.ResponseWriter, r *http.Request) {
		timeout, err := shared.Sandbox.QueueAttribute(r.Context(), r.PathValue("name"), "VisibilityTimeout")
		if _, out := s.out.Load(r.PathValue("name")); out || err != nil {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		_, _ = w.Write([]byte(timeout))
	})
	server := httptest.NewServer(mux)
	s.host = strings.TrimPrefix(server.URL, "http://")
	return server
}

// checked is a driftless.yaml of one application with checks, each of which is tried once.
func checked(name, onFailure string, checks ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "version: 1\ndefaults:\n  target: { account: %q, region: %s }\napplications:\n  - name: %s\n    path: stacks/%s\n    cloudformation: { stack: %s }\n    verify:\n      onFailure: %s\n      checks:\n",
		demo.Account, sandbox.Region, name, name, name, onFailure)
	for _, c := range checks {
		fmt.Fprintf(&b, "        - { %s, retries: 0, interval: 1s }\n", c)
	}
	return b.String()
}

// named is the template of one queue whose name is an output.
func named(name string, visibility int) string {
	return queue(name, visibility) + "Outputs:\n  Name: { Value: !GetAtt Queue.QueueName }\n"
}

// alarm makes an alarm in a state, anew where it is there already.
func alarm(t *testing.T, name, state string) {
	t.Helper()
	cfg := config(t)
	for _, call := range []struct {
		operation string
		in        map[string]any
	}{
		{"PutMetricAlarm", map[string]any{"AlarmName": name, "Namespace": "AWS/SQS", "MetricName": "Age", "Statistic": "Maximum", "Period": 60,
			"EvaluationPeriods": 1, "Threshold": 1, "ComparisonOperator": "GreaterThanThreshold"}},
		{"SetAlarmState", map[string]any{"AlarmName": name, "StateValue": state, "StateReason": "tested"}},
	} {
		if err := jsonrpc.New(cfg, jsonrpc.CloudWatch, time.Now).Call(t.Context(), cfg.Region, call.operation, call.in, &struct{}{}); err != nil {
			t.Fatal(err)
		}
	}
}

// function makes a function that stands beside all stacks and answers every event alike, and
// returns what makes it answer something else.
func function(t *testing.T, name, answer string) (says func(answer string)) {
	t.Helper()
	var code bytes.Buffer
	archive := zip.NewWriter(&code)
	header := &zip.FileHeader{Name: "bootstrap"}
	header.SetMode(0o755)
	w, err := archive.CreateHeader(header)
	if err == nil {
		_, err = w.Write([]byte(strings.Replace(answering("WORD"), `'"WORD"'`, `"$ANSWER"`, 1)))
	}
	if err := errors.Join(err, archive.Close()); err != nil {
		t.Fatal(err)
	}
	role, err := iam.NewFromConfig(config(t)).CreateRole(t.Context(), &iam.CreateRoleInput{RoleName: &name,
		AssumeRolePolicyDocument: aws.String(`{"Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"Service":"lambda.amazonaws.com"}}]}`)})
	if err != nil {
		t.Fatal(err)
	}
	client := lambda.NewFromConfig(config(t))
	architecture := map[string]types.Architecture{"amd64": types.ArchitectureX8664, "arm64": types.ArchitectureArm64}[runtime.GOARCH]
	answers := func(answer string) *types.Environment {
		return &types.Environment{Variables: map[string]string{"ANSWER": answer}}
	}
	if _, err = client.CreateFunction(t.Context(), &lambda.CreateFunctionInput{FunctionName: &name, Role: role.Role.Arn, Runtime: types.RuntimeProvidedal2023,
		Handler: aws.String("bootstrap"), Architectures: []types.Architecture{architecture}, Code: &types.FunctionCode{ZipFile: code.Bytes()}, Environment: answers(answer)}); err != nil {
		t.Fatal(err)
	}
	return func(answer string) {
		t.Helper()
		if _, err := client.UpdateFunctionConfiguration(t.Context(), &lambda.UpdateFunctionConfigurationInput{FunctionName: &name, Environment: answers(answer)}); err != nil {
			t.Fatal(err)
		}
	}
}

// found is what became of each check of a deployment, by the check's name.
func found(d gitops.Deployment) map[string]string {
	all := map[string]string{}
	for _, c := range d.Checks {
		all[c.Name] = fmt.Sprintf("done %t, passed %t, tried %d: %s", c.Done, c.Passed, c.Attempts, c.Reason)
	}
	return all
}

func TestR62_AHangingProbeEndsByItsLimitAndEachCheckIsOnTheDeployment(t *testing.T) {
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skipf("NOT TESTED: the function's program asks for events with curl, which is not on the PATH")
	}
	const name = "checked"
	alarm(t, "checked-errors", "ALARM")
	says := function(t, "driftless-verify-checked", `{"pass":false,"reason":"no orders"}`)
	up := fmt.Sprintf(`name: up, http: { url: "http://%s/up", body: "^all is well$" }`, probed.host)
	hang := fmt.Sprintf(`name: hang, http: { url: "http://%s/hang" }, timeout: 1s`, probed.host)
	others := []string{`name: errors, alarm: checked-errors`, `name: orders, lambda: driftless-verify-checked`}
	r := watch(t, mapFS(map[string]string{"driftless.yaml": checked(name, "report", append(others, up, hang)...), "stacks/checked/template.yaml": queue(name, 5)}))
	v := r.ends(name, r.git("rev-parse", "HEAD"), gitops.PhaseFailed)
	if want := "verify: errors: alarm checked-errors is ALARM (tested), want OK"; v.Application.Ended.Reason != want || v.Health != gitops.HealthDegraded {
		t.Errorf("it is %s, and ended with %q; want it Degraded with %q", v.Health, v.Application.Ended.Reason, want)
	}
	if shown := r.cli("history", name, "--limit", "1"); !strings.Contains(shown, "hang was not answered in time") {
		t.Errorf("the history does not tell of the probe:\n%s", shown)
	}
	failed := r.history(name)[0]
	if diff := cmp.Diff(map[string]string{
		"up":     "done true, passed true, tried 1: GET http://" + probed.host + "/up answered 200, and its body matches",
		"hang":   "done true, passed false, tried 1: GET http://" + probed.host + "/hang was not answered in time",
		"errors": "done true, passed false, tried 1: alarm checked-errors is ALARM (tested), want OK",
		"orders": "done true, passed false, tried 1: function driftless-verify-checked answered fail: no orders",
	}, found(failed)); diff != "" {
		t.Errorf("the checks (-want +got):\n%s", diff)
	}
	for _, c := range failed.Checks {
		if took := c.EndedAt.Sub(c.StartedAt); c.Name == "hang" && (took < time.Second || took > 5*time.Second) {
			t.Errorf("the probe that hangs took %s, and may take 1s", took)
		}
	}
	if got, err := r.stage.Sandbox.QueueAttribute(t.Context(), name, "VisibilityTimeout"); err != nil || got != "5" {
		t.Errorf("what failed its checks is not applied: %q, %v", got, err)
	}

	alarm(t, "checked-errors", "OK")
	says(`{"pass":true}`)
	r.set("driftless.yaml", checked(name, "report", append(others, up)...))
	r.set("stacks/checked/template.yaml", queue(name, 6))
	r.ends(name, r.push("all is well"), gitops.PhaseSucceeded)
	for check, result := range found(r.history(name)[0]) {
		if !strings.HasPrefix(result, "done true, passed true, tried 1: ") {
			t.Errorf("%s: %s", check, result)
		}
	}
	out, err := cloudFormation(t).DescribeStacks(t.Context(), &sdk.DescribeStacksInput{StackName: aws.String(name)})
	r.must(err)
	watching := out.Stacks[0].RollbackConfiguration.RollbackTriggers
	if len(watching) != 1 || !strings.HasSuffix(aws.ToString(watching[0].Arn), ":alarm:checked-errors") {
		t.Errorf("CloudFormation watches %v, want the alarm of the check", watching)
	}
}
