package access

import (
	"encoding/json"
	"regexp"
	"strings"

	"github.com/driftless-gitops/driftless/internal/sandbox/lambda/policy"
)

// leadingKeys holds the partition keys of the items that a call touches (DynamoDB developer
// guide, "Using IAM policy conditions for fine-grained access control").
const leadingKeys = "dynamodb:LeadingKeys"

// transacted are the actions that the parts of a transaction are authorised as (DynamoDB
// developer guide, "IAM for transactions").
var transacted = map[string]string{
	"Put": "PutItem", "Update": "UpdateItem", "Delete": "DeleteItem", "ConditionCheck": "ConditionCheckItem", "Get": "GetItem",
}

// dynamodb asks for every item by itself, so that each has one leading key.
func (c Call) dynamodb(in body, keys Keys) ([]policy.Request, bool) {
	switch c.Action {
	case "GetItem", "DeleteItem", "UpdateItem", "PutItem", "Query", "Scan":
		return []policy.Request{c.item(c.Action, in, keys)}, true
	case "BatchGetItem":
		return c.batch(in, keys), true
	case "TransactWriteItems", "TransactGetItems":
		var asked []policy.Request
		for _, part := range in.TransactItems {
			for kind, each := range part {
				asked = append(asked, c.item(transacted[kind], each, keys))
			}
		}
		return asked, true
	}
	return c.one(c.table(in)), true
}

// item asks for an action on the items of one partition, or of all where none is named.
func (c Call) item(action string, in body, keys Keys) policy.Request {
	r := policy.Request{Action: "dynamodb:" + action, Resource: c.table(in), Context: map[string]string{}}
	partition := keys(tableName(in.TableName), in.IndexName)
	attributes := in.Key
	if action == "PutItem" {
		attributes = in.Item
	}
	value, ok := attributes[partition]
	if action == "Query" {
		value, ok = in.equal(partition)
	}
	if ok {
		r.Context[leadingKeys] = text(value)
	}
	return r
}

func (c Call) batch(in body, keys Keys) []policy.Request {
	var tables map[string]struct{ Keys []map[string]json.RawMessage }
	if json.Unmarshal(in.RequestItems, &tables) != nil {
		return nil
	}
	var asked []policy.Request
	for table, t := range tables {
		for _, key := range t.Keys {
			r := c.item("BatchGetItem", body{TableName: table, Key: key}, keys)
			asked = append(asked, r)
		}
	}
	return asked
}

// table is the ARN of what a call names: a table, or one of its indexes.
func (c Call) table(in body) string {
	arn := in.TableName
	if !strings.HasPrefix(arn, "arn:") {
		arn = c.arn("dynamodb", "table/"+in.TableName)
	}
	if in.IndexName != "" {
		arn += "/index/" + in.IndexName
	}
	return arn
}

func tableName(name string) string { return name[strings.LastIndex(name, "/")+1:] }

var equals = regexp.MustCompile(`([#\w]+)\s*=\s*(:\w+)`)

// equal returns the value that a query's condition compares a key with.
func (in body) equal(key string) (json.RawMessage, bool) {
	for _, m := range equals.FindAllStringSubmatch(in.KeyConditionExpression, -1) {
		name := m[1]
		if alias, ok := in.ExpressionAttributeNames[name]; ok {
			name = alias
		}
		if name == key {
			value, ok := in.Values[m[2]]
			return value, ok
		}
	}
	return nil, false
}

// text is the value of a key, whichever of the three types that keys have it is.
func text(attribute json.RawMessage) string {
	typed := map[string]string{}
	if json.Unmarshal(attribute, &typed) != nil {
		return string(attribute)
	}
	for _, value := range typed {
		return value
	}
	return ""
}
