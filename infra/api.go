package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// newAPIURLs makes the two addresses of the api, each of its own alias: IAM cannot tell the
// routes of one address apart, so who may only look is given the alias read. The function
// refuses a route that writes when it is reached through that one.
func newAPIURLs(scope constructs.Construct, api awslambda.Function) (read, write awslambda.FunctionUrl) {
	url := func(id, alias string) awslambda.FunctionUrl {
		a := awslambda.NewAlias(scope, jsii.String(id), &awslambda.AliasProps{
			AliasName: jsii.String(alias), Version: api.CurrentVersion(),
		})
		return a.AddFunctionUrl(&awslambda.FunctionUrlOptions{
			AuthType: awslambda.FunctionUrlAuthType_AWS_IAM, InvokeMode: awslambda.InvokeMode_BUFFERED,
		})
	}
	return url("APIRead", "read"), url("APIWrite", "write")
}
