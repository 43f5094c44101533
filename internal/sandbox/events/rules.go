package events

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"

	"github.com/driftless-gitops/driftless/internal/sandbox/moto"
)

// rulesAge is how long rules are used without being read again. What changes them is seen
// to forget them, so this only bounds what went past the gateway.
const rulesAge = 30 * time.Second

// rule is an enabled rule, compiled.
type rule struct {
	name, arn  string
	pattern    *Pattern  // nil for a rule with a schedule only
	expression string    // the schedule's text, empty without
	schedule   *Schedule // nil without
	targets    []types.Target
}

// ruleBook reads rules from moto and keeps them for a while.
type ruleBook struct {
	motoURL string
	now     func() time.Time
	log     *slog.Logger

	changes atomic.Int64 // grows with every forget

	mu    sync.Mutex // held while reading, so that a burst of events reads once
	pages map[busName]page
}

type page struct {
	rules   []rule
	at      time.Time
	changes int64 // as they were before the rules were read
}

func newRuleBook(c Config) *ruleBook {
	return &ruleBook{motoURL: c.Moto, now: c.Now, log: c.Log, pages: map[busName]page{}}
}

// forget has every bus read again at its next use.
func (b *ruleBook) forget() { b.changes.Add(1) }

// of returns the enabled rules of a bus, none when there is no such bus. A rule whose
// pattern or schedule cannot be understood is left out and logged.
func (b *ruleBook) of(ctx context.Context, bus busName) ([]rule, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now, changes := b.now(), b.changes.Load()
	kept, ok := b.pages[bus]
	if ok && kept.changes == changes && now.Sub(kept.at) < rulesAge {
		return kept.rules, nil
	}
	rules, err := b.read(ctx, bus)
	if err != nil {
		return nil, fmt.Errorf("read rules of bus %s: %w", bus.name, err)
	}
	b.pages[bus] = page{rules, now, changes}
	return rules, nil
}

func (b *ruleBook) read(ctx context.Context, bus busName) ([]rule, error) {
	client := eventbridge.NewFromConfig(moto.Config(b.motoURL, bus.account, bus.region))
	in := &eventbridge.ListRulesInput{EventBusName: aws.String(bus.name)}
	var rules []rule
	for {
		out, err := client.ListRules(ctx, in)
		if missing := new(types.ResourceNotFoundException); errors.As(err, &missing) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		for _, r := range out.Rules {
			if r.State == types.RuleStateDisabled {
				continue
			}
			compiled, err := compile(r)
			if err != nil {
				b.log.Warn("rule not understood", "rule", aws.ToString(r.Name), "error", err)
				continue
			}
			if compiled.targets, err = readTargets(ctx, client, bus, compiled.name); err != nil {
				return nil, err
			}
			rules = append(rules, compiled)
		}
		if in.NextToken = out.NextToken; in.NextToken == nil {
			return rules, nil
		}
	}
}

func readTargets(ctx context.Context, client *eventbridge.Client, bus busName, name string) ([]types.Target, error) {
	in := &eventbridge.ListTargetsByRuleInput{EventBusName: aws.String(bus.name), Rule: aws.String(name)}
	var targets []types.Target
	for {
		out, err := client.ListTargetsByRule(ctx, in)
		if missing := new(types.ResourceNotFoundException); errors.As(err, &missing) {
			return nil, nil // the rule was removed after it was listed
		}
		if err != nil {
			return nil, fmt.Errorf("list targets of %s: %w", name, err)
		}
		targets = append(targets, out.Targets...)
		if in.NextToken = out.NextToken; in.NextToken == nil {
			return targets, nil
		}
	}
}

func compile(r types.Rule) (rule, error) {
	c := rule{name: aws.ToString(r.Name), arn: aws.ToString(r.Arn), expression: aws.ToString(r.ScheduleExpression)}
	if text := aws.ToString(r.EventPattern); text != "" {
		pattern, err := ParsePattern(text)
		if err != nil {
			return rule{}, err
		}
		c.pattern = pattern
	}
	if c.expression != "" {
		schedule, err := ParseSchedule(c.expression)
		if err != nil {
			return rule{}, err
		}
		c.schedule = &schedule
	}
	return c, nil
}
