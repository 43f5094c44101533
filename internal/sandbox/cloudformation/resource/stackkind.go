package resource

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/driftless-gitops/driftless/internal/sandbox/cloudformation/schema"
	"github.com/driftless-gitops/driftless/internal/sandbox/wire"
)

// excluded are types that moto's CloudFormation makes but that this sandbox must not: a
// nested stack's resources would be nobody's, and a wait for signals would not happen.
var excluded = []string{"AWS::CloudFormation::Stack"}

// stackKinds are the types that go through moto's own CloudFormation, one stack for each
// resource: those that moto can also delete.
func stackKinds() map[string]verbs {
	out := map[string]verbs{}
	for _, name := range schema.Names() {
		t := schema.Lookup(name)
		if t.Moto == nil || !t.Moto.Delete || slices.Contains(excluded, name) {
			continue
		}
		v := verbs{create: stackCreate, remove: stackDelete}
		if t.Moto.Update {
			v.update = stackUpdate
		}
		out[name] = v
	}
	return out
}

// nameProperties are those through which a resource is given AWS's kind of name. moto names
// after its own stack otherwise.
var nameProperties = map[string]string{
	"AWS::Kinesis::Stream": "Name", "AWS::StepFunctions::StateMachine": "StateMachineName",
	"AWS::IAM::User": "UserName", "AWS::IAM::InstanceProfile": "InstanceProfileName",
	"AWS::EC2::LaunchTemplate": "LaunchTemplateName", "AWS::AutoScaling::AutoScalingGroup": "AutoScalingGroupName",
	"AWS::Events::Archive": "ArchiveName", "AWS::SSM::Document": "Name",
}

// body is a template of this one resource, whose outputs are its physical id and all that
// Fn::GetAtt may ask for. The metadata make every update differ from the last: moto takes
// an unchanged template for nothing to do, even where the live resource has changed.
func (c *call) body() (string, error) {
	properties := map[string]any{}
	for k, v := range c.Properties {
		properties[k] = v
	}
	t := schema.Lookup(c.Type)
	if name := nameProperties[c.Type]; name != "" && !c.has(name) && c.PhysicalID == "" {
		properties[name] = c.Name("")
	}
	if t.Properties[t.Tags] == "array" && len(c.tags()) > 0 {
		properties[t.Tags] = tagList(c.tags(), "Key", "Value")
	}
	outputs := map[string]any{"Ref": map[string]any{"Value": map[string]any{"Ref": c.LogicalID}}}
	for i, a := range t.Moto.Attributes {
		outputs[fmt.Sprintf("A%d", i)] = map[string]any{"Value": map[string]any{"Fn::GetAtt": []string{c.LogicalID, a}}}
	}
	b, err := json.Marshal(map[string]any{
		"Resources": map[string]any{c.LogicalID: map[string]any{"Type": c.Type, "Properties": properties, "Metadata": rand.Text()}},
		"Outputs":   outputs})
	return string(b), err
}

func stackCreate(c *call) (wire.Made, error) {
	name := c.StackName[:min(len(c.StackName), 60)] + "-" + c.LogicalID[:min(len(c.LogicalID), 30)] + "-" + rand.Text()
	body, err := c.body()
	if err != nil {
		return wire.Made{}, err
	}
	if _, err := c.query("cloudformation", "CreateStack", map[string]any{"StackName": name, "TemplateBody": body}); err != nil {
		return wire.Made{}, err
	}
	made, err := c.outputs(name)
	c.PhysicalID = made.PhysicalID
	c.stacks.Store(c.key(), name)
	return made, err
}

// key names the resource among all that have a stack in moto.
func (c *call) key() string {
	return c.Account + " " + c.Region + " " + c.Type + " " + c.PhysicalID
}

// behind is the moto stack that holds the resource.
func (c *call) behind() (string, error) {
	if name, ok := c.stacks.Load(c.key()); ok {
		return name.(string), nil
	}
	return "", &wire.Error{Code: "NotFound", Message: c.PhysicalID + " does not exist"}
}

func (c *call) outputs(stack string) (wire.Made, error) {
	n, err := c.query("cloudformation", "DescribeStacks", map[string]any{"StackName": stack})
	if err != nil {
		return wire.Made{}, err
	}
	made := wire.Made{Attributes: map[string]any{}}
	attributes := schema.Lookup(c.Type).Moto.Attributes
	for _, o := range n.List("Outputs") {
		key, v := o.Value("OutputKey"), o.Value("OutputValue")
		var i int
		if key == "Ref" {
			made.PhysicalID = v
		} else if _, err := fmt.Sscanf(key, "A%d", &i); err == nil && i < len(attributes) {
			made.Attributes[attributes[i]] = v
		}
	}
	return made, nil
}

func stackUpdate(c *call) (wire.Made, error) {
	stack, err := c.behind()
	if err != nil {
		return wire.Made{PhysicalID: c.PhysicalID}, err
	}
	body, err := c.body()
	if err != nil {
		return wire.Made{PhysicalID: c.PhysicalID}, err
	}
	if _, err := c.query("cloudformation", "UpdateStack", map[string]any{"StackName": stack, "TemplateBody": body}); err != nil {
		return wire.Made{PhysicalID: c.PhysicalID}, err
	}
	return c.outputs(stack)
}

func stackDelete(c *call) error {
	stack, err := c.behind()
	if err != nil {
		return err
	}
	_, err = c.query("cloudformation", "DeleteStack", map[string]any{"StackName": stack})
	return err
}
