package resource

import (
	"strings"

	"github.com/driftless-gitops/driftless/internal/sandbox/wire"
)

// recordKinds are types without a service behind them in moto. What they are is in the
// stack's own records; nobody can look at them elsewhere.
func recordKinds() map[string]verbs {
	record := verbs{recordCreate, recordKeep, nil, nil}
	return map[string]verbs{
		"AWS::CDK::Metadata":                       record,
		"AWS::CloudFormation::WaitConditionHandle": record,
		"AWS::Logs::QueryDefinition":               record,
	}
}

func recordCreate(c *call) (wire.Made, error) {
	id := c.Name("")
	made := wire.Made{PhysicalID: id, Attributes: map[string]any{"Id": id}}
	if strings.HasSuffix(c.Type, "QueryDefinition") {
		made.Attributes["QueryDefinitionId"] = id
	}
	return made, nil
}

func recordKeep(c *call) (wire.Made, error) {
	return wire.Made{PhysicalID: c.PhysicalID}, nil
}

// deliveryKinds are what some stacks want of networks and metrics beyond the rest.
func deliveryKinds() map[string]verbs {
	return map[string]verbs{
		"AWS::Logs::MetricFilter": {metricFilterPut, metricFilterPut, metricFilterDelete, nil},
	}
}

func metricFilterPut(c *call) (wire.Made, error) {
	if c.PhysicalID == "" {
		c.PhysicalID = c.Name("FilterName")
	}
	in := map[string]any{"filterName": c.PhysicalID, "logGroupName": c.text("LogGroupName"),
		"filterPattern": c.text("FilterPattern"), "metricTransformations": camel(c.Properties["MetricTransformations"])}
	_, err := c.json("logs", "PutMetricFilter", in)
	return wire.Made{PhysicalID: c.PhysicalID}, err
}

func metricFilterDelete(c *call) error {
	_, err := c.json("logs", "DeleteMetricFilter", map[string]any{"filterName": c.PhysicalID, "logGroupName": c.text("LogGroupName")})
	return err
}
