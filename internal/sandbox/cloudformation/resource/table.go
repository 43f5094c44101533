package resource

import (
	"maps"
	"slices"

	"github.com/driftless-gitops/driftless/internal/sandbox/cloudformation/template"
	"github.com/driftless-gitops/driftless/internal/sandbox/wire"
)

func tableKinds() map[string]verbs {
	return map[string]verbs{
		"AWS::DynamoDB::Table":       {tableCreate, tableUpdate, tableDelete, tableRead},
		"AWS::DynamoDB::GlobalTable": {globalTable(tableCreate), globalTable(tableUpdate), tableDelete, nil},
	}
}

var (
	tableIntegers = []string{"ReadCapacityUnits", "WriteCapacityUnits", "MaxReadRequestUnits", "MaxWriteRequestUnits",
		"ReadUnitsPerSecond", "WriteUnitsPerSecond", "RecoveryPeriodInDays"}
	tableBooleans = []string{"DeletionProtectionEnabled", "PointInTimeRecoveryEnabled", "Enabled", "SSEEnabled"}
)

// tableProperties are those that CreateTable takes as they stand.
var tableProperties = []string{"AttributeDefinitions", "KeySchema", "BillingMode", "GlobalSecondaryIndexes",
	"LocalSecondaryIndexes", "ProvisionedThroughput", "TableClass", "DeletionProtectionEnabled", "OnDemandThroughput", "WarmThroughput"}

func (c *call) tableTyped() {
	c.Properties, _ = typed(c.Properties, tableIntegers, tableBooleans).(map[string]any)
}

func tableCreate(c *call) (wire.Made, error) {
	c.tableTyped()
	name := c.Name("TableName")
	in := c.pick(tableProperties...)
	in["TableName"] = name
	in["Tags"] = tagList(c.tags(), "Key", "Value")
	for _, i := range c.indexes(c.Properties) {
		delete(i, "ContributorInsightsSpecification")
	}
	if s := c.object("StreamSpecification"); s != nil {
		in["StreamSpecification"] = map[string]any{"StreamEnabled": true, "StreamViewType": s["StreamViewType"]}
	}
	if s := c.object("SSESpecification"); s != nil {
		in["SSESpecification"] = encryption(s)
	}
	out, err := c.json("dynamodb", "CreateTable", in)
	if err != nil {
		return wire.Made{}, err
	}
	c.PhysicalID = name
	made := c.table(out["TableDescription"])
	return made, c.tableExtras(nil)
}

// encryption is CloudFormation's SSESpecification in DynamoDB's spelling.
func encryption(s map[string]any) map[string]any {
	out := map[string]any{"Enabled": s["SSEEnabled"]}
	for from, to := range map[string]string{"SSEType": "SSEType", "KMSMasterKeyId": "KMSMasterKeyId"} {
		if v, ok := s[from]; ok {
			out[to] = v
		}
	}
	return out
}

func (c *call) table(description any) wire.Made {
	d, _ := description.(map[string]any)
	made := wire.Made{PhysicalID: c.PhysicalID, Attributes: map[string]any{
		"Arn": c.arn("dynamodb", "table/"+c.PhysicalID), "TableId": text(d["TableId"])}}
	if s := text(d["LatestStreamArn"]); s != "" {
		made.Attributes["StreamArn"] = s
	}
	return made
}

// indexes are the global secondary indexes by name.
func (c *call) indexes(properties map[string]any) map[string]map[string]any {
	out := map[string]map[string]any{}
	list, _ := properties["GlobalSecondaryIndexes"].([]any)
	for _, e := range list {
		if m, ok := e.(map[string]any); ok {
			out[text(m["IndexName"])] = m
		}
	}
	return out
}

// tableExtras sets what has calls of its own: time to live, point-in-time recovery.
func (c *call) tableExtras(live map[string]any) error {
	wanted, previous := c.object("TimeToLiveSpecification"), live["TimeToLiveSpecification"]
	if !template.Equal(orNil(wanted), previous) && (wanted != nil || c.Previous["TimeToLiveSpecification"] != nil) {
		spec := map[string]any{"Enabled": false}
		if wanted != nil {
			spec = map[string]any{"Enabled": wanted["Enabled"], "AttributeName": wanted["AttributeName"]}
		} else if p, ok := previous.(map[string]any); ok {
			spec["AttributeName"] = p["AttributeName"]
		}
		if _, err := c.json("dynamodb", "UpdateTimeToLive", map[string]any{"TableName": c.PhysicalID, "TimeToLiveSpecification": spec}); err != nil {
			return err
		}
	}
	recovery := c.object("PointInTimeRecoverySpecification")
	if recovery == nil {
		if c.Previous["PointInTimeRecoverySpecification"] == nil {
			return nil
		}
		recovery = map[string]any{"PointInTimeRecoveryEnabled": false}
	}
	_, err := c.json("dynamodb", "UpdateContinuousBackups", map[string]any{
		"TableName": c.PhysicalID, "PointInTimeRecoverySpecification": recovery})
	return err
}

func orNil(m map[string]any) any {
	if m == nil {
		return nil
	}
	return m
}

func nested(m map[string]any, path ...string) any {
	var v any = m
	for _, p := range path {
		n, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		v = n[p]
	}
	return v
}

// tableUpdate changes what differs from the live table, index by index. DynamoDB makes or
// removes one index per call, and so does CloudFormation per update (user guide,
// AWS::DynamoDB::Table, GlobalSecondaryIndexes).
func tableUpdate(c *call) (wire.Made, error) {
	c.tableTyped()
	made := wire.Made{PhysicalID: c.PhysicalID}
	live, found, err := tableRead(c)
	if err != nil || !found {
		return made, err
	}
	in := map[string]any{"TableName": c.PhysicalID}
	for _, p := range []string{"BillingMode", "ProvisionedThroughput", "TableClass", "DeletionProtectionEnabled"} {
		v, ok := c.Properties[p]
		if !ok && p == "DeletionProtectionEnabled" && c.Previous[p] != nil {
			v, ok = false, true
		}
		if ok && !template.Equal(v, live[p]) {
			in[p] = v
		}
	}
	if in["BillingMode"] == "PROVISIONED" {
		in["ProvisionedThroughput"] = c.Properties["ProvisionedThroughput"]
	}
	if s := c.object("StreamSpecification"); (s != nil || c.Previous["StreamSpecification"] != nil) && !template.Equal(orNil(s), live["StreamSpecification"]) {
		in["StreamSpecification"] = map[string]any{"StreamEnabled": false}
		if s != nil {
			in["StreamSpecification"] = map[string]any{"StreamEnabled": true, "StreamViewType": s["StreamViewType"]}
		}
	}
	if s := c.object("SSESpecification"); s != nil && !template.Equal(s, live["SSESpecification"]) {
		in["SSESpecification"] = encryption(s)
	}
	changes, err := c.indexChanges(live)
	if err != nil {
		return made, err
	}
	if len(changes) > 0 {
		in["GlobalSecondaryIndexUpdates"] = changes
		in["AttributeDefinitions"] = c.Properties["AttributeDefinitions"]
	}
	if len(in) > 1 {
		out, err := c.json("dynamodb", "UpdateTable", in)
		if err != nil {
			return made, err
		}
		made = c.table(out["TableDescription"])
	}
	if err := c.tableExtras(live); err != nil {
		return made, err
	}
	return made, c.tagTable()
}

func (c *call) indexChanges(live map[string]any) ([]any, error) {
	var changes []any
	structural := 0
	before, after := c.indexes(live), c.indexes(c.Properties)
	for _, name := range slices.Sorted(maps.Keys(after)) {
		index := after[name]
		old, exists := before[name]
		switch {
		case !exists:
			structural++
			changes = append(changes, map[string]any{"Create": index})
		case index["ProvisionedThroughput"] != nil && !template.Equal(index["ProvisionedThroughput"], old["ProvisionedThroughput"]):
			changes = append(changes, map[string]any{"Update": map[string]any{
				"IndexName": name, "ProvisionedThroughput": index["ProvisionedThroughput"]}})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(before)) {
		if _, kept := after[name]; !kept && (c.has("GlobalSecondaryIndexes") || c.Previous["GlobalSecondaryIndexes"] != nil) {
			structural++
			changes = append(changes, map[string]any{"Delete": map[string]any{"IndexName": name}})
		}
	}
	if structural > 1 {
		return nil, &wire.Error{Code: "InvalidRequest", Message: "Cannot perform more than one GSI creation or deletion in a single update"}
	}
	return changes, nil
}

func (c *call) tagTable() error {
	arn := c.arn("dynamodb", "table/"+c.PhysicalID)
	out, err := c.json("dynamodb", "ListTagsOfResource", map[string]any{"ResourceArn": arn})
	if err != nil {
		return err
	}
	wanted := c.tags()
	if stale := staleTags(tagMap(out["Tags"]), wanted); len(stale) > 0 {
		if _, err := c.json("dynamodb", "UntagResource", map[string]any{"ResourceArn": arn, "TagKeys": stale}); err != nil {
			return err
		}
	}
	if len(wanted) == 0 {
		return nil
	}
	_, err = c.json("dynamodb", "TagResource", map[string]any{"ResourceArn": arn, "Tags": tagList(wanted, "Key", "Value")})
	return err
}

func tableDelete(c *call) error {
	_, err := c.json("dynamodb", "DeleteTable", map[string]any{"TableName": c.PhysicalID})
	return err
}

// globalTable makes a global table of one replica as the table that it is.
func globalTable(f func(*call) (wire.Made, error)) func(*call) (wire.Made, error) {
	return func(c *call) (wire.Made, error) {
		replicas := c.list("Replicas")
		if len(replicas) != 1 || text(nested(map[string]any{"r": replicas[0]}, "r", "Region")) != c.Region {
			return wire.Made{}, &wire.Error{Code: "InvalidRequest", Message: "the sandbox makes a global table with one replica, in the stack's region"}
		}
		replica, _ := replicas[0].(map[string]any)
		table := maps.Clone(c.Properties)
		delete(table, "Replicas")
		for _, p := range []string{"Tags", "PointInTimeRecoverySpecification", "DeletionProtectionEnabled", "TableClass"} {
			if v, ok := replica[p]; ok {
				table[p] = v
			}
		}
		c.Properties = table
		return f(c)
	}
}

func tableRead(c *call) (map[string]any, bool, error) {
	out, err := c.json("dynamodb", "DescribeTable", map[string]any{"TableName": c.PhysicalID})
	if err != nil {
		return nil, false, err
	}
	t, _ := out["Table"].(map[string]any)
	live := map[string]any{"TableName": c.PhysicalID, "BillingMode": "PROVISIONED", "DeletionProtectionEnabled": t["DeletionProtectionEnabled"],
		"AttributeDefinitions": t["AttributeDefinitions"], "KeySchema": t["KeySchema"], "TableClass": "STANDARD"}
	if class := nested(t, "TableClassSummary", "TableClass"); class != nil {
		live["TableClass"] = class
	}
	if mode := nested(t, "BillingModeSummary", "BillingMode"); mode != nil {
		live["BillingMode"] = mode
	}
	onDemand := live["BillingMode"] == "PAY_PER_REQUEST"
	if !onDemand {
		live["ProvisionedThroughput"] = capacity(t["ProvisionedThroughput"])
	}
	for _, p := range []string{"GlobalSecondaryIndexes", "LocalSecondaryIndexes"} {
		live[p] = liveIndexes(t[p], onDemand || p == "LocalSecondaryIndexes")
	}
	live["StreamSpecification"], live["SSESpecification"], live["TimeToLiveSpecification"] = nil, nil, nil
	if nested(t, "StreamSpecification", "StreamEnabled") == true {
		live["StreamSpecification"] = map[string]any{"StreamViewType": nested(t, "StreamSpecification", "StreamViewType")}
	}
	if s := nested(t, "SSEDescription", "Status"); s == "ENABLED" {
		live["SSESpecification"] = map[string]any{"SSEEnabled": true, "SSEType": nested(t, "SSEDescription", "SSEType")}
	}
	return live, true, c.tableLive(live)
}

// tableLive adds what has calls of its own.
func (c *call) tableLive(live map[string]any) error {
	in := map[string]any{"TableName": c.PhysicalID}
	ttl, err := c.json("dynamodb", "DescribeTimeToLive", in)
	if err != nil {
		return err
	}
	if nested(ttl, "TimeToLiveDescription", "TimeToLiveStatus") == "ENABLED" {
		live["TimeToLiveSpecification"] = map[string]any{"Enabled": true, "AttributeName": nested(ttl, "TimeToLiveDescription", "AttributeName")}
	}
	backups, err := c.json("dynamodb", "DescribeContinuousBackups", in)
	if err != nil {
		return err
	}
	status := nested(backups, "ContinuousBackupsDescription", "PointInTimeRecoveryDescription", "PointInTimeRecoveryStatus")
	live["PointInTimeRecoverySpecification"] = map[string]any{"PointInTimeRecoveryEnabled": status == "ENABLED"}
	tags, err := c.json("dynamodb", "ListTagsOfResource", map[string]any{"ResourceArn": c.arn("dynamodb", "table/"+c.PhysicalID)})
	live["Tags"] = c.ownTags(tagMap(tags["Tags"]))
	return err
}

func capacity(v any) any {
	m, _ := v.(map[string]any)
	return map[string]any{"ReadCapacityUnits": m["ReadCapacityUnits"], "WriteCapacityUnits": m["WriteCapacityUnits"]}
}

func liveIndexes(v any, withoutCapacity bool) []any {
	list, _ := v.([]any)
	out := []any{}
	for _, e := range list {
		m, _ := e.(map[string]any)
		index := map[string]any{"IndexName": m["IndexName"], "KeySchema": m["KeySchema"], "Projection": m["Projection"]}
		if !withoutCapacity {
			index["ProvisionedThroughput"] = capacity(m["ProvisionedThroughput"])
		}
		out = append(out, index)
	}
	return out
}
