package template

// rule says how "aws cloudformation package" treats a property that may name a local file.
type rule struct {
	property string // below Properties; a dot leads into a mapping
	// bucket, key and version are the keys of the mapping that stands for an object. Where
	// they are empty, the text "s3://bucket/key" does.
	bucket, key, version string
	zip                  bool // a file that is no archive is put into one, as a folder always is
	whole                bool // without the property, the template's own folder is meant
	nested               bool // a template, which is packaged in its turn; its address stands for it
	macro                bool // a snippet that AWS::Include puts in
}

// rules are the properties by type of resource, as of AWS CLI 1.45.11
// (awscli/customizations/cloudformation/artifact_exporter.py, RESOURCES_EXPORT_LIST), whose
// documentation names most of them:
// https://docs.aws.amazon.com/cli/latest/reference/cloudformation/package.html
//
// Two differ: without Command.ScriptLocation the CLI would make the folder a Glue job's
// script, which no archive can be; and an HttpApi's definition only the SAM CLI uploads
// (aws-sam-cli, samcli/lib/utils/resources.py, RESOURCES_WITH_LOCAL_PATHS).
var rules = map[string][]rule{
	"AWS::ApiGateway::RestApi": {{property: "BodyS3Location", bucket: "Bucket", key: "Key", version: "Version"}},
	"AWS::AppSync::FunctionConfiguration": {
		{property: "RequestMappingTemplateS3Location"}, {property: "ResponseMappingTemplateS3Location"}},
	"AWS::AppSync::GraphQLSchema": {{property: "DefinitionS3Location"}},
	"AWS::AppSync::Resolver": {
		{property: "RequestMappingTemplateS3Location"}, {property: "ResponseMappingTemplateS3Location"}},
	"AWS::CloudFormation::Stack": {{property: "TemplateURL", nested: true}},
	"AWS::CodeCommit::Repository": {
		{property: "Code.S3", bucket: "Bucket", key: "Key", version: "ObjectVersion", zip: true}},
	"AWS::ElasticBeanstalk::ApplicationVersion": {{property: "SourceBundle", bucket: "S3Bucket", key: "S3Key", whole: true}},
	"AWS::Glue::Job":                   {{property: "Command.ScriptLocation"}},
	"AWS::Lambda::Function":            {{property: "Code", bucket: "S3Bucket", key: "S3Key", version: "S3ObjectVersion", zip: true, whole: true}},
	"AWS::Lambda::LayerVersion":        {{property: "Content", bucket: "S3Bucket", key: "S3Key", version: "S3ObjectVersion", zip: true, whole: true}},
	"AWS::Serverless::Api":             {{property: "DefinitionUri"}},
	"AWS::Serverless::Application":     {{property: "Location", nested: true}},
	"AWS::Serverless::Function":        {functionCode},
	"AWS::Serverless::HttpApi":         {{property: "DefinitionUri"}},
	"AWS::Serverless::LayerVersion":    {{property: "ContentUri", zip: true, whole: true}},
	"AWS::Serverless::StateMachine":    {{property: "DefinitionUri", bucket: "Bucket", key: "Key", version: "Version"}},
	"AWS::StepFunctions::StateMachine": {{property: "DefinitionS3Location", bucket: "Bucket", key: "Key", version: "Version"}},
}

// functionCode is the rule of AWS::Serverless::Function, and of what its Globals say.
var functionCode = rule{property: "CodeUri", zip: true, whole: true}

// elsewhere are the properties beside which a function's code is not missing, though CodeUri
// is. The CLI, which does not know them, would add the folder to them.
// https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-resource-function.html
var elsewhere = []string{"InlineCode", "ImageUri"}

// application are the properties of Metadata's AWS::ServerlessRepo::Application
// (METADATA_EXPORT_LIST of the same file).
var application = []rule{{property: "LicenseUrl"}, {property: "ReadmeUrl"}}
