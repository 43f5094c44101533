package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTheTableIsOneOnDemandAndOutlivesTheStack(t *testing.T) {
	tables := synthesised.usual.of("AWS::DynamoDB::Table")
	if len(tables) != 1 {
		t.Fatalf("%d tables", len(tables))
	}
	table := tables[synthesised.usual.only("AWS::DynamoDB::Table")]
	if table.DeletionPolicy != "Retain" {
		t.Errorf("the records are gone with the stack: %s", table.DeletionPolicy)
	}
	if table.Properties["TableName"] != nil {
		t.Error("a table with a name stands in the way of the next installation")
	}
	got := map[string]string{}
	for _, i := range table.Properties["GlobalSecondaryIndexes"].([]any) {
		i := i.(map[string]any)
		got[text(i["IndexName"])] = text(i["KeySchema"]) + " " + text(i["Projection"])
	}
	index := func(partition, sort, projection string) string {
		return `{"AttributeName":"` + partition + `","KeyType":"HASH"},{"AttributeName":"` + sort + `","KeyType":"RANGE"} {"ProjectionType":"` + projection + `"}`
	}
	want := map[string]string{
		"work": index("work", "id", "KEYS_ONLY"), "due": index("due", "dueAt", "KEYS_ONLY"),
		"repository": index("repository", "id", "KEYS_ONLY"), "drifted": index("drifted", "id", "KEYS_ONLY"),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for property, want := range map[string]string{
		"BillingMode":                      "PAY_PER_REQUEST",
		"PointInTimeRecoverySpecification": `{"PointInTimeRecoveryEnabled":true}`,
		"TimeToLiveSpecification":          `{"AttributeName":"expires","Enabled":true}`,
		"StreamSpecification":              `{"StreamViewType":"NEW_AND_OLD_IMAGES"}`,
		"KeySchema":                        `{"AttributeName":"PK","KeyType":"HASH"},{"AttributeName":"SK","KeyType":"RANGE"}`,
	} {
		if got := text(table.Properties[property]); got != want {
			t.Errorf("%s is %s; want %s", property, got, want)
		}
	}
}

func TestEverythingIsEncryptedAtRestAndOnTheWay(t *testing.T) {
	made := synthesised.usual
	for id, q := range made.of("AWS::SQS::Queue") {
		if q.Properties["SqsManagedSseEnabled"] != true {
			t.Errorf("queue %s is not encrypted", id)
		}
		if !made.refuses("AWS::SQS::QueuePolicy", "Queues", id) {
			t.Errorf("queue %s can be reached without TLS", id)
		}
	}
	for id, b := range made.of("AWS::S3::Bucket") {
		if !strings.Contains(text(b.Properties["BucketEncryption"]), `"SSEAlgorithm":"AES256"`) {
			t.Errorf("bucket %s is not encrypted", id)
		}
		if got := text(b.Properties["PublicAccessBlockConfiguration"]); strings.Count(got, "true") != 4 {
			t.Errorf("bucket %s may become public: %s", id, got)
		}
		if !made.refuses("AWS::S3::BucketPolicy", "Bucket", id) {
			t.Errorf("bucket %s can be reached without TLS", id)
		}
		want := "Retain"
		if b.Properties["BucketName"] != nil { // a name that is taken stands in the way of another try
			want = "RetainExceptOnCreate"
		}
		if b.DeletionPolicy != want {
			t.Errorf("bucket %s is gone with the stack: %s", id, b.DeletionPolicy)
		}
	}
}

// refuses reports whether a policy of the resource denies what comes without TLS.
func (t template) refuses(kind, property, id string) bool {
	for _, p := range t.of(kind) {
		if text(p.Properties[property]) != "${"+id+"}" {
			continue
		}
		for _, s := range statements(p.Properties["PolicyDocument"]) {
			if s["Effect"] == "Deny" && text(s["Condition"]) == `{"Bool":{"aws:SecureTransport":"false"}}` {
				return true
			}
		}
	}
	return false
}

func TestPlansExpireAndBundlesStay(t *testing.T) {
	for id, b := range synthesised.usual.of("AWS::S3::Bucket") {
		if b.Properties["LoggingConfiguration"] == nil || b.Properties["BucketName"] != nil || b.Properties["VersioningConfiguration"] != nil {
			continue
		}
		got := map[string]float64{}
		for _, r := range asList(b.Properties["LifecycleConfiguration"].(map[string]any)["Rules"]) {
			if days, ok := r.(map[string]any)["ExpirationInDays"].(float64); ok {
				got[r.(map[string]any)["Prefix"].(string)] = days
			}
		}
		want := map[string]float64{"plans/": 90, "tfplans/": 1, "orders/": 90, "builds/": 90}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("bucket %s keeps things for days (-want +got):\n%s", id, diff)
		}
	}
}

func TestStatesKeepTheirVersions(t *testing.T) {
	versioned := 0
	for id, b := range synthesised.usual.of("AWS::S3::Bucket") {
		if b.Properties["VersioningConfiguration"] == nil {
			continue
		}
		versioned++
		rules := text(b.Properties["LifecycleConfiguration"])
		if !strings.HasPrefix(id, "States") || b.DeletionPolicy != "Retain" || strings.Contains(rules, "ExpirationInDays") ||
			!strings.Contains(rules, `"NoncurrentVersionExpiration":{"NewerNoncurrentVersions":10,"NoncurrentDays":90}`) {
			t.Errorf("bucket %s (%s): %s", id, b.DeletionPolicy, rules)
		}
	}
	if versioned != 1 {
		t.Errorf("%d buckets have versions; want that of states", versioned)
	}
}

func TestArtefactsLieWhereTheTemplatesForOtherRegionsPutThem(t *testing.T) {
	var here resource
	for _, b := range synthesised.usual.of("AWS::S3::Bucket") {
		if b.Properties["BucketName"] != nil {
			here = b
		}
	}
	elsewhere := read(t, "target-events.yaml").Resources["Artefacts"].Properties
	if got, want := text(here.Properties["BucketName"]), text(elsewhere["BucketName"]); got != want {
		t.Errorf("here they are in %s; elsewhere in %s", got, want)
	}
	if rules := text(here.Properties["LifecycleConfiguration"]); rules != text(elsewhere["LifecycleConfiguration"]) {
		t.Errorf("here they are kept by %s, elsewhere by %s", rules, text(elsewhere["LifecycleConfiguration"]))
	}
}

func TestNoKeyNoSecretNoNetworkIsPaidFor(t *testing.T) {
	for id, r := range synthesised.far.Resources {
		for _, service := range []string{"AWS::KMS::", "AWS::SecretsManager::", "AWS::EC2::", "Custom::", "AWS::CloudFormation::"} {
			if strings.HasPrefix(r.Type, service) {
				t.Errorf("%s is a %s", id, r.Type)
			}
		}
	}
}
