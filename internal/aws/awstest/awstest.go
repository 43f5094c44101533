// Package awstest gives the adapters' tests an AWS to talk to: moto_server on a free
// loopback port, which ends with the test. Only tests import it.
package awstest

import (
	"context"
	"errors"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/driftless-gitops/driftless/internal/sandbox/moto"
)

// Region is where the tests' clients are.
const Region = "eu-west-1"

// Moto starts moto_server for the length of the test and returns a configuration whose
// clients talk to it. It skips the test where there is no moto_server.
func Moto(t *testing.T) aws.Config {
	t.Helper()
	server, err := moto.Start(context.WithoutCancel(t.Context()), moto.Options{Dir: t.TempDir()})
	if errors.Is(err, moto.ErrMissing) {
		t.Skipf("NOT TESTED against AWS's interfaces: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	cfg := At(server.URL())
	cfg.RetryMaxAttempts = 3 // a busy machine may refuse a connection
	return cfg
}

// At returns a configuration whose clients talk to url with test credentials, and ask once.
func At(url string) aws.Config {
	return aws.Config{
		Region:           Region,
		BaseEndpoint:     aws.String(url),
		Credentials:      credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "secret", ""),
		RetryMaxAttempts: 1,
		APIOptions:       moto.KeepAnswers(),
	}
}
