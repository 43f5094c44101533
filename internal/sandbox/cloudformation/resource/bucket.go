package resource

import (
	"bytes"
	"encoding/xml"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/driftless-gitops/driftless/internal/sandbox/wire"
)

func bucketKinds() map[string]verbs {
	return map[string]verbs{
		"AWS::S3::Bucket":       {bucketCreate, bucketUpdate, bucketDelete, bucketRead},
		"AWS::S3::BucketPolicy": {bucketPolicyPut, bucketPolicyPut, bucketPolicyDelete, nil},
	}
}

func (c *call) s3(method, path string, body []byte) ([]byte, error) {
	return c.S3(c.ctx, c.scope(), method, path, body)
}

func bucketCreate(c *call) (wire.Made, error) {
	name := c.Name("BucketName")
	if _, err := c.s3(http.MethodHead, "/"+name, nil); err == nil {
		return wire.Made{}, &wire.Error{Code: "BucketAlreadyExists", Message: name + " already exists"}
	}
	var body []byte
	if c.Region != "us-east-1" {
		body = []byte("<CreateBucketConfiguration><LocationConstraint>" + c.Region + "</LocationConstraint></CreateBucketConfiguration>")
	}
	if _, err := c.s3(http.MethodPut, "/"+name, body); err != nil {
		return wire.Made{}, err
	}
	c.PhysicalID = name
	return c.bucket(), c.bucketSettings()
}

func (c *call) bucket() wire.Made {
	name := c.PhysicalID
	return wire.Made{PhysicalID: name, Attributes: map[string]any{
		"Arn": "arn:aws:s3:::" + name, "DomainName": name + ".s3.amazonaws.com",
		"DualStackDomainName": name + ".s3.dualstack." + c.Region + ".amazonaws.com",
		"RegionalDomainName":  name + ".s3." + c.Region + ".amazonaws.com",
		"WebsiteURL":          "http://" + name + ".s3-website-" + c.Region + ".amazonaws.com",
	}}
}

func bucketUpdate(c *call) (wire.Made, error) {
	return wire.Made{PhysicalID: c.PhysicalID}, c.bucketSettings()
}

// bucketSettings are a bucket's sub-resources: what each is in CloudFormation and in S3.
// What is not listed (replication, analytics and the like) the sandbox does not apply.
func (c *call) bucketSettings() error {
	path := "/" + c.PhysicalID
	put := func(query, root string, v any) error {
		_, err := c.s3(http.MethodPut, path+"?"+query, toXML(root, v))
		return err
	}
	remove := func(query string) error {
		_, err := c.s3(http.MethodDelete, path+"?"+query, nil)
		return gone(err)
	}
	var errs []error
	if c.has("VersioningConfiguration") {
		errs = append(errs, put("versioning", "VersioningConfiguration", c.Properties["VersioningConfiguration"]))
	} else if c.changed("VersioningConfiguration") {
		errs = append(errs, put("versioning", "VersioningConfiguration", map[string]any{"Status": "Suspended"}))
	}
	if rules := nested(c.Properties, "BucketEncryption", "ServerSideEncryptionConfiguration"); rules != nil {
		errs = append(errs, put("encryption", "ServerSideEncryptionConfiguration", map[string]any{"Rule": bucketEncryption(rules)}))
	} else if c.changed("BucketEncryption") {
		errs = append(errs, remove("encryption"))
	}
	if c.has("PublicAccessBlockConfiguration") {
		errs = append(errs, put("publicAccessBlock", "PublicAccessBlockConfiguration", c.Properties["PublicAccessBlockConfiguration"]))
	} else if c.changed("PublicAccessBlockConfiguration") {
		errs = append(errs, remove("publicAccessBlock"))
	}
	if rules := nested(c.Properties, "OwnershipControls", "Rules"); rules != nil {
		errs = append(errs, put("ownershipControls", "OwnershipControls", map[string]any{"Rule": rules}))
	}
	if rules, ok := nested(c.Properties, "LifecycleConfiguration", "Rules").([]any); ok {
		errs = append(errs, put("lifecycle", "LifecycleConfiguration", map[string]any{"Rule": lifecycle(rules)}))
	} else if c.changed("LifecycleConfiguration") {
		errs = append(errs, remove("lifecycle"))
	}
	if tags := c.tags(); len(tags) > 0 {
		errs = append(errs, put("tagging", "Tagging", map[string]any{"TagSet": map[string]any{"Tag": tagList(tags, "Key", "Value")}}))
	} else {
		errs = append(errs, remove("tagging"))
	}
	return errors.Join(errs...)
}

// bucketEncryption renames the one property that the two APIs spell differently.
func bucketEncryption(rules any) any {
	list, _ := rules.([]any)
	out := []any{}
	for _, r := range list {
		rule, _ := r.(map[string]any)
		renamed := map[string]any{}
		for k, v := range rule {
			if k == "ServerSideEncryptionByDefault" {
				k = "ApplyServerSideEncryptionByDefault"
			}
			renamed[k] = v
		}
		out = append(out, renamed)
	}
	return out
}

// lifecycle turns CloudFormation's rules into S3's.
func lifecycle(rules []any) []any {
	out := []any{}
	for _, r := range rules {
		rule, _ := r.(map[string]any)
		x := map[string]any{"Status": rule["Status"], "Filter": map[string]any{"Prefix": text(rule["Prefix"])}}
		if rule["Id"] != nil {
			x["ID"] = rule["Id"]
		}
		if days := rule["ExpirationInDays"]; days != nil {
			x["Expiration"] = map[string]any{"Days": days}
		}
		if rule["ExpiredObjectDeleteMarker"] != nil {
			x["Expiration"] = map[string]any{"ExpiredObjectDeleteMarker": rule["ExpiredObjectDeleteMarker"]}
		}
		if days := rule["NoncurrentVersionExpirationInDays"]; days != nil {
			x["NoncurrentVersionExpiration"] = map[string]any{"NoncurrentDays": days}
		}
		for _, k := range []string{"NoncurrentVersionExpiration", "AbortIncompleteMultipartUpload"} {
			if rule[k] != nil {
				x[k] = rule[k]
			}
		}
		if t := rule["Transitions"]; t != nil {
			x["Transition"] = transitions(t)
		}
		out = append(out, x)
	}
	return out
}

func transitions(v any) []any {
	list, _ := v.([]any)
	out := []any{}
	for _, e := range list {
		m, _ := e.(map[string]any)
		t := map[string]any{"StorageClass": m["StorageClass"]}
		if d := m["TransitionInDays"]; d != nil {
			t["Days"] = d
		}
		out = append(out, t)
	}
	return out
}

func bucketDelete(c *call) error {
	_, err := c.s3(http.MethodDelete, "/"+c.PhysicalID, nil)
	return err
}

// bucketRead looks at the settings that the template declares: S3 answers each of the others
// with an error of its own when it is not set.
func bucketRead(c *call) (map[string]any, bool, error) {
	if _, err := c.s3(http.MethodHead, "/"+c.PhysicalID, nil); err != nil {
		return nil, false, err
	}
	live := map[string]any{"BucketName": c.PhysicalID, "VersioningConfiguration": nil, "PublicAccessBlockConfiguration": nil, "BucketEncryption": nil}
	get := func(query string) *Node {
		b, err := c.s3(http.MethodGet, "/"+c.PhysicalID+"?"+query, nil)
		if err != nil {
			return nil
		}
		n, _ := parseXML(b)
		return n
	}
	if status := get("versioning").Value("Status"); status != "" {
		live["VersioningConfiguration"] = map[string]any{"Status": status}
	}
	if n := get("publicAccessBlock").Find("PublicAccessBlockConfiguration"); n != nil {
		block := map[string]any{}
		for _, child := range n.Children {
			block[child.Name] = strings.ToLower(child.Text)
		}
		live["PublicAccessBlockConfiguration"] = block
	}
	if n := get("encryption").Find("ServerSideEncryptionConfiguration"); n != nil {
		live["BucketEncryption"] = map[string]any{"ServerSideEncryptionConfiguration": liveEncryption(n)}
	}
	tags := map[string]string{}
	for _, t := range get("tagging").List("TagSet") {
		tags[t.Value("Key")] = t.Value("Value")
	}
	live["Tags"] = c.ownTags(tags)
	return live, true, nil
}

func liveEncryption(n *Node) []any {
	out := []any{}
	for _, rule := range n.Children {
		standard := map[string]any{"SSEAlgorithm": rule.Value("SSEAlgorithm")}
		if key := rule.Value("KMSMasterKeyID"); key != "" {
			standard["KMSMasterKeyID"] = key
		}
		r := map[string]any{"ServerSideEncryptionByDefault": standard}
		if enabled := rule.Value("BucketKeyEnabled"); strings.EqualFold(enabled, "true") {
			r["BucketKeyEnabled"] = true
		}
		out = append(out, r)
	}
	return out
}

// toXML writes v as S3 reads it: lists as repeated elements.
func toXML(name string, v any) []byte {
	var b bytes.Buffer
	writeXML(&b, name, v)
	return b.Bytes()
}

func writeXML(b *bytes.Buffer, name string, v any) {
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			writeXML(b, name, e)
		}
		return
	case map[string]any:
		b.WriteString("<" + name + ">")
		for _, k := range sortedKeys(v) {
			writeXML(b, k, v[k])
		}
	default:
		b.WriteString("<" + name + ">")
		_ = xml.EscapeText(b, []byte(text(v))) // a bytes.Buffer does not fail
	}
	b.WriteString("</" + name + ">")
}

func sortedKeys[V any](m map[string]V) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

// bucketPolicyPut leaves out of moto the denials that depend on a condition: moto's S3 takes
// them for denials of everything (it looks at no condition, s3/models.py, 5.2.1), and nearly
// every bucket denies what does not come over TLS.
func bucketPolicyPut(c *call) (wire.Made, error) {
	made := wire.Made{PhysicalID: c.text("Bucket")}
	policy, ok := decodedDocument(c.Properties["PolicyDocument"])
	if !ok {
		return made, &wire.Error{Code: "MalformedPolicy", Message: "Policies must be valid JSON and the first byte must be '{'"}
	}
	kept := []any{}
	statements, isList := policy["Statement"].([]any)
	if !isList {
		statements = []any{policy["Statement"]}
	}
	for _, s := range statements {
		if statement, _ := s.(map[string]any); statement["Effect"] != "Deny" || statement["Condition"] == nil {
			kept = append(kept, s)
		}
	}
	policy["Statement"] = kept
	if len(kept) == 0 {
		return made, gone(bucketPolicyDelete(c))
	}
	_, err := c.s3(http.MethodPut, "/"+c.text("Bucket")+"?policy", []byte(document(policy)))
	return made, err
}

// decodedDocument returns a copy of a document given as an object or as text.
func decodedDocument(v any) (map[string]any, bool) {
	m, ok := decoded(document(v)).(map[string]any)
	return m, ok
}

func bucketPolicyDelete(c *call) error {
	_, err := c.s3(http.MethodDelete, "/"+c.text("Bucket")+"?policy", nil)
	return err
}
