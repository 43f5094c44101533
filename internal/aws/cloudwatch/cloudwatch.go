// Package cloudwatch tells of CloudWatch alarms in which state they are: as a check of verify,
// and for CloudFormation's rollback triggers, which have to name alarms that are there, each by
// its ARN and its type.
//
// It reads alarms, with the rights that its caller gives it, and changes none.
package cloudwatch

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"

	"github.com/driftless-gitops/driftless/internal/aws/jsonrpc"
	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

// The states of an alarm (DescribeAlarms, API reference, StateValue).
const (
	StateOK           = "OK"
	StateAlarm        = "ALARM"
	StateInsufficient = "INSUFFICIENT_DATA"
)

// Alarm is an alarm as it is right now.
type Alarm struct {
	Name      string `json:"AlarmName"`
	ARN       string `json:"AlarmArn"`
	State     string `json:"StateValue"`
	Why       string `json:"StateReason"`
	Composite bool   `json:"-"` // made of other alarms
}

// Alarms looks alarms up. It is safe for concurrent use.
type Alarms struct {
	config func(context.Context, reconcile.Work) (aws.Config, error)
	now    func() time.Time
	http   aws.HTTPClient
}

var _ reconcile.Checker = (*Alarms)(nil)

// New returns what looks alarms up in a work's account and region, with the rights that config
// returns. now is the time that signatures carry.
func New(config func(context.Context, reconcile.Work) (aws.Config, error), now func() time.Time) *Alarms {
	return &Alarms{config, now, awshttp.NewBuildableClient()}
}

// Check passes where the alarm is OK. One that is not there, or is of another account or region,
// is final; one with too little data has failed the attempt, as one in ALARM has: it may have
// enough at the next.
func (a *Alarms) Check(ctx context.Context, w reconcile.Work, c gitops.Check, _ map[string]string) (gitops.Verdict, error) {
	found, err := a.Find(ctx, w, []string{c.Alarm})
	var refusal *gitops.Refusal
	switch {
	case errors.As(err, &refusal):
		return gitops.Verdict{Final: true, Reason: refusal.Reason}, nil
	case err != nil:
		return gitops.Verdict{}, err
	}
	alarm, there := found[c.Alarm]
	if !there {
		return gitops.Verdict{Final: true, Reason: Missing(w, c.Alarm)}, nil
	}
	is := fmt.Sprintf("alarm %s is %s", alarm.Name, alarm.State)
	switch alarm.State {
	case StateOK:
		return gitops.Verdict{Passed: true, Reason: is}, nil
	case StateAlarm, StateInsufficient:
		if alarm.Why != "" {
			is += " (" + alarm.Why + ")"
		}
		return gitops.Verdict{Reason: is + ", want " + StateOK}, nil
	}
	return gitops.Verdict{}, fmt.Errorf("%s, which is not known to this version", is)
}

// Missing says that an alarm is not there, and where.
func Missing(w reconcile.Work, alarm string) string {
	to := w.Settings.Target
	return fmt.Sprintf("alarm %s is not there in %s %s", alarm, to.Account, to.Region)
}

// Find returns those of the alarms that are there, metric and composite ones, by what each was
// asked for as: its name or its ARN. A *gitops.Refusal names one that is of another account or
// region. At most a hundred may be asked for (DescribeAlarms, API reference, AlarmNames).
func (a *Alarms) Find(ctx context.Context, w reconcile.Work, alarms []string) (map[string]Alarm, error) {
	names := make([]string, len(alarms))
	for i, asked := range alarms {
		var err error
		if names[i], err = nameOf(asked, w.Settings.Target); err != nil {
			return nil, err
		}
	}
	cfg, err := a.config(ctx, w)
	if err != nil {
		return nil, fmt.Errorf("enter account %s: %w", w.Settings.Target.Account, err)
	}
	if cfg.HTTPClient == nil {
		cfg.HTTPClient = a.http
	}
	var out struct{ MetricAlarms, CompositeAlarms []Alarm }
	in := map[string]any{"AlarmNames": names, "AlarmTypes": types}
	if err := jsonrpc.New(cfg, jsonrpc.CloudWatch, a.now).Call(ctx, cfg.Region, "DescribeAlarms", in, &out); err != nil {
		return nil, translate("describe alarms "+strings.Join(names, ", "), err)
	}
	for i := range out.CompositeAlarms {
		out.CompositeAlarms[i].Composite = true
	}
	found := map[string]Alarm{}
	for _, alarm := range slices.Concat(out.MetricAlarms, out.CompositeAlarms) {
		for i, name := range names {
			if name == alarm.Name {
				found[alarms[i]] = alarm
			}
		}
	}
	return found, nil
}

// types are asked for by name: without, composite alarms are left out (DescribeAlarms, API
// reference, AlarmTypes).
var types = []string{"MetricAlarm", "CompositeAlarm"}

// nameOf returns an alarm's name, which is all that DescribeAlarms takes, and refuses an ARN of
// another account or region: arn:PARTITION:cloudwatch:REGION:ACCOUNT:alarm:NAME.
func nameOf(asked string, to gitops.Target) (string, error) {
	if !strings.HasPrefix(asked, "arn:") {
		return asked, nil
	}
	parts := strings.SplitN(asked, ":", 7)
	if len(parts) < 7 || parts[2] != "cloudwatch" || parts[5] != "alarm" {
		return "", &gitops.Refusal{Reason: fmt.Sprintf("alarm %s is no ARN of an alarm: arn:aws:cloudwatch:%s:%s:alarm:NAME", asked, to.Region, to.Account)}
	}
	if parts[3] != to.Region || parts[4] != to.Account {
		return "", &gitops.Refusal{Reason: fmt.Sprintf("alarm %s is of another account or region than the application, which goes to %s %s", asked, to.Account, to.Region)}
	}
	return parts[6], nil
}

// denials are the codes of answers that stay the same until a person acts.
var denials = []string{"AccessDenied", "AccessDeniedException", "UnrecognizedClientException", "InvalidClientTokenId", "OptInRequired"}

// translate says what an error of AWS means; what is left is transient, or unknown.
func translate(doing string, err error) error {
	var answer smithy.APIError
	if errors.As(err, &answer) && slices.Contains(denials, answer.ErrorCode()) {
		return fmt.Errorf("%s: %w: %s", doing, reconcile.ErrDenied, answer.ErrorMessage())
	}
	return fmt.Errorf("%s: %w", doing, err)
}
