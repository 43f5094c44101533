package resource

import (
	"maps"
	"strings"

	"github.com/driftless-gitops/driftless/internal/sandbox/wire"
)

func operationKinds() map[string]verbs {
	return map[string]verbs{
		"AWS::Logs::LogGroup":        {logGroupCreate, logGroupUpdate, logGroupDelete, nil},
		"AWS::CloudWatch::Alarm":     {alarmCreate, alarmPut, alarmDelete, nil},
		"AWS::ECR::Repository":       {repositoryCreate, repositoryUpdate, repositoryDelete, nil},
		"AWS::KMS::Key":              {keyCreate, keyUpdate, keyDelete, nil},
		"AWS::KMS::Alias":            {aliasCreate, aliasUpdate, aliasDelete, nil},
		"AWS::CloudWatch::Dashboard": {dashboardCreate, dashboardPut, dashboardDelete, nil},
	}
}

func logGroupCreate(c *call) (wire.Made, error) {
	c.PhysicalID = c.Name("LogGroupName")
	in := map[string]any{"logGroupName": c.PhysicalID, "tags": c.tags()}
	if c.has("KmsKeyId") {
		in["kmsKeyId"] = c.text("KmsKeyId")
	}
	if _, err := c.json("logs", "CreateLogGroup", in); err != nil {
		return wire.Made{}, err
	}
	_, err := logGroupUpdate(c)
	return c.logGroup(), err
}

func (c *call) logGroup() wire.Made {
	return wire.Made{PhysicalID: c.PhysicalID, Attributes: map[string]any{"Arn": c.arn("logs", "log-group:"+c.PhysicalID+":*")}}
}

func logGroupUpdate(c *call) (wire.Made, error) {
	made := wire.Made{PhysicalID: c.PhysicalID}
	in := map[string]any{"logGroupName": c.PhysicalID}
	if !c.has("RetentionInDays") {
		if c.Previous["RetentionInDays"] == nil {
			return made, nil
		}
		_, err := c.json("logs", "DeleteRetentionPolicy", in)
		return made, err
	}
	in["retentionInDays"] = c.Properties["RetentionInDays"]
	_, err := c.json("logs", "PutRetentionPolicy", typed(in, []string{"retentionInDays"}, nil))
	return made, err
}

func logGroupDelete(c *call) error {
	_, err := c.json("logs", "DeleteLogGroup", map[string]any{"logGroupName": c.PhysicalID})
	return err
}

func alarmCreate(c *call) (wire.Made, error) {
	c.PhysicalID = c.Name("AlarmName")
	return alarmPut(c)
}

func alarmPut(c *call) (wire.Made, error) {
	params := maps.Clone(c.Properties)
	delete(params, "Tags")
	params["AlarmName"] = c.PhysicalID
	params["Tags"] = tagList(c.tags(), "Key", "Value")
	_, err := c.query("monitoring", "PutMetricAlarm", params)
	return wire.Made{PhysicalID: c.PhysicalID, Attributes: map[string]any{"Arn": c.arn("cloudwatch", "alarm:"+c.PhysicalID)}}, err
}

func alarmDelete(c *call) error {
	_, err := c.query("monitoring", "DeleteAlarms", map[string]any{"AlarmNames": []any{c.PhysicalID}})
	return err
}

func dashboardCreate(c *call) (wire.Made, error) {
	c.PhysicalID = c.Name("DashboardName")
	return dashboardPut(c)
}

func dashboardPut(c *call) (wire.Made, error) {
	params := map[string]any{"DashboardName": c.PhysicalID, "DashboardBody": document(c.Properties["DashboardBody"])}
	_, err := c.query("monitoring", "PutDashboard", params)
	return wire.Made{PhysicalID: c.PhysicalID}, err
}

func dashboardDelete(c *call) error {
	_, err := c.query("monitoring", "DeleteDashboards", map[string]any{"DashboardNames": []any{c.PhysicalID}})
	return err
}

func repositoryCreate(c *call) (wire.Made, error) {
	c.PhysicalID = c.Name("RepositoryName")
	in := map[string]any{"repositoryName": c.PhysicalID, "tags": tagList(c.tags(), "Key", "Value")}
	for property, key := range map[string]string{"ImageTagMutability": "imageTagMutability",
		"EncryptionConfiguration": "encryptionConfiguration", "ImageScanningConfiguration": "imageScanningConfiguration"} {
		if c.has(property) {
			in[key] = camel(c.Properties[property])
		}
	}
	out, err := c.json("ecr", "CreateRepository", typed(in, nil, []string{"scanOnPush"}))
	if err != nil {
		return wire.Made{}, err
	}
	made, err := repositoryUpdate(c)
	made.Attributes = map[string]any{"Arn": nested(out, "repository", "repositoryArn"), "RepositoryUri": nested(out, "repository", "repositoryUri")}
	return made, err
}

func repositoryUpdate(c *call) (wire.Made, error) {
	made := wire.Made{PhysicalID: c.PhysicalID}
	if c.has("RepositoryPolicyText") {
		if _, err := c.json("ecr", "SetRepositoryPolicy", map[string]any{"repositoryName": c.PhysicalID,
			"policyText": document(c.Properties["RepositoryPolicyText"])}); err != nil {
			return made, err
		}
	}
	if policy := nested(c.Properties, "LifecyclePolicy", "LifecyclePolicyText"); policy != nil {
		if _, err := c.json("ecr", "PutLifecyclePolicy", map[string]any{"repositoryName": c.PhysicalID, "lifecyclePolicyText": document(policy)}); err != nil {
			return made, err
		}
	}
	if c.has("ImageTagMutability") && c.changed("ImageTagMutability") {
		_, err := c.json("ecr", "PutImageTagMutability", map[string]any{"repositoryName": c.PhysicalID, "imageTagMutability": c.text("ImageTagMutability")})
		return made, err
	}
	return made, nil
}

func repositoryDelete(c *call) error {
	force := strings.EqualFold(c.text("EmptyOnDelete"), "true")
	_, err := c.json("ecr", "DeleteRepository", map[string]any{"repositoryName": c.PhysicalID, "force": force})
	return err
}

func keyCreate(c *call) (wire.Made, error) {
	in := c.pick("Description", "KeyUsage", "KeySpec", "MultiRegion")
	in["Tags"] = tagList(c.tags(), "TagKey", "TagValue")
	if c.has("KeyPolicy") {
		in["Policy"] = document(c.Properties["KeyPolicy"])
	}
	out, err := c.json("kms", "CreateKey", typed(in, nil, []string{"MultiRegion"}))
	if err != nil {
		return wire.Made{}, err
	}
	c.PhysicalID = text(nested(out, "KeyMetadata", "KeyId"))
	made, err := keyUpdate(c)
	made.Attributes = map[string]any{"Arn": nested(out, "KeyMetadata", "Arn"), "KeyId": c.PhysicalID}
	return made, err
}

func keyUpdate(c *call) (wire.Made, error) {
	made := wire.Made{PhysicalID: c.PhysicalID}
	if c.has("KeyPolicy") && c.changed("KeyPolicy") {
		if _, err := c.json("kms", "PutKeyPolicy", map[string]any{"KeyId": c.PhysicalID, "PolicyName": "default", "Policy": document(c.Properties["KeyPolicy"])}); err != nil {
			return made, err
		}
	}
	if !c.changed("EnableKeyRotation") {
		return made, nil
	}
	operation := "DisableKeyRotation"
	if strings.EqualFold(c.text("EnableKeyRotation"), "true") {
		operation = "EnableKeyRotation"
	}
	_, err := c.json("kms", operation, map[string]any{"KeyId": c.PhysicalID})
	return made, err
}

// keyDelete schedules the deletion, as CloudFormation does: keys are never gone at once.
func keyDelete(c *call) error {
	days := 30
	in := map[string]any{"KeyId": c.PhysicalID, "PendingWindowInDays": days}
	if c.has("PendingWindowInDays") {
		in["PendingWindowInDays"] = c.Properties["PendingWindowInDays"]
	}
	_, err := c.json("kms", "ScheduleKeyDeletion", typed(in, []string{"PendingWindowInDays"}, nil))
	return err
}

func aliasCreate(c *call) (wire.Made, error) {
	_, err := c.json("kms", "CreateAlias", c.pick("AliasName", "TargetKeyId"))
	return wire.Made{PhysicalID: c.text("AliasName")}, err
}

func aliasUpdate(c *call) (wire.Made, error) {
	_, err := c.json("kms", "UpdateAlias", c.pick("AliasName", "TargetKeyId"))
	return wire.Made{PhysicalID: c.PhysicalID}, err
}

func aliasDelete(c *call) error {
	_, err := c.json("kms", "DeleteAlias", map[string]any{"AliasName": c.PhysicalID})
	return err
}
