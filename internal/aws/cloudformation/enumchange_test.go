package cloudformation

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

// TestEveryActionOfAChangeIsKnown: a value that is not known makes the plan unreadable. One
// that left out what it does not understand would be approved for what it is not.
func TestEveryActionOfAChangeIsKnown(t *testing.T) {
	var out strings.Builder
	in := []string{"in the plan"}
	change := func(r types.ResourceChange) []string {
		c, err := changeOf(r, nil)
		return []string{said(string(c.Action), err)}
	}
	enum[types.ChangeAction]{values: types.ChangeAction("").Values(), columns: in,
		row: func(_ *testing.T, v types.ChangeAction) []string { return change(types.ResourceChange{Action: v}) }}.write(t, &out)
	enum[types.Replacement]{values: types.Replacement("").Values(), columns: in,
		row: func(_ *testing.T, v types.Replacement) []string {
			return change(types.ResourceChange{Action: types.ChangeActionModify, Replacement: v})
		}}.write(t, &out)
	enum[types.PolicyAction]{values: types.PolicyAction("").Values(), columns: []string{"the resource stays"},
		row: func(_ *testing.T, v types.PolicyAction) []string {
			c, err := changeOf(types.ResourceChange{Action: types.ChangeActionRemove, PolicyAction: v}, nil)
			return []string{said(yes(c.Keeps), err)}
		}}.write(t, &out)
	enum[types.RequiresRecreation]{values: types.RequiresRecreation("").Values(), columns: []string{"the stronger one beside Conditionally"},
		row: func(_ *testing.T, v types.RequiresRecreation) []string {
			p, err := properties([]types.ResourceChangeDetail{{Target: target("/P", "1", "2", types.RequiresRecreationConditionally)},
				{Target: target("/P", "1", "2", v)}}, nil)
			if err != nil {
				return []string{said("", err)}
			}
			return []string{p[0].Recreates}
		}}.write(t, &out)
	enum[types.BeforeValueFrom]{values: types.BeforeValueFrom("").Values(), columns: []string{"the value before is"},
		row: func(_ *testing.T, v types.BeforeValueFrom) []string {
			p, err := propertyOf(types.ResourceTargetDefinition{BeforeValue: aws.String("1"), BeforeValueFrom: v})
			if p.Live != "" {
				return []string{said("live", err)}
			}
			return []string{said("last deployed", err)}
		}}.write(t, &out)
	enum[types.ChangeType]{values: types.ChangeType("").Values(), columns: []string{"of a change"},
		row: func(t *testing.T, v types.ChangeType) []string {
			a := standing("CREATE_COMPLETE")
			w := planned(t, a)
			w.Operation.Kind = "plan"
			if a.sets[token].Changes[0].Type = v; v == invented {
				a.sets[token].Changes[0].ResourceChange = nil
			}
			return []string{state(a.engine().Observe(t.Context(), w))}
		}}.write(t, &out)
	golden(t, "change.golden", out.String())
}

func TestR29c_EveryStatusOfAResourceHasItsPlaceInAnOperation(t *testing.T) {
	var out strings.Builder
	enum[types.ResourceStatus]{values: types.ResourceStatus("").Values(), columns: []string{"what is done to it"},
		row: func(_ *testing.T, v types.ResourceStatus) []string { return []string{string(stageOf(v))} }}.write(t, &out)
	golden(t, "resource-status.golden", out.String())
}

// TestR28_EveryEventOfEarlyValidationIsToldOrLeftOut: what is told is text for people, so that
// a value that is not known is told with its name where it might matter.
func TestR28_EveryEventOfEarlyValidationIsToldOrLeftOut(t *testing.T) {
	told := func(e types.OperationEvent) string {
		if !isFinding(e) {
			return "left out"
		}
		found := finding(e)
		return line(&found)
	}
	event := types.OperationEvent{EventType: types.EventTypeValidationError, LogicalResourceId: aws.String("Queue"),
		ValidationStatusReason: aws.String("too long"), ValidationName: aws.String("CHECK")}
	var out strings.Builder
	for _, v := range append(types.EventType("").Values(), invented) {
		e := event
		e.EventType = v
		out.WriteString("EventType " + string(v) + ": " + told(e) + "\n")
	}
	for _, v := range append(types.ValidationStatus("").Values(), invented) {
		e := event
		e.ValidationStatus = v
		out.WriteString("ValidationStatus " + string(v) + ": " + told(e) + "\n")
	}
	for _, v := range append(types.HookFailureMode("").Values(), invented) {
		e := event
		e.ValidationFailureMode = v
		out.WriteString("HookFailureMode " + string(v) + ": " + told(e) + "\n")
	}
	golden(t, "validation.golden", out.String())
}
