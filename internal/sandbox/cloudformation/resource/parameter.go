package resource

import (
	"crypto/rand"
	"strconv"

	"github.com/driftless-gitops/driftless/internal/sandbox/wire"
)

func parameterKinds() map[string]verbs {
	return map[string]verbs{
		"AWS::SSM::Parameter":         {parameterCreate, parameterUpdate, parameterDelete, parameterRead},
		"AWS::SecretsManager::Secret": {secretCreate, secretUpdate, secretDelete, nil},
	}
}

var parameterProperties = []string{"Type", "Value", "Description", "AllowedPattern", "Tier", "DataType", "Policies"}

func parameterCreate(c *call) (wire.Made, error) {
	c.PhysicalID = c.Name("Name")
	in := c.pick(parameterProperties...)
	in["Name"], in["Value"] = c.PhysicalID, c.text("Value")
	in["Tags"] = tagList(c.tags(), "Key", "Value")
	if _, err := c.json("ssm", "PutParameter", in); err != nil {
		return wire.Made{}, err
	}
	return c.parameter(), nil
}

func (c *call) parameter() wire.Made {
	return wire.Made{PhysicalID: c.PhysicalID, Attributes: map[string]any{"Type": c.text("Type"), "Value": c.text("Value")}}
}

func parameterUpdate(c *call) (wire.Made, error) {
	in := c.pick(parameterProperties...)
	in["Name"], in["Value"], in["Overwrite"] = c.PhysicalID, c.text("Value"), true
	if _, err := c.json("ssm", "PutParameter", in); err != nil {
		return wire.Made{PhysicalID: c.PhysicalID}, err
	}
	return c.parameter(), c.tagParameter()
}

func (c *call) tagParameter() error {
	tags, err := c.parameterTags()
	if err != nil {
		return err
	}
	in := map[string]any{"ResourceType": "Parameter", "ResourceId": c.PhysicalID}
	wanted := c.tags()
	if stale := staleTags(tags, wanted); len(stale) > 0 {
		in["TagKeys"] = stale
		if _, err := c.json("ssm", "RemoveTagsFromResource", in); err != nil {
			return err
		}
		delete(in, "TagKeys")
	}
	if len(wanted) == 0 {
		return nil
	}
	in["Tags"] = tagList(wanted, "Key", "Value")
	_, err = c.json("ssm", "AddTagsToResource", in)
	return err
}

func (c *call) parameterTags() (map[string]string, error) {
	out, err := c.json("ssm", "ListTagsForResource", map[string]any{"ResourceType": "Parameter", "ResourceId": c.PhysicalID})
	return tagMap(out["TagList"]), err
}

func parameterDelete(c *call) error {
	_, err := c.json("ssm", "DeleteParameter", map[string]any{"Name": c.PhysicalID})
	return err
}

// parameterRead leaves out what the type's schema calls write-only.
func parameterRead(c *call) (map[string]any, bool, error) {
	out, err := c.json("ssm", "GetParameter", map[string]any{"Name": c.PhysicalID})
	if err != nil {
		return nil, false, err
	}
	live := map[string]any{"Name": c.PhysicalID, "Type": nested(out, "Parameter", "Type"),
		"Value": nested(out, "Parameter", "Value"), "DataType": "text"}
	if d := nested(out, "Parameter", "DataType"); d != nil {
		live["DataType"] = d
	}
	tags, err := c.parameterTags()
	own := map[string]any{}
	for k, v := range tagMap(c.ownTags(tags)) {
		own[k] = v
	}
	live["Tags"] = own
	return live, true, err
}

func secretCreate(c *call) (wire.Made, error) {
	name := c.Name("Name")
	in := map[string]any{"Name": name, "Tags": tagList(c.tags(), "Key", "Value"), "Description": c.text("Description"),
		"SecretString": c.secret(), "ClientRequestToken": rand.Text() + rand.Text()}
	if c.has("KmsKeyId") {
		in["KmsKeyId"] = c.text("KmsKeyId")
	}
	out, err := c.json("secretsmanager", "CreateSecret", in)
	arn := text(out["ARN"])
	return wire.Made{PhysicalID: arn, Attributes: map[string]any{"Id": arn}}, err
}

// secret is the declared text, or a random one as GenerateSecretString asks: alone, or as
// one key of a JSON template.
func (c *call) secret() string {
	if c.has("SecretString") {
		return c.text("SecretString")
	}
	generate := c.object("GenerateSecretString")
	length, err := strconv.Atoi(text(generate["PasswordLength"]))
	if err != nil {
		length = 32
	}
	random := ""
	for len(random) < length {
		random += rand.Text()
	}
	random = random[:length]
	key := text(generate["GenerateStringKey"])
	if key == "" {
		return random
	}
	body, ok := decoded(text(generate["SecretStringTemplate"])).(map[string]any)
	if !ok {
		body = map[string]any{}
	}
	body[key] = random
	return document(body)
}

func secretUpdate(c *call) (wire.Made, error) {
	in := map[string]any{"SecretId": c.PhysicalID, "Description": c.text("Description"), "ClientRequestToken": rand.Text() + rand.Text()}
	if c.changed("SecretString") || c.changed("GenerateSecretString") {
		in["SecretString"] = c.secret()
	}
	_, err := c.json("secretsmanager", "UpdateSecret", in)
	return wire.Made{PhysicalID: c.PhysicalID}, err
}

func secretDelete(c *call) error {
	_, err := c.json("secretsmanager", "DeleteSecret", map[string]any{"SecretId": c.PhysicalID, "ForceDeleteWithoutRecovery": true})
	return err
}
