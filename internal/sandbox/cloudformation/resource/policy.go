package resource

import (
	"github.com/driftless-gitops/driftless/internal/sandbox/wire"
)

func policyKinds() map[string]verbs {
	return map[string]verbs{
		"AWS::SQS::QueuePolicy":       {queuePolicyPut, queuePolicyPut, queuePolicyDelete, nil},
		"AWS::SNS::TopicPolicy":       {topicPolicyPut, topicPolicyPut, topicPolicyDelete, nil},
		"AWS::Events::EventBusPolicy": {busPolicyPut, busPolicyPut, busPolicyDelete, nil},
	}
}

// physical is the id of a resource, made when it is created.
func (c *call) physical() string {
	if c.PhysicalID == "" {
		return c.Name("")
	}
	return c.PhysicalID
}

func (c *call) setQueuePolicy(policy string) error {
	for _, queue := range c.strings("Queues") {
		if _, err := c.json("sqs", "SetQueueAttributes", map[string]any{"QueueUrl": queue, "Attributes": map[string]string{"Policy": policy}}); err != nil {
			return err
		}
	}
	return nil
}

func queuePolicyPut(c *call) (wire.Made, error) {
	id := c.physical()
	return wire.Made{PhysicalID: id, Attributes: map[string]any{"Id": id}}, c.setQueuePolicy(document(c.Properties["PolicyDocument"]))
}

func queuePolicyDelete(c *call) error { return c.setQueuePolicy("") }

func topicPolicyPut(c *call) (wire.Made, error) {
	id := c.physical()
	made := wire.Made{PhysicalID: id, Attributes: map[string]any{"Id": id}}
	for _, topic := range c.strings("Topics") {
		params := map[string]any{"TopicArn": topic, "AttributeName": "Policy", "AttributeValue": document(c.Properties["PolicyDocument"])}
		if _, err := c.query("sns", "SetTopicAttributes", params); err != nil {
			return made, err
		}
	}
	return made, nil
}

// topicPolicyDelete leaves the topic to its owner alone, which is SNS's standard policy
// (SNS developer guide, "Default policy").
func topicPolicyDelete(c *call) error {
	for _, topic := range c.strings("Topics") {
		policy := map[string]any{"Version": "2008-10-17", "Id": "__default_policy_ID", "Statement": []any{map[string]any{
			"Sid": "__default_statement_ID", "Effect": "Allow", "Principal": map[string]any{"AWS": "*"},
			"Action": []any{"SNS:Publish", "SNS:Subscribe", "SNS:GetTopicAttributes", "SNS:SetTopicAttributes",
				"SNS:AddPermission", "SNS:RemovePermission", "SNS:DeleteTopic", "SNS:ListSubscriptionsByTopic"},
			"Resource": topic, "Condition": map[string]any{"StringEquals": map[string]any{"AWS:SourceOwner": c.Account}}}}}
		params := map[string]any{"TopicArn": topic, "AttributeName": "Policy", "AttributeValue": document(policy)}
		if _, err := c.query("sns", "SetTopicAttributes", params); gone(err) != nil {
			return err
		}
	}
	return nil
}

// busPolicyPut sends the statement as it stands, or what the older properties say.
func busPolicyPut(c *call) (wire.Made, error) {
	in := map[string]any{"EventBusName": c.bus(), "StatementId": c.text("StatementId")}
	if statement := c.object("Statement"); statement != nil {
		full := map[string]any{"Sid": c.text("StatementId")}
		for k, v := range statement {
			full[k] = v
		}
		in["Policy"] = document(map[string]any{"Version": "2012-10-17", "Statement": []any{full}})
	} else {
		in["Action"], in["Principal"] = c.text("Action"), c.text("Principal")
		if condition := c.object("Condition"); condition != nil {
			in["Condition"] = condition
		}
	}
	_, err := c.json("events", "PutPermission", in)
	return wire.Made{PhysicalID: c.bus() + "|" + c.text("StatementId")}, err
}

func busPolicyDelete(c *call) error {
	_, err := c.json("events", "RemovePermission", map[string]any{"EventBusName": c.bus(), "StatementId": c.text("StatementId")})
	return err
}

func (c *call) bus() string {
	if b := c.text("EventBusName"); b != "" {
		return b
	}
	return "default"
}
