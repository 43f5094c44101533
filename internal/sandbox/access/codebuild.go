package access

import (
	"encoding/json"
	"strings"

	"github.com/driftless-gitops/driftless/internal/sandbox/lambda/policy"
)

// overrides are the condition keys by which a policy sees that StartBuild overrides something
// (Service Authorization Reference, CodeBuild; CodeBuild user guide, "AWS CodeBuild condition
// keys"). sourceVersion, sourceTypeOverride, debugSessionEnabled, the time-outs, the git
// settings, the host's kernel and reportBuildStatusOverride have none.
var overrides = map[string]string{
	"buildspecOverride":                "codebuild:source.buildspec",
	"sourceLocationOverride":           "codebuild:source.location",
	"sourceAuthOverride":               "codebuild:source.auth.type",
	"insecureSslOverride":              "codebuild:source.insecureSsl",
	"buildStatusConfigOverride":        "codebuild:source.buildStatusConfig.context",
	"secondarySourcesOverride":         "codebuild:secondarySources",
	"artifactsOverride":                "codebuild:artifacts",
	"secondaryArtifactsOverride":       "codebuild:secondaryArtifacts",
	"cacheOverride":                    "codebuild:cache",
	"logsConfigOverride":               "codebuild:logsConfig",
	"serviceRoleOverride":              "codebuild:serviceRole",
	"encryptionKeyOverride":            "codebuild:encryptionKey",
	"autoRetryLimitOverride":           "codebuild:autoRetryLimit",
	"imageOverride":                    "codebuild:environment.image",
	"imagePullCredentialsTypeOverride": "codebuild:environment.imagePullCredentialsType",
	"registryCredentialOverride":       "codebuild:environment.registryCredential",
	"environmentTypeOverride":          "codebuild:environment.type",
	"computeTypeOverride":              "codebuild:environment.computeType",
	"certificateOverride":              "codebuild:environment.certificate",
	"privilegedModeOverride":           "codebuild:environment.privilegedMode",
	"fleetOverride":                    "codebuild:environment.fleet.fleetArn",
}

// codebuild asks on the project: a build is one of its project's (CodeBuild user guide,
// "Permissions reference").
func (c Call) codebuild() ([]policy.Request, bool) {
	var in struct {
		ProjectName, Name, ID, ServiceRole string
		IDs, Names                         []string
	}
	if json.Unmarshal(c.Body, &in) != nil {
		return nil, false
	}
	switch c.Action {
	case "StartBuild":
		return c.startBuild(in.ProjectName), true
	case "StopBuild":
		return c.one(c.projectOf(in.ID)), true
	case "BatchGetBuilds":
		return c.each(in.IDs), true
	case "BatchGetProjects":
		return c.each(in.Names), true
	case "ListBuildsForProject":
		return c.one(c.projectOf(in.ProjectName)), true
	case "DeleteProject":
		return c.one(c.projectOf(in.Name)), true
	case "CreateProject", "UpdateProject":
		asked := c.one(c.projectOf(in.Name))
		if in.ServiceRole != "" {
			asked = append(asked, passed(in.ServiceRole))
		}
		return asked, true
	}
	return nil, false
}

// startBuild asks once for each variable that is overridden, so that each has one name: the
// key of the names has several values on AWS.
func (c Call) startBuild(project string) []policy.Request {
	var fields map[string]json.RawMessage
	var in struct {
		Variables []struct{ Name, Value string } `json:"environmentVariablesOverride"`
		Role      string                         `json:"serviceRoleOverride"`
	}
	if json.Unmarshal(c.Body, &fields) != nil || json.Unmarshal(c.Body, &in) != nil {
		return c.one(c.projectOf(project)) // the service itself says what is wrong with it
	}
	request := func() policy.Request {
		r := c.one(c.projectOf(project))[0]
		for field, key := range overrides {
			if value, ok := fields[field]; ok {
				r.Context[key] = strings.Trim(string(value), `"`)
			}
		}
		return r
	}
	var asked []policy.Request
	for _, v := range in.Variables {
		r := request()
		r.Context["codebuild:environment.environmentVariables.name"] = v.Name
		r.Context["codebuild:environment.environmentVariables.value"] = v.Value
		r.Context["codebuild:environment.environmentVariables/"+v.Name+".value"] = v.Value
		asked = append(asked, r)
	}
	if len(asked) == 0 {
		asked = append(asked, request())
	}
	if in.Role != "" {
		asked = append(asked, passed(in.Role))
	}
	return asked
}

// passed asks to hand a role to CodeBuild.
func passed(role string) policy.Request {
	return policy.Request{Action: "iam:PassRole", Resource: role, Context: map[string]string{"iam:PassedToService": "codebuild.amazonaws.com"}}
}

func (c Call) each(names []string) []policy.Request {
	var asked []policy.Request
	for _, name := range names {
		asked = append(asked, c.one(c.projectOf(name))...)
	}
	return asked
}

// projectOf is the ARN of the project that a name, a build's id or a build's ARN belongs to.
func (c Call) projectOf(name string) string {
	if i := strings.LastIndex(name, "/"); i >= 0 {
		name = name[i+1:]
	}
	name, _, _ = strings.Cut(name, ":")
	return c.arn("codebuild", "project/"+name)
}
