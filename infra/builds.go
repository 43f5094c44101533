package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscodebuild"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3assets"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	contract "github.com/driftless-gitops/driftless/internal/build"
)

// side is a project of builds as this installation makes it.
type side struct {
	name, description string
	timeout           float64 // minutes
}

// sides are the two, told apart by what their roles may do (ADR 0016). An apply may take as
// long as CodeBuild took at most for years; a plan that takes over an hour has gone astray.
var sides = []side{
	{string(contract.SidePlan), "Plans for review, and looks for drift", 60},
	{string(contract.SideApply), "Plans what nobody has to approve, and applies", 480},
}

// project is the name of a side's project, which its role's trust and the reconciler know.
func (s side) project() string { return "driftless-" + s.name }

// images are AWS's own, by architecture; both have its command line, bash and coreutils.
var images = map[string]struct{ kind, image string }{
	"arm64":  {"ARM_CONTAINER", "aws/codebuild/amazonlinux-aarch64-standard:3.0"},
	"x86_64": {"LINUX_CONTAINER", "aws/codebuild/amazonlinux-x86_64-standard:5.0"},
}

// program is what a build runs: an asset, as the functions' code is, by its digest. It stays
// where the CDK puts assets, since to copy it elsewhere takes a function that may write there.
type program struct {
	asset  awss3assets.Asset
	digest string
	spec   string // the buildspec that runs it
}

func (i installation) newProgram() (program, error) {
	data, err := os.ReadFile(i.settings.Runner)
	if err != nil {
		return program{}, fmt.Errorf("read the program of builds: %w", err)
	}
	spec, err := os.ReadFile(i.settings.BuildSpec)
	if err != nil {
		return program{}, fmt.Errorf("read buildspec: %w", err)
	}
	sum := sha256.Sum256(data)
	return program{digest: hex.EncodeToString(sum[:]), spec: string(spec),
		asset: awss3assets.NewAsset(i.stack, jsii.String("Runner"), &awss3assets.AssetProps{Path: jsii.String(i.settings.Runner)}),
	}, nil
}

// newBuilds makes the projects and returns their roles, by side. Builds start by the
// reconciler's StartBuild alone: there is no webhook, and no source.
func (i installation) newBuilds() (map[string]awsiam.Role, error) {
	p, err := i.newProgram()
	if err != nil {
		return nil, err
	}
	roles := map[string]awsiam.Role{}
	for _, s := range sides {
		roles[s.name] = i.newProject(s, p)
	}
	return roles, nil
}

func (i installation) newProject(s side, p program) awsiam.Role {
	scope := constructs.NewConstruct(i.stack, jsii.String(s.name))
	logs := awslogs.NewLogGroup(scope, jsii.String("Logs"), &awslogs.LogGroupProps{
		LogGroupName:  jsii.String("/aws/codebuild/" + s.project()),
		Retention:     awslogs.RetentionDays_ONE_MONTH,
		RemovalPolicy: awscdk.RemovalPolicy_DESTROY,
	})
	rights := append(i.buildRights(s.name),
		allow("Program", acts("s3:GetObject"), p.asset.Bucket().ArnForObjects(p.asset.S3ObjectKey())),
		allow("Log", acts("logs:CreateLogStream", "logs:PutLogEvents"), logs.LogGroupArn(), jsii.String(*logs.LogGroupArn()+":*")))
	role := newServiceRole(scope, "codebuild.amazonaws.com", map[string]any{
		"StringEquals": map[string]any{"aws:SourceAccount": awscdk.Aws_ACCOUNT_ID()},
		"ArnEquals":    map[string]any{"aws:SourceArn": i.arn("codebuild", "project/"+s.project())},
	}, rights)
	suppress(role, "AwsSolutions-IAM5", "Objects are named by digest, token or application, states by application, secrets by their owner, and streams of a log by their build.")
	image := images[i.settings.Architecture]
	variable := func(name, value string) *awscodebuild.CfnProject_EnvironmentVariableProperty {
		return &awscodebuild.CfnProject_EnvironmentVariableProperty{Name: jsii.String(name), Value: jsii.String(value), Type: jsii.String("PLAINTEXT")}
	}
	made := awscodebuild.NewCfnProject(scope, jsii.String("Project"), &awscodebuild.CfnProjectProps{
		Name: jsii.String(s.project()), Description: jsii.String(s.description), ServiceRole: role.RoleArn(),
		Source:    &awscodebuild.CfnProject_SourceProperty{Type: jsii.String("NO_SOURCE"), BuildSpec: jsii.String(p.spec)},
		Artifacts: &awscodebuild.CfnProject_ArtifactsProperty{Type: jsii.String("NO_ARTIFACTS")},
		Environment: &awscodebuild.CfnProject_EnvironmentProperty{
			Type: jsii.String(image.kind), Image: jsii.String(image.image), ComputeType: jsii.String("BUILD_GENERAL1_SMALL"),
			ImagePullCredentialsType: jsii.String("CODEBUILD"), PrivilegedMode: jsii.Bool(false),
			EnvironmentVariables: []*awscodebuild.CfnProject_EnvironmentVariableProperty{
				variable(contract.EnvBucket, *i.data.BucketName()),
				variable(contract.EnvRunnerBucket, *p.asset.S3BucketName()),
				variable(contract.EnvRunnerKey, *p.asset.S3ObjectKey()),
				variable(contract.EnvRunnerSHA256, p.digest),
			},
		},
		EncryptionKey:    jsii.String("alias/aws/s3"), // what CodeBuild takes without one, and what a drift detection would find
		TimeoutInMinutes: jsii.Number(s.timeout), QueuedTimeoutInMinutes: jsii.Number(480),
		LogsConfig: &awscodebuild.CfnProject_LogsConfigProperty{CloudWatchLogs: &awscodebuild.CfnProject_CloudWatchLogsConfigProperty{
			Status: jsii.String("ENABLED"), GroupName: logs.LogGroupName()}},
		Visibility: jsii.String("PRIVATE"),
	})
	suppress(made, "AwsSolutions-CB4", "There are no artifacts to encrypt, and a key of one's own costs a dollar a month.")
	return role
}

// buildRights says what the builds of a side may do. They write below their own side's
// prefixes alone, so that what is planned for review can change nothing of what is applied;
// and a plan may lock a state but not change it. What Terraform's variables refer to is read
// by both: without its variables nothing can be planned.
func (i installation) buildRights(name string) []*awsiam.PolicyStatementProps {
	own := []string{"builds/" + name + "/", "tfplans/" + name + "/"}
	reads, states := []string{"bundles/", "orders/", "builds/" + name + "/"}, "/*.tflock"
	if name == string(contract.SideApply) {
		reads, states = append(reads, "tfplans/"), "/*"
	}
	in := func(objects string) *string { return jsii.String(*i.states.BucketArn() + objects) }
	return []*awsiam.PolicyStatementProps{
		allow("Read", acts("s3:GetObject"), i.blobs(reads...)...),
		allow("Report", acts("s3:PutObject"), i.blobs(own...)...),
		allow("States", acts("s3:GetObject"), in("/*")),
		allow("WriteStates", acts("s3:PutObject"), in(states)),
		allow("Unlock", acts("s3:DeleteObject"), in("/*.tflock")),
		allow("TellMissing", acts("s3:ListBucket"), i.data.BucketArn(), i.states.BucketArn()),
		allow("Targets", acts("sts:AssumeRole"), i.buildRoles(name)...),
		allow("Wake", acts("sqs:SendMessage"), i.queues.work.QueueArn()),
		allow("Parameters", acts("ssm:GetParameter"), i.arn("ssm", "parameter/driftless/terraform/*")),
		allow("Secrets", acts("secretsmanager:GetSecretValue"), i.arn("secretsmanager", "secret:driftless/terraform/*")),
	}
}

// buildRoles lists the roles of the targets that builds assume on a side: Terraform's providers,
// and where CDK apps are synthesised, the CDK.
func (i installation) buildRoles(name string) []*string {
	var roles []*string
	for _, t := range i.targets() {
		role := t.PlanRole
		if name == string(contract.SideApply) {
			role = t.ApplyRole
		}
		roles = append(roles, jsii.String(role))
		if name == string(contract.SidePlan) {
			roles = append(roles, jsii.String(t.cdkRole()))
		}
	}
	return roles
}

// projects returns the ARNs of the two projects.
func (i installation) projects() []*string {
	var arns []*string
	for _, s := range sides {
		arns = append(arns, i.arn("codebuild", "project/"+s.project()))
	}
	return arns
}

// overrides are the condition keys of what StartBuild may override (Service Authorization
// Reference, CodeBuild; CodeBuild user guide, "AWS CodeBuild condition keys"). IAM has none
// for the time-outs, a debugging session, the source's type and version, git's settings, the
// host's kernel and the report of a status: that the reconciler sends none of them is its
// program's word alone. None of them changes what a build without a source runs.
var overrides = []string{
	"artifacts", "autoRetryLimit", "cache", "encryptionKey", "environment.certificate", "environment.computeType",
	"environment.fleet.fleetArn", "environment.image", "environment.imagePullCredentialsType", "environment.privilegedMode",
	"environment.registryCredential", "environment.type", "logsConfig", "secondaryArtifacts", "secondarySources", "serviceRole",
	"source.auth.type", "source.buildStatusConfig.context", "source.buildspec", "source.insecureSsl", "source.location",
}

// startBuilds lets builds be started with their order and application, and nothing else said:
// whoever could name another program, image or role would have a project's rights.
func (i installation) startBuilds() *awsiam.PolicyStatementProps {
	absent := map[string]any{}
	for _, key := range overrides {
		absent["codebuild:"+key] = "true"
	}
	s := allow("Build", acts("codebuild:StartBuild"), i.projects()...)
	s.Conditions = &map[string]any{"Null": absent, "ForAllValues:StringEquals": map[string]any{
		"codebuild:environment.environmentVariables.name": []string{contract.EnvOrder, contract.EnvApplication}}}
	return s
}

// settingsOfBuilds is what the reconciler is told of them, in DRIFTLESS_BUILDS.
func (i installation) settingsOfBuilds() (string, error) {
	text, err := json.Marshal(map[string]string{
		"plan": sides[0].project(), "apply": sides[1].project(), "states": *i.states.BucketName(),
	})
	if err != nil {
		return "", fmt.Errorf("write settings of builds: %w", err)
	}
	return string(text), nil
}
