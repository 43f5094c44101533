package moto

import (
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// accountHeader names the account that moto acts in, ahead of the one that belongs to the
// access key (moto/core/responses.py, get_current_account, 5.2.1).
const accountHeader = "X-Moto-Account-Id"

// client serves all of the sandbox's own calls. It goes straight to the loopback, whatever
// proxy the environment names.
var client = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}

// Config is the SDK's configuration for calls to the moto at url, in an account and region
// of the caller's choice.
func Config(url, account, region string) aws.Config {
	return aws.Config{
		Region:       region,
		BaseEndpoint: aws.String(url),
		Credentials:  credentials.NewStaticCredentialsProvider("moto", "moto", ""),
		HTTPClient:   client,
		APIOptions:   append(KeepAnswers(), smithyhttp.AddHeaderValue(accountHeader, account)),
	}
}
