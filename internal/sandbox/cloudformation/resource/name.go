package resource

import (
	"crypto/rand"
	"strings"
)

// lengths are the longest names that a service takes, where it is not 128.
var lengths = map[string]int{
	"AWS::SQS::Queue": 80, "AWS::S3::Bucket": 63, "AWS::IAM::Role": 64, "AWS::IAM::InstanceProfile": 128,
	"AWS::Lambda::Function": 64, "AWS::Events::Rule": 64, "AWS::Scheduler::Schedule": 64,
	"AWS::SNS::Topic": 256, "AWS::DynamoDB::Table": 255, "AWS::EC2::SecurityGroup": 255,
	"AWS::Logs::LogGroup": 512, "AWS::CloudWatch::Alarm": 255, "AWS::Events::EventBus": 256,
	"AWS::ECR::Repository": 256,
}

// Name is the declared name of the resource or, without one, what AWS gives it:
// <stack>-<logical id>-<random>, cut to the service's limit, lower case for S3 and ECR, with the
// suffix that FIFO queues and topics must have.
func (c *call) Name(property string) string {
	if s := c.text(property); property != "" && s != "" {
		return s
	}
	suffix := ""
	if strings.EqualFold(c.text("FifoQueue"), "true") || strings.EqualFold(c.text("FifoTopic"), "true") {
		suffix = ".fifo"
	}
	limit := lengths[c.Type]
	if limit == 0 {
		limit = 128
	}
	random := rand.Text()[:12]
	limit -= len(random) + len(suffix) + 2
	logical := c.LogicalID[:min(len(c.LogicalID), limit*2/3)]
	stack := c.StackName[:min(len(c.StackName), limit-len(logical))]
	name := stack + "-" + logical + "-" + random
	if c.Type == "AWS::S3::Bucket" || c.Type == "AWS::ECR::Repository" {
		name = strings.ToLower(name)
	}
	return name + suffix
}
