package resource

import (
	"context"
	"net/http"
	"slices"

	"github.com/driftless-gitops/driftless/internal/sandbox/wire"
)

// Importable are the types whose resources Existing finds, and the property by which a
// template names them.
var Importable = map[string]string{
	"AWS::SQS::Queue": "QueueName", "AWS::SNS::Topic": "TopicName", "AWS::S3::Bucket": "BucketName",
	"AWS::DynamoDB::Table": "TableName", "AWS::SSM::Parameter": "Name", "AWS::Logs::LogGroup": "LogGroupName",
	"AWS::IAM::Role": "RoleName",
}

// Existing looks for the resource that has the name of r, and tells what its kind would have
// made of it.
func (c *Client) Existing(ctx context.Context, r wire.Request) (made wire.Made, found bool, err error) {
	l := &call{Request: r, ctx: ctx, Client: c}
	l.PhysicalID = l.text(Importable[r.Type])
	switch r.Type {
	case "AWS::SQS::Queue":
		made, err = l.queueThere()
	case "AWS::SNS::Topic":
		made = l.topic(l.PhysicalID)
		l.PhysicalID = made.PhysicalID
		_, err = l.topicLive()
	case "AWS::S3::Bucket":
		made = l.bucket()
		_, err = l.s3(http.MethodHead, "/"+l.PhysicalID, nil)
	case "AWS::DynamoDB::Table":
		made, err = l.tableThere()
	case "AWS::SSM::Parameter":
		made = l.parameter()
		_, err = l.json("ssm", "GetParameter", map[string]any{"Name": l.PhysicalID})
	case "AWS::Logs::LogGroup":
		return l.logGroupThere()
	case "AWS::IAM::Role":
		made, err = l.roleThere()
	}
	return made, err == nil, gone(err)
}

func (c *call) queueThere() (wire.Made, error) {
	out, err := c.json("sqs", "GetQueueUrl", map[string]any{"QueueName": c.PhysicalID})
	return c.queue(c.PhysicalID, text(out["QueueUrl"])), err
}

func (c *call) tableThere() (wire.Made, error) {
	out, err := c.json("dynamodb", "DescribeTable", map[string]any{"TableName": c.PhysicalID})
	if err != nil {
		return wire.Made{}, err
	}
	return c.table(out["Table"]), nil
}

func (c *call) roleThere() (wire.Made, error) {
	n, err := c.query("iam", "GetRole", map[string]any{"RoleName": c.PhysicalID})
	return roleMade(c.PhysicalID, n), err
}

func (c *call) logGroupThere() (wire.Made, bool, error) {
	out, err := c.json("logs", "DescribeLogGroups", map[string]any{"logGroupNamePrefix": c.PhysicalID})
	groups, _ := out["logGroups"].([]any)
	there := slices.ContainsFunc(groups, func(g any) bool {
		m, _ := g.(map[string]any)
		return text(m["logGroupName"]) == c.PhysicalID
	})
	return c.logGroup(), there, err
}
