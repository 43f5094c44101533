package resource

import (
	"slices"
	"strings"

	"github.com/driftless-gitops/driftless/internal/sandbox/wire"
)

func eventKinds() map[string]verbs {
	return map[string]verbs{
		"AWS::Events::Rule":             {ruleCreateEvents, rulePut, ruleRemove, nil},
		"AWS::Events::EventBus":         {busCreate, busUpdate, busDelete, nil},
		"AWS::Scheduler::Schedule":      {scheduleCreate, scheduleUpdate, scheduleDelete, nil},
		"AWS::Scheduler::ScheduleGroup": {scheduleGroupCreate, nil, scheduleGroupDelete, nil},
	}
}

func ruleCreateEvents(c *call) (wire.Made, error) {
	name := c.Name("Name")
	c.PhysicalID = name
	if bus := c.busName(); bus != "default" {
		c.PhysicalID = bus + "|" + name
	}
	return rulePut(c)
}

// busName is the rule's bus, which may be given as an ARN.
func (c *call) busName() string {
	b := c.bus()
	return b[strings.LastIndex(b, "/")+1:]
}

func (c *call) ruleName() string {
	return c.PhysicalID[strings.LastIndex(c.PhysicalID, "|")+1:]
}

var (
	targetIntegers = []string{"MaximumRetryAttempts", "MaximumEventAgeInSeconds", "TaskCount"}
	targetBooleans = []string{"EnableECSManagedTags", "EnableExecuteCommand"}
)

func rulePut(c *call) (wire.Made, error) {
	in := c.pick("Description", "ScheduleExpression", "RoleArn")
	in["Name"], in["EventBusName"], in["State"] = c.ruleName(), c.busName(), "ENABLED"
	if c.has("State") {
		in["State"] = c.text("State")
	}
	if c.has("EventPattern") {
		in["EventPattern"] = document(c.Properties["EventPattern"])
	}
	in["Tags"] = tagList(c.tags(), "Key", "Value")
	out, err := c.json("events", "PutRule", in)
	if err != nil {
		return wire.Made{PhysicalID: c.PhysicalID}, err
	}
	made := wire.Made{PhysicalID: c.PhysicalID, Attributes: map[string]any{"Arn": text(out["RuleArn"])}}
	if err := c.removeTargets(c.targetIDs(c.Previous["Targets"]), c.targetIDs(c.Properties["Targets"])); err != nil {
		return made, err
	}
	if targets := typed(c.Properties["Targets"], targetIntegers, targetBooleans); targets != nil {
		_, err = c.json("events", "PutTargets", map[string]any{"Rule": c.ruleName(), "EventBusName": c.busName(), "Targets": targets})
	}
	return made, err
}

func (c *call) targetIDs(v any) []string {
	var out []string
	list, _ := v.([]any)
	for _, e := range list {
		m, _ := e.(map[string]any)
		out = append(out, text(m["Id"]))
	}
	return out
}

func (c *call) removeTargets(ids, keep []string) error {
	stale := slices.DeleteFunc(ids, func(id string) bool { return slices.Contains(keep, id) })
	if len(stale) == 0 {
		return nil
	}
	_, err := c.json("events", "RemoveTargets", map[string]any{"Rule": c.ruleName(), "EventBusName": c.busName(), "Ids": stale})
	return err
}

func ruleRemove(c *call) error {
	if err := c.removeTargets(c.targetIDs(c.Properties["Targets"]), nil); gone(err) != nil {
		return err
	}
	_, err := c.json("events", "DeleteRule", map[string]any{"Name": c.ruleName(), "EventBusName": c.busName()})
	return err
}

func busCreate(c *call) (wire.Made, error) {
	in := c.pick("Name", "EventSourceName", "Description", "KmsKeyIdentifier", "DeadLetterConfig")
	in["Tags"] = tagList(c.tags(), "Key", "Value")
	out, err := c.json("events", "CreateEventBus", in)
	if err != nil {
		return wire.Made{}, err
	}
	c.PhysicalID = c.text("Name")
	made := wire.Made{PhysicalID: c.PhysicalID, Attributes: map[string]any{"Arn": text(out["EventBusArn"]), "Name": c.PhysicalID}}
	return made, c.busPolicy()
}

func busUpdate(c *call) (wire.Made, error) {
	return wire.Made{PhysicalID: c.PhysicalID}, c.busPolicy()
}

func (c *call) busPolicy() error {
	if !c.has("Policy") || !c.changed("Policy") {
		return nil
	}
	_, err := c.json("events", "PutPermission", map[string]any{"EventBusName": c.PhysicalID, "Policy": document(c.Properties["Policy"])})
	return err
}

func busDelete(c *call) error {
	_, err := c.json("events", "DeleteEventBus", map[string]any{"Name": c.PhysicalID})
	return err
}

var scheduleProperties = []string{"Description", "EndDate", "FlexibleTimeWindow", "GroupName", "KmsKeyArn",
	"ScheduleExpression", "ScheduleExpressionTimezone", "StartDate", "State", "Target"}

func (c *call) schedule() map[string]any {
	integers := append([]string{"MaximumWindowInMinutes"}, targetIntegers...)
	in, _ := typed(c.pick(scheduleProperties...), integers, targetBooleans).(map[string]any)
	return in
}

func scheduleCreate(c *call) (wire.Made, error) {
	c.PhysicalID = c.Name("Name")
	out, err := c.rest("scheduler", "POST", "/schedules/"+c.PhysicalID, c.schedule())
	return wire.Made{PhysicalID: c.PhysicalID, Attributes: map[string]any{"Arn": text(out["ScheduleArn"])}}, err
}

func scheduleUpdate(c *call) (wire.Made, error) {
	_, err := c.rest("scheduler", "PUT", "/schedules/"+c.PhysicalID, c.schedule())
	return wire.Made{PhysicalID: c.PhysicalID}, err
}

func scheduleDelete(c *call) error {
	path := "/schedules/" + c.PhysicalID
	if g := c.text("GroupName"); g != "" {
		path += "?groupName=" + g
	}
	_, err := c.rest("scheduler", "DELETE", path, nil)
	return err
}

func scheduleGroupCreate(c *call) (wire.Made, error) {
	c.PhysicalID = c.Name("Name")
	out, err := c.rest("scheduler", "POST", "/schedule-groups/"+c.PhysicalID, map[string]any{"Tags": tagList(c.tags(), "Key", "Value")})
	return wire.Made{PhysicalID: c.PhysicalID, Attributes: map[string]any{"Arn": text(out["ScheduleGroupArn"])}}, err
}

func scheduleGroupDelete(c *call) error {
	_, err := c.rest("scheduler", "DELETE", "/schedule-groups/"+c.PhysicalID, nil)
	return err
}
