package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// id returns the logical id of the function, queue or bus of a name.
func (t template) id(name string) string {
	for id, r := range t.Resources {
		for _, property := range []string{"FunctionName", "QueueName", "Name"} {
			if r.Properties[property] == name && r.Type != "AWS::Lambda::EventInvokeConfig" {
				return id
			}
		}
	}
	return ""
}

// only returns the logical id of the one resource of a type.
func (t template) only(kind string) string {
	for id := range t.of(kind) {
		return id
	}
	return ""
}

// dead returns the logical id of the dead-letter queue of events.
func (t template) dead() string {
	for id, q := range t.of("AWS::SQS::Queue") {
		if q.Properties["QueueName"] == nil {
			return id
		}
	}
	return ""
}

// pattern returns that of the rule which listens to a source.
func (t template) pattern(source string) string {
	for _, r := range t.of("AWS::Events::Rule") {
		if p := r.Properties["EventPattern"]; p != nil && strings.Contains(text(p), `"`+source+`"`) {
			return text(p)
		}
	}
	return ""
}

func TestEventsThatWakeTheTrigger(t *testing.T) {
	want := map[string]int{
		`{"detail-type":["CodeCommit Repository State Change"],"source":["aws.codecommit"]}`:                                                                                                                             1,
		`{"detail-type":["CloudFormation Stack Status Change"],"source":["aws.cloudformation"]}`:                                                                                                                         1,
		`{"detail":{"status-details":{"detection-status":["DETECTION_COMPLETE","DETECTION_FAILED"]}},"detail-type":["CloudFormation Drift Detection Status Change"],"source":["aws.cloudformation"]}`:                    1,
		`{"detail":{"build-status":["SUCCEEDED","FAILED","FAULT","TIMED_OUT","STOPPED"],"project-name":["driftless-plan","driftless-apply"]},"detail-type":["CodeBuild Build State Change"],"source":["aws.codebuild"]}`: 1,
		`inbound {"detail-type":["CodeCommit Repository State Change"],"source":["aws.codecommit"]}`:                                                                                                                     1,
		`inbound {"detail-type":["CloudFormation Stack Status Change"],"source":["aws.cloudformation"]}`:                                                                                                                 1,
		`inbound {"detail":{"status-details":{"detection-status":["DETECTION_COMPLETE","DETECTION_FAILED"]}},"detail-type":["CloudFormation Drift Detection Status Change"],"source":["aws.cloudformation"]}`:            1,
	}
	changes := synthesised.far.pattern("aws.sqs")
	if names := strings.Count(changes, `{"prefix":`); names < 50 || len(changes) > 2048 || !strings.Contains(changes, `"invokedBy":[{"exists":false},{"anything-but":"cloudformation.amazonaws.com"}]`) {
		t.Errorf("the pattern of changes has %d names and %d characters, of 2048 that EventBridge takes: %s", names, len(changes), changes)
	}
	want[changes], want["inbound "+changes] = 1, 1
	got := map[string]int{}
	trigger, inbound := synthesised.far.id("driftless-trigger"), synthesised.far.id("driftless-inbound")
	for id, r := range synthesised.far.of("AWS::Events::Rule") {
		if r.Properties["EventPattern"] == nil {
			continue
		}
		pattern := text(r.Properties["EventPattern"])
		if bus := r.Properties["EventBusName"]; bus != nil {
			if text(bus) != "${"+inbound+"}" {
				t.Errorf("%s listens on %s", id, text(bus))
			}
			pattern = "inbound " + pattern
		}
		got[pattern]++
		if arn := r.target()["Arn"]; text(arn) != "${"+trigger+".Arn}" {
			t.Errorf("%s wakes %s", id, text(arn))
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestSchedules(t *testing.T) {
	got := map[string]string{}
	sweeper := synthesised.usual.id("driftless-sweeper")
	for id, r := range synthesised.usual.of("AWS::Events::Rule") {
		if schedule := r.Properties["ScheduleExpression"]; schedule != nil {
			got[text(schedule)] = text(r.target()["Input"])
			if arn := r.target()["Arn"]; text(arn) != "${"+sweeper+".Arn}" || r.Properties["State"] != "ENABLED" {
				t.Errorf("%s wakes %s", id, text(arn))
			}
		}
	}
	want := map[string]string{"rate(1 minute)": `{"sweep":"unfinished"}`, "rate(5 minutes)": `{"sweep":"repositories"}`}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// target returns a rule's one target.
func (r resource) target() map[string]any { return r.Properties["Targets"].([]any)[0].(map[string]any) }

func TestEveryHopHasADeadLetterQueue(t *testing.T) {
	for name, made := range map[string]template{"usual": synthesised.usual, "far": synthesised.far} {
		dead := "${" + made.dead() + ".Arn}"
		invoked := map[string]bool{}
		policies := ""
		for _, p := range made.of("AWS::SQS::QueuePolicy") {
			policies += text(p.Properties["PolicyDocument"])
		}
		for id, r := range made.of("AWS::Events::Rule") {
			if len(r.Properties["Targets"].([]any)) != 1 {
				t.Errorf("%s: %s has several targets", name, id)
			}
			target := r.target()
			config, _ := target["DeadLetterConfig"].(map[string]any)
			if text(config["Arn"]) != dead || text(target["RetryPolicy"]) != `{"MaximumEventAgeInSeconds":3600,"MaximumRetryAttempts":8}` {
				t.Errorf("%s: %s loses what it cannot hand over: %v", name, id, target)
			}
			if !strings.Contains(policies, `"aws:SourceArn":{"Fn::GetAtt":["`+id+`","Arn"]}`) {
				t.Errorf("%s: the dead-letter queue takes nothing from %s", name, id)
			}
			invoked[strings.TrimSuffix(strings.TrimPrefix(text(target["Arn"]), "${"), ".Arn}")] = true
		}
		for _, c := range made.of("AWS::Lambda::EventInvokeConfig") {
			f := strings.Trim(text(c.Properties["FunctionName"]), "${}")
			if !strings.Contains(text(c.Properties["DestinationConfig"]), `"OnFailure":{"Destination":{"Fn::GetAtt":["`+made.dead()+`"`) {
				t.Errorf("%s: %s loses what fails", name, f)
			}
			delete(invoked, f)
		}
		for f := range invoked {
			t.Errorf("%s: %s is invoked by a rule and has nowhere to send what fails", name, f)
		}
		for id, q := range made.of("AWS::SQS::Queue") {
			if id != made.dead() && !strings.HasSuffix(q.Properties["QueueName"].(string), "-dlq.fifo") && q.Properties["RedrivePolicy"] == nil {
				t.Errorf("%s: queue %s has no dead-letter queue", name, id)
			}
		}
	}
}

func TestWorkIsQueuedPerWhatToLookAt(t *testing.T) {
	got := synthesised.usual.Resources[synthesised.usual.id("driftless-work.fifo")].Properties
	want := map[string]any{
		"QueueName": "driftless-work.fifo", "FifoQueue": true, "ContentBasedDeduplication": false, "DeduplicationScope": "messageGroup",
		"FifoThroughputLimit": "perMessageGroupId", "MessageRetentionPeriod": 3600.0, "VisibilityTimeout": 90.0, "SqsManagedSseEnabled": true,
		"RedrivePolicy": map[string]any{"maxReceiveCount": 5.0, "deadLetterTargetArn": map[string]any{"Fn::GetAtt": []any{synthesised.usual.id("driftless-work-dlq.fifo"), "Arn"}}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestTheInboundBusIsThereForOtherAccountsAlone(t *testing.T) {
	if id := synthesised.usual.id("driftless-inbound"); id != "" {
		t.Error("there is an inbound bus, and nobody to forward to it")
	}
	policies := synthesised.far.of("AWS::Events::EventBusPolicy")
	if len(policies) != 1 {
		t.Fatalf("%d bus policies; want the inbound bus's alone", len(policies))
	}
	for _, p := range policies {
		want := `{"Action":"events:PutEvents","Effect":"Allow","Principal":{"AWS":["222233334444"]},"Resource":{"Fn::GetAtt":["` + synthesised.far.id("driftless-inbound") + `","Arn"]},"Sid":"targets"}`
		if diff := cmp.Diff(want, text(p.Properties["Statement"])); diff != "" {
			t.Error(diff)
		}
	}
}

func TestOneAlarmWatchesEveryDeadLetterQueue(t *testing.T) {
	alarms := synthesised.usual.of("AWS::CloudWatch::Alarm")
	if len(alarms) != 1 {
		t.Fatalf("%d alarms", len(alarms))
	}
	watched := text(alarms[synthesised.usual.only("AWS::CloudWatch::Alarm")].Properties["Metrics"])
	for _, id := range []string{synthesised.usual.dead(), synthesised.usual.id("driftless-work-dlq.fifo")} {
		if !strings.Contains(watched, `"Fn::GetAtt":["`+id+`","QueueName"]`) {
			t.Errorf("nobody watches %s", id)
		}
	}
	if !strings.Contains(watched, `"Expression":"q0 + q1"`) {
		t.Errorf("the alarm is not over the sum: %s", watched)
	}
}

func TestNothingIsPublicButTheWebhook(t *testing.T) {
	made := synthesised.far
	webhook := made.id("driftless-webhook")
	open := 0
	for id, u := range made.of("AWS::Lambda::Url") {
		if u.Properties["AuthType"] == "AWS_IAM" {
			continue
		}
		open++
		if text(u.Properties["TargetFunctionArn"]) != "${"+webhook+".Arn}" {
			t.Errorf("%s is open to everybody", id)
		}
	}
	if open != 1 {
		t.Errorf("%d open addresses; want the webhook's", open)
	}
	for id, p := range made.of("AWS::Lambda::Permission") {
		if p.Properties["Principal"] == "*" && text(p.Properties["FunctionName"]) != "${"+webhook+".Arn}" {
			t.Errorf("%s lets everybody call %s", id, text(p.Properties["FunctionName"]))
		}
	}
	for id, p := range made.Resources {
		if !strings.HasSuffix(p.Type, "Policy") || p.Properties["PolicyDocument"] == nil {
			continue
		}
		for _, s := range statements(p.Properties["PolicyDocument"]) {
			if s["Effect"] == "Allow" && strings.Contains(text(s["Principal"]), "*") {
				t.Errorf("%s lets everybody: %v", id, s)
			}
		}
	}
}

func TestTheAPIHasTwoSignedAddresses(t *testing.T) {
	made, got := synthesised.usual, map[string]string{}
	for _, u := range made.of("AWS::Lambda::Url") {
		if q := u.Properties["Qualifier"]; q != nil {
			got[text(q)] = text(u.Properties["AuthType"]) + " " + text(u.Properties["TargetFunctionArn"])
		}
	}
	api := "AWS_IAM ${" + made.id("driftless-api") + ".Arn}"
	if diff := cmp.Diff(map[string]string{"read": api, "write": api}, got); diff != "" {
		t.Error(diff)
	}
	var aliases []string
	for _, a := range made.of("AWS::Lambda::Alias") {
		aliases = append(aliases, text(a.Properties["Name"]))
	}
	if slices.Sort(aliases); !slices.Equal(aliases, []string{"read", "write"}) {
		t.Errorf("aliases %v", aliases)
	}
	for _, output := range []string{"ApiUrl", "ApiWriteUrl", "WebhookUrl", "TableName", "BusName", "ExternalId", "DataBucket", "StateBucket", "ReconcilerRoleArn", "PlanBuildRoleArn", "ApplyBuildRoleArn"} {
		if made.Outputs[output] == nil {
			t.Errorf("no output %s", output)
		}
	}
	if synthesised.far.Outputs["InboundBusArn"] == nil {
		t.Error("no output InboundBusArn for templates/target-events.yaml")
	}
}
