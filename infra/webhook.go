package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
)

// newWebhookURL makes the one address that needs no AWS credentials: forges have none. The
// function checks the forge's signature over the raw body before it parses anything.
func newWebhookURL(webhook awslambda.Function) awslambda.FunctionUrl {
	return webhook.AddFunctionUrl(&awslambda.FunctionUrlOptions{
		AuthType: awslambda.FunctionUrlAuthType_NONE, InvokeMode: awslambda.InvokeMode_BUFFERED,
	})
}
