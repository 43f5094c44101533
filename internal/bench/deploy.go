package bench

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/sandbox/cloudformation"
)

// slow is an engine that takes thirteen seconds.
var slow = cloudformation.Timing{ChangeSet: 3 * time.Second, Stack: 10 * time.Second}

// deploys measures G5: from the end of a push to the end of Applying, beside "aws
// cloudformation deploy" of the same template with the same change, in the same sandbox.
func (b *bench) deploys(ctx context.Context) error {
	s, err := b.open(ctx)
	if err != nil {
		return err
	}
	d := &deploying{stage: s, file: filepath.Join(b.scratch, "template.yaml")}
	if err := d.create(ctx); err != nil {
		return err
	}
	if err := b.deploysAtOnce(ctx, d); err != nil {
		return err
	}
	return b.deploysSlowly(ctx, d)
}

// deploysAtOnce compares where CloudFormation takes no time.
func (b *bench) deploysAtOnce(ctx context.Context, d *deploying) error {
	ours, peer := d.contenders()
	if err := b.interleave(ctx, b.n(), ours, peer); err != nil {
		return err
	}
	b.add(Row{Goal: "G5", What: "end of push to end of Applying, an engine of no time; aws cloudformation deploy", Ours: ours.millis(), Peer: peer.millis(), Limit: Ratio(0.5), Runs: runs(ours, peer)})
	b.add(d.hops()...)
	return nil
}

// deploysSlowly compares where it takes thirteen seconds.
func (b *bench) deploysSlowly(ctx context.Context, d *deploying) error {
	d.stage.Sandbox.SetTiming(slow)
	defer d.stage.Sandbox.SetTiming(cloudformation.Timing{})
	ours, peer := d.contenders()
	if err := b.interleave(ctx, b.n(), ours, peer); err != nil {
		return err
	}
	engine := Quantity{float64(slow.ChangeSet+slow.Stack) / 1e6, "ms"}
	b.add(
		Row{Goal: "G5", What: "the same, change set 3 s and stack 10 s; the engine alone", Ours: ours.millis(), Peer: engine, Limit: Ratio(1.08), Runs: runs(ours, ours)},
		Row{Goal: "G5", What: "calls to CloudFormation, but for those of verify; aws cloudformation deploy", Ours: ours.requests(), Peer: peer.requests(), Limit: AtMost(20), Runs: runs(ours, peer)},
		Row{Goal: "G5", What: "aws cloudformation deploy; the engine alone", Ours: peer.millis(), Peer: engine, Runs: runs(peer, peer)},
	)
	b.add(d.hops()...)
	return nil
}

// deploying is the stack that both deploy, each under its own name.
type deploying struct {
	stage *stage
	file  string // of the peer's template
	seen  []seen // since hops were last told
}

// seen is where the time of one deployment went.
type seen struct {
	push       pushed
	deployment gitops.Deployment
}

// create makes both stacks.
func (d *deploying) create(ctx context.Context) error {
	d.stage.Sandbox.SetTiming(cloudformation.Timing{})
	if err := d.stage.add(ctx, "ours"); err != nil {
		return err
	}
	_, err := d.peer(ctx)
	return err
}

func (d *deploying) contenders() (ours, peer *contender) {
	d.seen = nil
	return &contender{name: "driftless", run: d.ours}, &contender{name: "aws cloudformation deploy", run: d.peer}
}

// ours pushes a change and waits for its end; the time is that up to the end of Applying.
func (d *deploying) ours(ctx context.Context) (usage, error) {
	if err := d.stage.edit("ours"); err != nil {
		return usage{}, err
	}
	d.stage.Sandbox.Calls()
	p, err := d.stage.push(ctx, fmt.Sprintf("change %d", d.stage.edits))
	if err != nil {
		return usage{}, err
	}
	deployment, err := d.stage.ended(ctx, "ours", p.commit)
	if err != nil {
		return usage{}, err
	}
	d.seen = append(d.seen, seen{p, deployment})
	calls, _ := d.stage.calls()
	return usage{wall: began(deployment, gitops.PhaseVerifying).Sub(p.at), requests: int(calls)}, nil
}

// peer deploys the same change with the AWS command line.
func (d *deploying) peer(ctx context.Context) (usage, error) {
	d.stage.edits++
	if err := os.WriteFile(d.file, []byte(template("peer", d.stage.edits)), 0o600); err != nil {
		return usage{}, fmt.Errorf("write template: %w", err)
	}
	// The command line names a change set by the second: two in one second are one too many.
	if err := wait(ctx, time.Until(time.Now().Truncate(time.Second).Add(time.Second))); err != nil {
		return usage{}, err
	}
	d.stage.Sandbox.Calls()
	_, u, err := program{env: d.stage.Sandbox.Env(),
		args: []string{"aws", "cloudformation", "deploy", "--stack-name", "peer", "--template-file", d.file}}.do(ctx)
	_, calls := d.stage.calls()
	u.requests = int(calls)
	return u, err
}

// hops says where the time went, as medians.
func (d *deploying) hops() []Row {
	between := func(what string, from, to func(seen) time.Time) Row {
		var all []time.Duration
		for _, s := range d.seen {
			all = append(all, to(s).Sub(from(s)))
		}
		return Row{Goal: "G5", What: "- " + what, Ours: Quantity{float64(median(all)) / 1e6, "ms"}, Runs: fmt.Sprint(len(all))}
	}
	at := func(p gitops.Phase) func(seen) time.Time {
		return func(s seen) time.Time { return began(s.deployment, p) }
	}
	end := func(s seen) time.Time { return s.push.at }
	return []Row{
		between("the push itself, before the clock starts", func(s seen) time.Time { return s.push.at.Add(-s.push.took) }, end),
		between("end of push to the revision being wanted (event, trigger, queue, look)", end, func(s seen) time.Time { return s.deployment.StartedAt }),
		between("Pending", at(gitops.PhasePending), at(gitops.PhasePlanning)),
		between("Planning", at(gitops.PhasePlanning), at(gitops.PhaseApplying)),
		between("Applying", at(gitops.PhaseApplying), at(gitops.PhaseVerifying)),
		between("Verifying, after the clock stopped", at(gitops.PhaseVerifying), func(s seen) time.Time { return s.deployment.EndedAt }),
	}
}

// template is a small stack: two queues, a topic, a parameter and a table, of which the
// parameter and a queue change with every edit.
func template(name string, edit int) string {
	return fmt.Sprintf(`Resources:
  Work:
    Type: AWS::SQS::Queue
    Properties:
      QueueName: %[1]s-work
      VisibilityTimeout: %[2]d
      RedrivePolicy: { deadLetterTargetArn: !GetAtt Dead.Arn, maxReceiveCount: 5 }
  Dead:
    Type: AWS::SQS::Queue
    Properties: { QueueName: %[1]s-dead }
  Alerts:
    Type: AWS::SNS::Topic
    Properties: { TopicName: %[1]s-alerts }
  Edit:
    Type: AWS::SSM::Parameter
    Properties: { Name: /bench/%[1]s, Type: String, Value: "%[2]d" }
  Table:
    Type: AWS::DynamoDB::Table
    Properties:
      TableName: %[1]s-table
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{ AttributeName: id, AttributeType: S }]
      KeySchema: [{ AttributeName: id, KeyType: HASH }]
`, name, edit%40000)
}
