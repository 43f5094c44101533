package cloudformation

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/driftless-gitops/driftless/internal/aws/cloudwatch"
	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/packaging"
	"github.com/driftless-gitops/driftless/internal/reconcile"
	"github.com/driftless-gitops/driftless/internal/template"
)

// siren is CloudWatch with alarms in states, by name; those of which the name begins with "all"
// are composite.
type siren map[string]string

var errSilent = errors.New("no answer")

func (s siren) Find(_ context.Context, _ reconcile.Work, names []string) (map[string]cloudwatch.Alarm, error) {
	found := map[string]cloudwatch.Alarm{}
	for _, asked := range names {
		name := asked[strings.LastIndex(asked, ":")+1:]
		if s == nil {
			return nil, errSilent
		}
		if state, there := s[name]; there {
			found[asked] = cloudwatch.Alarm{Name: name, ARN: alarmARN + name, State: state, Composite: strings.HasPrefix(name, "all")}
		}
	}
	return found, nil
}

const alarmARN = "arn:aws:cloudwatch:eu-west-1:111122223333:alarm:"

// guardedBy is the work of a plan of an application with checks of alarms.
func guardedBy(names ...string) reconcile.Work {
	w := work(gitops.OperationPlan)
	w.Settings.Verify.Checks = []gitops.Check{{Name: "web", HTTP: &gitops.HTTPCheck{URL: "https://example.com"}}}
	for _, name := range names {
		w.Settings.Verify.Checks = append(w.Settings.Verify.Checks, gitops.Check{Name: name, Alarm: name})
	}
	return w
}

// handed is what CloudFormation was handed to watch, in one line; "nothing" where it was left out.
func handed(c *types.RollbackConfiguration) string {
	if c == nil {
		return "nothing"
	}
	line := fmt.Sprintf("%d min", aws.ToInt32(c.MonitoringTimeInMinutes))
	if c.RollbackTriggers == nil {
		return line + " and what was saved"
	}
	for _, t := range c.RollbackTriggers {
		line += " " + strings.TrimPrefix(aws.ToString(t.Arn), alarmARN) + " " + strings.TrimPrefix(aws.ToString(t.Type), "AWS::CloudWatch::")
	}
	return line
}

func TestAlarmsOfChecksAreHandedToCloudFormation(t *testing.T) {
	saved := &types.RollbackConfiguration{MonitoringTimeInMinutes: aws.Int32(0), RollbackTriggers: []types.RollbackTrigger{{Arn: aws.String(alarmARN + "old"), Type: aws.String("AWS::CloudWatch::Alarm")}}}
	for name, c := range map[string]struct {
		alarms  siren
		checks  []string
		kind    gitops.Kind
		monitor int64
		saved   *types.RollbackConfiguration
		want    string
	}{
		"by ARN and type":          {siren{"errors": "OK", "all-of-it": "OK"}, []string{"errors", "all-of-it"}, gitops.KindDeploy, 0, nil, "0 min errors Alarm all-of-it CompositeAlarm"},
		"each once":                {siren{"errors": "OK"}, []string{"errors", "errors"}, gitops.KindDeploy, 0, nil, "0 min errors Alarm"},
		"in place of saved ones":   {siren{"errors": "OK"}, []string{"errors"}, gitops.KindDeploy, 0, saved, "0 min errors Alarm"},
		"for whole minutes":        {siren{"errors": "OK"}, []string{"errors"}, gitops.KindDeploy, 330, nil, "5 min errors Alarm"},
		"for three hours at most":  {siren{"errors": "OK"}, []string{"errors"}, gitops.KindDeploy, 100000, nil, "180 min errors Alarm"},
		"with too little data too": {siren{"errors": "INSUFFICIENT_DATA"}, []string{"errors"}, gitops.KindDeploy, 0, nil, "0 min errors Alarm"},
		"not in ALARM, which a deployment may be there to end": {siren{"errors": "ALARM", "age": "OK"}, []string{"errors", "age"}, gitops.KindDeploy, 60, nil, "1 min age Alarm"},
		"nor waited for where there is none left":              {siren{"errors": "ALARM"}, []string{"errors"}, gitops.KindDeploy, 60, nil, "nothing"},
		"not for a rollback":                                   {siren{"errors": "OK"}, []string{"errors"}, gitops.KindRollback, 60, nil, "nothing"},
		"nor for a heal, and saved ones are taken away":        {siren{"errors": "OK"}, []string{"errors"}, gitops.KindHeal, 60, saved, "0 min"},
		"saved ones are taken away with the check":             {siren{}, nil, gitops.KindDeploy, 0, saved, "0 min"},
		"a saved time too":                                     {siren{}, nil, gitops.KindDeploy, 0, &types.RollbackConfiguration{MonitoringTimeInMinutes: aws.Int32(9)}, "0 min"},
		"of nothing saved nothing is said":                     {siren{}, nil, gitops.KindDeploy, 60, &types.RollbackConfiguration{}, "nothing"},
		"but one that the template makes":                      {siren{"age": "OK"}, []string{"Queue", "age"}, gitops.KindDeploy, 0, nil, "0 min age Alarm"},
	} {
		t.Run(name, func(t *testing.T) {
			a := standing("CREATE_COMPLETE")
			a.stack.RollbackConfiguration = c.saved
			e := a.engine()
			e.alarms = c.alarms
			w := guardedBy(c.checks...)
			w.Kind, w.Settings.Verify.MonitorSeconds = c.kind, c.monitor
			mustStart(t, e, w)
			if got := handed(a.created.RollbackConfiguration); got != c.want {
				t.Errorf("handed %s, want %s", got, c.want)
			}
		})
	}
}

func TestAnAlarmThatIsMissingIsRefusedByItsName(t *testing.T) {
	for name, c := range map[string]struct {
		account *account
		checks  []string
		want    string
	}{
		"of a stack that is there": {standing("CREATE_COMPLETE"), []string{"errors", "gone"}, "verify: alarm gone is not there in 111122223333 eu-west-1"},
		"of a new one":             {newAccount(), []string{"gone"}, "verify: alarm gone is not there in 111122223333 eu-west-1"},
		"six of them":              {newAccount(), []string{"1", "2", "3", "4", "5", "6"}, "verify has checks of 6 alarms; CloudFormation watches at most 5"},
	} {
		t.Run(name, func(t *testing.T) {
			e := c.account.engine()
			e.alarms = siren{"errors": "OK"}
			if r := refusal(t, e, guardedBy(c.checks...)); !strings.HasPrefix(r.Reason, c.want) || r.Blocked {
				t.Errorf("refused with %+v, want %q", r, c.want)
			}
			if slices.Contains(c.account.calls, "CreateChangeSet") {
				t.Error("a change set was created")
			}
		})
	}
}

func TestAnAlarmOfTheTemplateIsKnownByItsName(t *testing.T) {
	const body = "AlarmName: jobs-errors\nAlarmName: !Sub ${AWS::StackName}-age\n{\"Fn::Sub\": \"${AWS::Region}.${AWS::AccountId}\"}\n!Sub ${Stage}-canary\n"
	want := packaging.Prepared{Template: []byte(body), Values: template.Values{Parameters: map[string]string{"Stage": "v2"}}}
	for alarm, known := range map[string]bool{
		"jobs-errors": true, "prod-jobs-age": true, "eu-west-1.111122223333": true, "v2-canary": true, alarmARN + "jobs-errors": true,
		"jobs-error-rate": false, "prod-age": false, "v3-canary": false, alarmARN + "age-prod": false,
	} {
		if got := made(want, guardedBy(), alarm); got != known {
			t.Errorf("%s: %t, want %t", alarm, got, known)
		}
	}
}

func TestWhereAlarmsCannotBeReadNothingIsPlanned(t *testing.T) {
	a := standing("CREATE_COMPLETE")
	e := a.engine()
	e.alarms = siren(nil)
	_, err := e.Start(t.Context(), guardedBy("errors"))
	var r *gitops.Refusal
	if !errors.Is(err, errSilent) || errors.As(err, &r) || slices.Contains(a.calls, "CreateChangeSet") {
		t.Errorf("got %v after %v", err, a.calls)
	}
	if diff := cmp.Diff([]string{"DescribeStacks"}, a.calls, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
}
