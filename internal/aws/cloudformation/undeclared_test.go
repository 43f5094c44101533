package cloudformation

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/google/go-cmp/cmp"

	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

const groupType = "AWS::EC2::SecurityGroup"

// watched is an account whose detection ended: a queue, a group and a nested queue in sync, of
// which Cloud Control tells more than is declared. The work asks for that.
func watched(t *testing.T) (*account, reconcile.Work) {
	t.Helper()
	a := standing("UPDATE_COMPLETE")
	a.stack.Tags = []types.Tag{{Key: aws.String("team"), Value: aws.String("a")}}
	inner := a.nestStack("", "Inner", "UPDATE_COMPLETE")
	declare := func(d *types.StackResourceDrift, text string) { d.ExpectedProperties = &text }
	declare(a.put("", "Queue", queueType, "q-0", inSync), `{"DelaySeconds":5}`)
	declare(a.put("", "Zgroup", groupType, "sg-0", inSync), `{}`)
	declare(a.put(inner, "Queue", queueType, "q-1", inSync), `{}`)
	a.live = live{
		schemas: map[string]string{
			queueType: `{"properties":{},"readOnlyProperties":["/properties/Arn"],"primaryIdentifier":["/properties/QueueUrl"]}`,
			groupType: `{"properties":{},"primaryIdentifier":["/properties/Id"]}`,
		},
		properties: map[string]string{
			queueType + " q-0":  `{"DelaySeconds":5,"Arn":"arn","Tags":[{"Key":"team","Value":"a"}],"KmsMasterKeyId":"mine"}`,
			groupType + " sg-0": `{"SecurityGroupIngress":[{"IpProtocol":"tcp","FromPort":22,"ToPort":22,"CidrIp":"0.0.0.0/0"}]}`,
			queueType + " q-1":  `{"Arn":"arn"}`,
		},
	}
	w := work(gitops.OperationDetect)
	w.Settings.Drift.Undeclared = true
	w = mustStart(t, a.engine(), w)
	a.endDetections()
	return a, w
}

func TestWhatNoTemplateSaysIsReported(t *testing.T) {
	a, w := watched(t)
	s := mustObserve(t, a.engine(), w)
	want := []string{"NotCheckable Inner" + apart, "InSync Inner/Queue", "Modified Queue /KmsMasterKeyId", "Modified Zgroup /SecurityGroupIngress/0"}
	if diff := cmp.Diff(want, inShort(s.Report)); diff != "" || !s.Report.Complete || s.Report.Reason != "" {
		t.Errorf("complete %v, %q: %s", s.Report.Complete, s.Report.Reason, diff)
	}
	if got := s.Report.Resources[2].Properties[0]; got != (gitops.Difference{Path: "/KmsMasterKeyId", Live: "mine", Kind: gitops.Undeclared}) {
		t.Errorf("got %+v", got)
	}
	if got := strings.Join(a.live.asked, ", "); got != groupType+" sg-0, "+queueType+" q-1, "+queueType+" q-0" {
		t.Errorf("asked for %s", got)
	}
	if a.count("DescribeType") != 2 {
		t.Errorf("%d looks at types", a.count("DescribeType"))
	}
}

func TestWhatNoTemplateSaysIsLookedForOnlyWhereItIsAskedFor(t *testing.T) {
	a, w := watched(t)
	w.Settings.Drift.Undeclared = false
	if s := mustObserve(t, a.engine(), w); s.Report.Summary().Drifted != 0 || len(a.live.asked) != 0 {
		t.Errorf("asked for %v: %v", a.live.asked, inShort(s.Report))
	}
}

func TestWhatTheBaselineHasIsNotReported(t *testing.T) {
	const known = `{"resources":{"Queue":{"/KmsMasterKeyId":"mine"},"Zgroup":{"/SecurityGroupIngress":[{"IpProtocol":"tcp","FromPort":"22","ToPort":"22","CidrIp":"0.0.0.0/0"}]}}}`
	for name, c := range map[string]struct {
		files  map[string]string
		reason string
	}{
		"where it is there":                {map[string]string{"stacks/jobs/known.json": known}, ""},
		"and a missing one is told":        {map[string]string{}, "baseline stacks/jobs/known.json is not in the bundle: drift.baseline names a file below the application's path"},
		"and one that is no baseline is":   {map[string]string{"stacks/jobs/known.json": `{"resource":1}`}, `stacks/jobs/known.json: read baseline: json: unknown field "resource": it has the form {"resources": {"LogicalId": {"/Path": value}}}`},
		"and one in a bundle that is gone": {nil, "baseline stacks/jobs/known.json: the bundle of what is deployed is not kept"},
	} {
		t.Run(name, func(t *testing.T) {
			a, w := watched(t)
			w.Settings.Drift.Baseline = "known.json"
			w.Files = nil
			if c.files != nil {
				c.files["stacks/jobs/template.yaml"] = goodTemplate
				w.Files = filesOf(c.files)
			}
			r := mustObserve(t, a.engine(), w).Report
			if r.Summary().Drifted != 0 || r.Complete != (c.reason == "") {
				t.Errorf("complete %v: %v", r.Complete, inShort(r))
			}
			if c.files != nil && r.Reason != c.reason {
				t.Errorf("reason %q", r.Reason)
			}
		})
	}
}

func TestR52_AThrottledReadIsNotInSync(t *testing.T) {
	a, w := watched(t)
	a.fails["GetResource"] = []error{nil, apiError("ThrottlingException", "Rate exceeded")}
	r := mustObserve(t, a.engine(), w).Report
	want := "NotCheckable Inner/Queue: what no template says of it could not be read: Rate exceeded"
	if got := inShort(r)[1]; got != want || r.Complete || r.Reason != "Inner/Queue: what no template says of it could not be read: Rate exceeded" {
		t.Errorf("complete %v, %q: %s", r.Complete, r.Reason, got)
	}
	if got := inShort(r)[3]; got != "Modified Zgroup /SecurityGroupIngress/0" {
		t.Errorf("the others: %s", got)
	}
}

func TestADriftedResourceThatCannotBeReadStaysDrifted(t *testing.T) {
	a, w := watched(t)
	a.drifts[0].StackResourceDriftStatus, a.drifts[0].PropertyDifferences = modified, []types.PropertyDifference{unequal("/DelaySeconds", "5", "6")}
	a.fails["GetResource"] = []error{nil, nil, apiError("AccessDeniedException", "not authorized to perform: sqs:GetQueueAttributes")}
	if got := inShort(mustObserve(t, a.engine(), w).Report)[2]; got != "Modified Queue /DelaySeconds" {
		t.Error(got)
	}
}

func TestTypesThatCloudControlCannotReadAreNamedOnce(t *testing.T) {
	for _, code := range []string{"UnsupportedActionException", "TypeNotFoundException", "ResourceNotFoundException"} {
		a, w := watched(t)
		a.fails["GetResource"] = []error{nil, apiError(code, "no"), apiError(code, "no")}
		r := mustObserve(t, a.engine(), w).Report
		want := "what no template says was not looked for in " + queueType + ", which Cloud Control cannot read"
		if !r.Complete || r.Reason != want || r.Summary().InSync != 2 {
			t.Errorf("%s: complete %v, %q, %v", code, r.Complete, r.Reason, inShort(r))
		}
	}
	a, w := watched(t)
	delete(a.live.schemas, groupType)
	if r := mustObserve(t, a.engine(), w).Report; !strings.HasPrefix(r.Reason, "what no template says was not looked for in "+groupType) {
		t.Errorf("a type without a schema: %q", r.Reason)
	}
}

func TestAReadThatGotNoAnswerConcludesNothing(t *testing.T) {
	a, w := watched(t)
	a.fails["GetResource"] = []error{errLost}
	if s, err := a.engine().Observe(t.Context(), w); !errors.Is(err, errLost) || s.Report != nil {
		t.Errorf("got %+v, %v", s, err)
	}
}

func TestReadsAreASecondApartAndSoManyAtMost(t *testing.T) {
	a, w := watched(t)
	for i := range mostReads {
		d := a.put("", fmt.Sprintf("More%02d", i), queueType, fmt.Sprintf("m-%d", i), inSync)
		d.ExpectedProperties = aws.String(`{}`)
		a.live.properties[fmt.Sprintf("%s m-%d", queueType, i)] = `{}`
	}
	e, pauses := a.engine(), 0
	e.pause = func(_ context.Context, d time.Duration) error {
		if pauses++; d != time.Second {
			t.Errorf("a pause of %s", d)
		}
		return nil
	}
	r := mustObserve(t, e, w).Report
	if len(a.live.asked) != mostReads || pauses != mostReads-1 {
		t.Errorf("%d reads, %d pauses", len(a.live.asked), pauses)
	}
	if !r.Complete || r.Reason != "what no template says was not looked for in 3 more resources: one look reads 20" {
		t.Errorf("complete %v, reason %q", r.Complete, r.Reason)
	}
	e.pause = func(context.Context, time.Duration) error { return context.Canceled }
	if _, err := e.Observe(t.Context(), w); !errors.Is(err, context.Canceled) {
		t.Errorf("a step that ends meanwhile: %v", err)
	}
}

func TestOfSomeResourcesTheirNeighboursAreStillKnown(t *testing.T) {
	a, w := watched(t)
	d := a.put("", "Rule", "AWS::EC2::SecurityGroupIngress", "rule", inSync)
	d.ExpectedProperties = aws.String(`{"GroupId":"sg-0","IpProtocol":"tcp","FromPort":22,"ToPort":22,"CidrIp":"0.0.0.0/0"}`)
	w.Only, w.Operation.ID = []string{"Zgroup"}, ""
	w = mustStart(t, a.engine(), w)
	a.endDetections()
	if diff := cmp.Diff([]string{"InSync Zgroup"}, inShort(mustObserve(t, a.engine(), w).Report)); diff != "" {
		t.Error(diff)
	}
}
