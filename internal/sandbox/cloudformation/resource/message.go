package resource

import (
	"encoding/json"
	"strings"

	"github.com/driftless-gitops/driftless/internal/sandbox/wire"
)

func messageKinds() map[string]verbs {
	return map[string]verbs{
		"AWS::SQS::Queue":        {queueCreate, queueUpdate, queueDelete, queueRead},
		"AWS::SNS::Topic":        {topicCreate, topicUpdate, topicDelete, topicRead},
		"AWS::SNS::Subscription": {subscriptionCreate, subscriptionUpdate, subscriptionDelete, nil},
	}
}

// queueDefaults are the values that an absent property stands for (SQS API reference,
// SetQueueAttributes). An update must send them, or a removed property would stay.
var queueDefaults = map[string]string{
	"DelaySeconds": "0", "MaximumMessageSize": "262144", "MessageRetentionPeriod": "345600",
	"ReceiveMessageWaitTimeSeconds": "0", "VisibilityTimeout": "30", "KmsMasterKeyId": "",
	"KmsDataKeyReusePeriodSeconds": "300", "RedrivePolicy": "", "RedriveAllowPolicy": "",
}

// fifoDefaults are the same for FIFO queues alone.
var fifoDefaults = map[string]string{
	"ContentBasedDeduplication": "false", "DeduplicationScope": "queue", "FifoThroughputLimit": "perQueue",
}

// document is a JSON document as the services want it: as text.
func document(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	b, err := json.Marshal(v)
	if err != nil {
		return ""
	}
	return string(b)
}

func (c *call) queueAttributes() map[string]string {
	out := map[string]string{}
	for _, name := range append(sortedKeys(queueDefaults), append(sortedKeys(fifoDefaults), "SqsManagedSseEnabled")...) {
		v, ok := c.Properties[name]
		if !ok {
			continue
		}
		out[name] = strings.TrimSpace(text(v))
		if strings.HasPrefix(name, "Redrive") {
			out[name] = document(v)
		}
	}
	return out
}

func queueCreate(c *call) (wire.Made, error) {
	name := c.Name("QueueName")
	attributes := c.queueAttributes()
	if strings.EqualFold(c.text("FifoQueue"), "true") {
		attributes["FifoQueue"] = "true"
	}
	out, err := c.json("sqs", "CreateQueue", map[string]any{"QueueName": name, "Attributes": attributes, "tags": c.tags()})
	if err != nil {
		return wire.Made{}, err
	}
	return c.queue(name, text(out["QueueUrl"])), nil
}

func (c *call) queue(name, url string) wire.Made {
	return wire.Made{PhysicalID: url, Attributes: map[string]any{
		"Arn": c.arn("sqs", name), "QueueName": name, "QueueUrl": url}}
}

func queueUpdate(c *call) (wire.Made, error) {
	made := wire.Made{PhysicalID: c.PhysicalID}
	live, err := c.queueLive()
	if err != nil {
		return made, err
	}
	defaults := sortedKeys(queueDefaults)
	if live["FifoQueue"] == "true" {
		defaults = append(defaults, sortedKeys(fifoDefaults)...)
	}
	attributes := c.queueAttributes()
	for _, name := range defaults {
		standard, ok := queueDefaults[name]
		if !ok {
			standard = fifoDefaults[name]
		}
		if _, given := attributes[name]; !given && c.Previous[name] != nil && text(live[name]) != standard {
			attributes[name] = standard // what nobody declared is nobody's to reset
		}
	}
	if len(attributes) > 0 {
		if _, err := c.json("sqs", "SetQueueAttributes", map[string]any{"QueueUrl": c.PhysicalID, "Attributes": attributes}); err != nil {
			return made, err
		}
	}
	return made, c.tagQueue()
}

func (c *call) tagQueue() error {
	out, err := c.json("sqs", "ListQueueTags", map[string]any{"QueueUrl": c.PhysicalID})
	if err != nil {
		return err
	}
	wanted := c.tags()
	if stale := staleTags(tagMap(out["Tags"]), wanted); len(stale) > 0 {
		if _, err := c.json("sqs", "UntagQueue", map[string]any{"QueueUrl": c.PhysicalID, "TagKeys": stale}); err != nil {
			return err
		}
	}
	if len(wanted) == 0 {
		return nil
	}
	_, err = c.json("sqs", "TagQueue", map[string]any{"QueueUrl": c.PhysicalID, "Tags": wanted})
	return err
}

func queueDelete(c *call) error {
	_, err := c.json("sqs", "DeleteQueue", map[string]any{"QueueUrl": c.PhysicalID})
	return err
}

func (c *call) queueLive() (map[string]any, error) {
	out, err := c.json("sqs", "GetQueueAttributes", map[string]any{"QueueUrl": c.PhysicalID, "AttributeNames": []string{"All"}})
	if err != nil {
		return nil, err
	}
	attributes, _ := out["Attributes"].(map[string]any)
	return attributes, nil
}

func queueRead(c *call) (map[string]any, bool, error) {
	live, err := c.queueLive()
	if err != nil {
		return nil, false, err
	}
	for _, p := range []string{"RedrivePolicy", "RedriveAllowPolicy"} {
		if s := text(live[p]); s != "" {
			var v any
			if json.Unmarshal([]byte(s), &v) == nil {
				live[p] = v
			}
		} else {
			delete(live, p)
		}
	}
	for _, p := range append(sortedKeys(queueDefaults), "SqsManagedSseEnabled") {
		if _, set := live[p]; !set {
			live[p] = nil
		}
	}
	delete(live, "Policy")
	arn := text(live["QueueArn"])
	live["QueueName"] = arn[strings.LastIndex(arn, ":")+1:]
	tags, err := c.json("sqs", "ListQueueTags", map[string]any{"QueueUrl": c.PhysicalID})
	if err != nil {
		return nil, false, err
	}
	live["Tags"] = c.ownTags(tagMap(tags["Tags"]))
	return live, true, nil
}

// topicAttributes are the properties of a topic that are attributes of the same name.
var topicAttributes = []string{"DisplayName", "KmsMasterKeyId", "ContentBasedDeduplication", "TracingConfig",
	"SignatureVersion", "FifoThroughputScope"}

// topicDefaults are what an absent property stands for.
var topicDefaults = map[string]string{"ContentBasedDeduplication": "false", "TracingConfig": "PassThrough", "SignatureVersion": "1", "FifoThroughputScope": "Topic"}

func topicCreate(c *call) (wire.Made, error) {
	name := c.Name("TopicName")
	attributes := []any{}
	for _, a := range append([]string{"FifoTopic"}, topicAttributes...) {
		if c.has(a) {
			attributes = append(attributes, map[string]any{"key": a, "value": c.text(a)})
		}
	}
	params := map[string]any{"Name": name, "Tags": tagList(c.tags(), "Key", "Value")}
	for i, a := range attributes {
		params["Attributes.entry."+text(i+1)] = a
	}
	n, err := c.query("sns", "CreateTopic", params)
	if err != nil {
		return wire.Made{}, err
	}
	c.PhysicalID = n.Value("TopicArn")
	return c.topic(name), c.subscribeAll()
}

func (c *call) topic(name string) wire.Made {
	arn := c.arn("sns", name)
	return wire.Made{PhysicalID: arn, Attributes: map[string]any{"TopicArn": arn, "TopicName": name}}
}

// subscribeAll makes the subscriptions that a topic declares within itself.
func (c *call) subscribeAll() error {
	for _, s := range c.list("Subscription") {
		m, _ := s.(map[string]any)
		params := map[string]any{"TopicArn": c.PhysicalID, "Protocol": text(m["Protocol"]), "Endpoint": text(m["Endpoint"])}
		if _, err := c.query("sns", "Subscribe", params); err != nil {
			return err
		}
	}
	return nil
}

func topicUpdate(c *call) (wire.Made, error) {
	made := wire.Made{PhysicalID: c.PhysicalID}
	live, err := c.topicLive()
	if err != nil {
		return made, err
	}
	for _, a := range topicAttributes {
		v := c.text(a)
		if !c.has(a) {
			if c.Previous[a] == nil {
				continue
			}
			v = topicDefaults[a]
		}
		if v == live[a] || (live[a] == "" && v == topicDefaults[a]) {
			continue
		}
		params := map[string]any{"TopicArn": c.PhysicalID, "AttributeName": a, "AttributeValue": v}
		if _, err := c.query("sns", "SetTopicAttributes", params); err != nil {
			return made, err
		}
	}
	if c.changed("Subscription") {
		if err := c.subscribeAll(); err != nil {
			return made, err
		}
	}
	return made, c.tagTopic()
}

func (c *call) tagTopic() error {
	tags, err := c.topicTags()
	if err != nil {
		return err
	}
	wanted := c.tags()
	if stale := staleTags(tags, wanted); len(stale) > 0 {
		if _, err := c.query("sns", "UntagResource", map[string]any{"ResourceArn": c.PhysicalID, "TagKeys": stale}); err != nil {
			return err
		}
	}
	if len(wanted) == 0 {
		return nil
	}
	_, err = c.query("sns", "TagResource", map[string]any{"ResourceArn": c.PhysicalID, "Tags": tagList(wanted, "Key", "Value")})
	return err
}

func (c *call) topicTags() (map[string]string, error) {
	n, err := c.query("sns", "ListTagsForResource", map[string]any{"ResourceArn": c.PhysicalID})
	out := map[string]string{}
	for _, t := range n.List("Tags") {
		out[t.Value("Key")] = t.Value("Value")
	}
	return out, err
}

func topicDelete(c *call) error {
	_, err := c.query("sns", "DeleteTopic", map[string]any{"TopicArn": c.PhysicalID})
	return err
}

func (c *call) topicLive() (map[string]string, error) {
	n, err := c.query("sns", "GetTopicAttributes", map[string]any{"TopicArn": c.PhysicalID})
	out := map[string]string{}
	for _, e := range n.List("Attributes") {
		out[e.Value("key")] = e.Value("value")
	}
	return out, err
}

func topicRead(c *call) (map[string]any, bool, error) {
	attributes, err := c.topicLive()
	if err != nil {
		return nil, false, err
	}
	live := map[string]any{"TopicName": c.PhysicalID[strings.LastIndex(c.PhysicalID, ":")+1:]}
	for _, a := range append([]string{"FifoTopic"}, topicAttributes...) {
		if v := attributes[a]; v != "" {
			live[a] = v
		} else if v := topicDefaults[a]; v != "" {
			live[a] = v
		} else {
			live[a] = nil
		}
	}
	tags, err := c.topicTags()
	live["Tags"] = c.ownTags(tags)
	return live, true, err
}

// subscriptionAttributes are the properties that are attributes of the same name.
var subscriptionAttributes = []string{"RawMessageDelivery", "FilterPolicy", "FilterPolicyScope", "RedrivePolicy", "DeliveryPolicy", "SubscriptionRoleArn"}

func subscriptionCreate(c *call) (wire.Made, error) {
	params := c.pick("TopicArn", "Protocol", "Endpoint")
	params["ReturnSubscriptionArn"] = "true"
	n, err := c.query("sns", "Subscribe", params)
	if err != nil {
		return wire.Made{}, err
	}
	c.PhysicalID = n.Value("SubscriptionArn")
	made, err := subscriptionUpdate(c)
	made.Attributes = map[string]any{"Arn": c.PhysicalID}
	return made, err
}

func subscriptionUpdate(c *call) (wire.Made, error) {
	for _, a := range subscriptionAttributes {
		if !c.changed(a) {
			continue
		}
		v := ""
		if c.has(a) {
			v = document(c.Properties[a])
			if a == "RawMessageDelivery" {
				v = strings.ToLower(c.text(a))
			}
		}
		params := map[string]any{"SubscriptionArn": c.PhysicalID, "AttributeName": a, "AttributeValue": v}
		if _, err := c.query("sns", "SetSubscriptionAttributes", params); err != nil {
			return wire.Made{PhysicalID: c.PhysicalID}, err
		}
	}
	return wire.Made{PhysicalID: c.PhysicalID}, nil
}

func subscriptionDelete(c *call) error {
	_, err := c.query("sns", "Unsubscribe", map[string]any{"SubscriptionArn": c.PhysicalID})
	return err
}
