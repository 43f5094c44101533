package resource

import (
	"encoding/json"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/driftless-gitops/driftless/internal/sandbox/cloudformation/template"
	"github.com/driftless-gitops/driftless/internal/sandbox/wire"
)

func iamKinds() map[string]verbs {
	return map[string]verbs{
		"AWS::IAM::Role":          {roleCreate, roleUpdate, roleDelete, roleRead},
		"AWS::IAM::Policy":        {inlineCreate, inlineUpdate, inlineDelete, nil},
		"AWS::IAM::RolePolicy":    {rolePolicyPut, rolePolicyPut, rolePolicyDelete, nil},
		"AWS::IAM::ManagedPolicy": {managedCreate, managedUpdate, managedDelete, nil},
	}
}

func roleCreate(c *call) (wire.Made, error) {
	name := c.Name("RoleName")
	params := c.pick("Path", "Description", "MaxSessionDuration", "PermissionsBoundary")
	params["RoleName"] = name
	params["AssumeRolePolicyDocument"] = document(c.Properties["AssumeRolePolicyDocument"])
	params["Tags"] = tagList(c.tags(), "Key", "Value")
	n, err := c.query("iam", "CreateRole", params)
	if err != nil {
		return wire.Made{}, err
	}
	c.PhysicalID = name
	return roleMade(name, n), c.rolePolicies(map[string]any{})
}

func roleMade(name string, n *Node) wire.Made {
	return wire.Made{PhysicalID: name, Attributes: map[string]any{"Arn": n.Value("Arn"), "RoleId": n.Value("RoleId")}}
}

func (c *call) iam(action string, params map[string]any) error {
	params["RoleName"] = c.PhysicalID
	_, err := c.query("iam", action, params)
	return err
}

func roleUpdate(c *call) (wire.Made, error) {
	made := wire.Made{PhysicalID: c.PhysicalID}
	live, found, err := roleRead(c)
	if err != nil || !found {
		return made, err
	}
	if err := c.iam("UpdateAssumeRolePolicy", map[string]any{"PolicyDocument": document(c.Properties["AssumeRolePolicyDocument"])}); err != nil {
		return made, err
	}
	settings := map[string]any{"Description": c.text("Description"), "MaxSessionDuration": text(live["MaxSessionDuration"])}
	if !c.has("Description") && c.Previous["Description"] == nil {
		settings["Description"] = text(live["Description"])
	}
	if c.has("MaxSessionDuration") {
		settings["MaxSessionDuration"] = c.text("MaxSessionDuration")
	} else if c.Previous["MaxSessionDuration"] != nil {
		settings["MaxSessionDuration"] = "3600"
	}
	if err := c.iam("UpdateRole", settings); err != nil {
		return made, err
	}
	if boundary := c.text("PermissionsBoundary"); boundary != "" {
		err = c.iam("PutRolePermissionsBoundary", map[string]any{"PermissionsBoundary": boundary})
	} else if c.Previous["PermissionsBoundary"] != nil {
		err = c.iam("DeleteRolePermissionsBoundary", map[string]any{})
	}
	if err != nil {
		return made, err
	}
	if err := c.rolePolicies(live); err != nil {
		return made, err
	}
	return made, c.tagRole(live)
}

func (c *call) tagRole(live map[string]any) error {
	wanted := c.tags()
	if stale := staleTags(tagMap(live["Tags"]), wanted); len(stale) > 0 {
		if err := c.iam("UntagRole", map[string]any{"TagKeys": stale}); err != nil {
			return err
		}
	}
	if len(wanted) == 0 {
		return nil
	}
	return c.iam("TagRole", map[string]any{"Tags": tagList(wanted, "Key", "Value")})
}

// rolePolicies brings the role's attached policies and its own inline ones to those
// declared. Inline policies that an AWS::IAM::Policy put there are not in the role's
// previous properties, and stay.
func (c *call) rolePolicies(live map[string]any) error {
	attached, wanted := template.Strings(live["ManagedPolicyArns"]), c.strings("ManagedPolicyArns")
	declared := c.has("ManagedPolicyArns") || c.Previous["ManagedPolicyArns"] != nil
	for _, arn := range attached {
		if declared && !slices.Contains(wanted, arn) {
			if err := c.iam("DetachRolePolicy", map[string]any{"PolicyArn": arn}); err != nil {
				return err
			}
		}
	}
	for _, arn := range wanted {
		if !slices.Contains(attached, arn) {
			if err := c.iam("AttachRolePolicy", map[string]any{"PolicyArn": arn}); err != nil {
				return err
			}
		}
	}
	inline := policiesOf(c.Properties["Policies"])
	for name := range policiesOf(c.Previous["Policies"]) {
		if _, kept := inline[name]; !kept {
			if err := gone(c.iam("DeleteRolePolicy", map[string]any{"PolicyName": name})); err != nil {
				return err
			}
		}
	}
	for _, name := range sortedKeys(inline) {
		if err := c.iam("PutRolePolicy", map[string]any{"PolicyName": name, "PolicyDocument": permissions(inline[name])}); err != nil {
			return err
		}
	}
	return nil
}

func policiesOf(v any) map[string]any {
	out := map[string]any{}
	list, _ := v.([]any)
	for _, e := range list {
		if m, ok := e.(map[string]any); ok {
			out[text(m["PolicyName"])] = m["PolicyDocument"]
		}
	}
	return out
}

// roleDelete removes what IAM refuses to delete a role with, as CloudFormation does.
func roleDelete(c *call) error {
	n, err := c.query("iam", "ListAttachedRolePolicies", map[string]any{"RoleName": c.PhysicalID})
	if err != nil {
		return err
	}
	for _, p := range n.List("AttachedPolicies") {
		if err := c.iam("DetachRolePolicy", map[string]any{"PolicyArn": p.Value("PolicyArn")}); err != nil {
			return err
		}
	}
	if n, err = c.query("iam", "ListRolePolicies", map[string]any{"RoleName": c.PhysicalID}); err != nil {
		return err
	}
	for _, p := range n.List("PolicyNames") {
		if err := c.iam("DeleteRolePolicy", map[string]any{"PolicyName": p.Text}); err != nil {
			return err
		}
	}
	return c.iam("DeleteRole", map[string]any{})
}

func roleRead(c *call) (map[string]any, bool, error) {
	n, err := c.query("iam", "GetRole", map[string]any{"RoleName": c.PhysicalID})
	if err != nil {
		return nil, false, err
	}
	live := map[string]any{"RoleName": c.PhysicalID, "Path": n.Value("Path"), "MaxSessionDuration": n.Value("MaxSessionDuration"),
		"Description": nil, "PermissionsBoundary": nil,
		"AssumeRolePolicyDocument": decoded(n.Value("AssumeRolePolicyDocument"))}
	if d := n.Value("Description"); d != "" {
		live["Description"] = d
	}
	if b := n.Find("PermissionsBoundary").Value("PermissionsBoundaryArn"); b != "" {
		live["PermissionsBoundary"] = b
	}
	tags := map[string]string{}
	for _, t := range n.List("Tags") {
		tags[t.Value("Key")] = t.Value("Value")
	}
	live["Tags"] = c.ownTags(tags)
	if n, err = c.query("iam", "ListAttachedRolePolicies", map[string]any{"RoleName": c.PhysicalID}); err != nil {
		return nil, false, err
	}
	arns := []any{}
	for _, p := range n.List("AttachedPolicies") {
		if arn := p.Value("PolicyArn"); c.declares(arn) {
			arns = append(arns, arn)
		}
	}
	live["ManagedPolicyArns"] = arns
	return live, true, c.inlineLive(live)
}

// declares says whether an attached policy is the role's own affair: one that it declares or
// declared, or one of AWS's. Others are attached by AWS::IAM::ManagedPolicy resources, which
// name the role, and would be taken for drift of a role that nobody touched.
func (c *call) declares(arn string) bool {
	return c.whole || strings.HasPrefix(arn, "arn:aws:iam::aws:") || slices.Contains(c.strings("ManagedPolicyArns"), arn) ||
		slices.Contains(template.Strings(c.Previous["ManagedPolicyArns"]), arn)
}

// inlineLive reads the declared inline policies: others belong to resources of their own. Of a
// whole read it reads all.
func (c *call) inlineLive(live map[string]any) error {
	names := slices.Sorted(maps.Keys(policiesOf(c.Properties["Policies"])))
	if c.whole {
		n, err := c.query("iam", "ListRolePolicies", map[string]any{"RoleName": c.PhysicalID})
		if err != nil {
			return err
		}
		for _, p := range n.List("PolicyNames") {
			names = append(names, p.Text)
		}
	}
	list := []any{}
	for _, name := range names {
		n, err := c.query("iam", "GetRolePolicy", map[string]any{"RoleName": c.PhysicalID, "PolicyName": name})
		if missing(err) {
			continue
		}
		if err != nil {
			return err
		}
		list = append(list, map[string]any{"PolicyName": name, "PolicyDocument": decoded(n.Value("PolicyDocument"))})
	}
	live["Policies"] = list
	return nil
}

// decoded is a policy document, which IAM answers as text, percent-encoded.
func decoded(s string) any {
	if plain, err := url.QueryUnescape(s); err == nil && s != "" && s[0] == '%' {
		s = plain
	}
	var v any
	if json.Unmarshal([]byte(s), &v) != nil {
		return s
	}
	return v
}

// permissions is a policy of permissions as moto takes it. A policy may lack its version, as
// those of SAM's policy templates do, which is 2008-10-17 then (IAM user guide, "Version");
// moto refuses such ones.
func permissions(v any) string {
	m, ok := v.(map[string]any)
	if _, versioned := m["Version"]; !ok || versioned {
		return document(v)
	}
	m = maps.Clone(m)
	m["Version"] = "2012-10-17"
	return document(m)
}

// holders are those to whom an inline policy or an attachment may belong.
var holders = []struct{ property, parameter, put, remove, attach, detach string }{
	{"Roles", "RoleName", "PutRolePolicy", "DeleteRolePolicy", "AttachRolePolicy", "DetachRolePolicy"},
	{"Users", "UserName", "PutUserPolicy", "DeleteUserPolicy", "AttachUserPolicy", "DetachUserPolicy"},
	{"Groups", "GroupName", "PutGroupPolicy", "DeleteGroupPolicy", "AttachGroupPolicy", "DetachGroupPolicy"},
}

func inlineCreate(c *call) (wire.Made, error) {
	id := c.Name("")[:min(20, len(c.Name("")))]
	return wire.Made{PhysicalID: id, Attributes: map[string]any{"Id": id}}, c.inlinePut()
}

func (c *call) inlinePut() error {
	for _, h := range holders {
		for _, name := range c.strings(h.property) {
			params := map[string]any{h.parameter: name, "PolicyName": c.text("PolicyName"), "PolicyDocument": permissions(c.Properties["PolicyDocument"])}
			if _, err := c.query("iam", h.put, params); err != nil {
				return err
			}
		}
	}
	return nil
}

func inlineUpdate(c *call) (wire.Made, error) {
	if err := c.inlineRemove(c.Previous, func(property, holder string) bool {
		return text(c.Previous["PolicyName"]) == c.text("PolicyName") && slices.Contains(c.strings(property), holder)
	}); err != nil {
		return wire.Made{PhysicalID: c.PhysicalID}, err
	}
	return wire.Made{PhysicalID: c.PhysicalID}, c.inlinePut()
}

func inlineDelete(c *call) error {
	return c.inlineRemove(c.Properties, func(string, string) bool { return false })
}

func (c *call) inlineRemove(properties map[string]any, keep func(property, holder string) bool) error {
	for _, h := range holders {
		for _, name := range template.Strings(properties[h.property]) {
			if keep(h.property, name) {
				continue
			}
			params := map[string]any{h.parameter: name, "PolicyName": text(properties["PolicyName"])}
			if _, err := c.query("iam", h.remove, params); gone(err) != nil {
				return err
			}
		}
	}
	return nil
}

func rolePolicyPut(c *call) (wire.Made, error) {
	_, err := c.query("iam", "PutRolePolicy", map[string]any{"RoleName": c.text("RoleName"), "PolicyName": c.text("PolicyName"),
		"PolicyDocument": permissions(c.Properties["PolicyDocument"])})
	return wire.Made{PhysicalID: c.text("PolicyName") + "|" + c.text("RoleName")}, err
}

func rolePolicyDelete(c *call) error {
	_, err := c.query("iam", "DeleteRolePolicy", c.pick("RoleName", "PolicyName"))
	return err
}

func managedCreate(c *call) (wire.Made, error) {
	params := c.pick("Path", "Description")
	params["PolicyName"] = c.Name("ManagedPolicyName")
	params["PolicyDocument"] = permissions(c.Properties["PolicyDocument"])
	n, err := c.query("iam", "CreatePolicy", params)
	if err != nil {
		return wire.Made{}, err
	}
	c.PhysicalID = n.Value("Arn")
	made := wire.Made{PhysicalID: c.PhysicalID, Attributes: map[string]any{"PolicyArn": c.PhysicalID, "PolicyId": n.Value("PolicyId")}}
	return made, c.attach(c.Properties, nil)
}

// attach gives the policy to those in properties who are not in others; detach the reverse.
func (c *call) attach(properties, others map[string]any) error {
	return c.attachments(properties, others, false)
}

func (c *call) attachments(properties, others map[string]any, detach bool) error {
	for _, h := range holders {
		action := h.attach
		if detach {
			action = h.detach
		}
		for _, name := range template.Strings(properties[h.property]) {
			if slices.Contains(template.Strings(others[h.property]), name) {
				continue
			}
			if _, err := c.query("iam", action, map[string]any{h.parameter: name, "PolicyArn": c.PhysicalID}); gone(err) != nil {
				return err
			}
		}
	}
	return nil
}

// managedUpdate makes a new default version and removes the old one, since IAM keeps five.
func managedUpdate(c *call) (wire.Made, error) {
	made := wire.Made{PhysicalID: c.PhysicalID}
	if c.changed("PolicyDocument") {
		n, err := c.query("iam", "GetPolicy", map[string]any{"PolicyArn": c.PhysicalID})
		if err != nil {
			return made, err
		}
		old := n.Value("DefaultVersionId")
		if _, err := c.query("iam", "CreatePolicyVersion", map[string]any{"PolicyArn": c.PhysicalID,
			"PolicyDocument": permissions(c.Properties["PolicyDocument"]), "SetAsDefault": "true"}); err != nil {
			return made, err
		}
		if _, err := c.query("iam", "DeletePolicyVersion", map[string]any{"PolicyArn": c.PhysicalID, "VersionId": old}); err != nil {
			return made, err
		}
	}
	if err := c.attachments(c.Previous, c.Properties, true); err != nil {
		return made, err
	}
	return made, c.attach(c.Properties, c.Previous)
}

func managedDelete(c *call) error {
	if err := c.attachments(c.Properties, nil, true); err != nil {
		return err
	}
	_, err := c.query("iam", "DeletePolicy", map[string]any{"PolicyArn": c.PhysicalID})
	return err
}
