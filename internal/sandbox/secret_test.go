package sandbox_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/driftless-gitops/driftless/internal/sandbox"
)

func TestSecretsAreKeptForTheCallersAccount(t *testing.T) {
	s := start(t, sandbox.Options{})
	client := secretsmanager.NewFromConfig(admin(s))
	made, err := client.CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{Name: aws.String("driftless/app"), SecretString: aws.String("one")})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.PutSecretValue(t.Context(), &secretsmanager.PutSecretValueInput{SecretId: made.ARN, SecretString: aws.String("two")}); err != nil {
		t.Fatal(err)
	}
	got, err := client.GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{SecretId: aws.String("driftless/app")})
	if err != nil || aws.ToString(got.SecretString) != "two" {
		t.Errorf("secret %q, %v", aws.ToString(got.SecretString), err)
	}
	if want := "arn:aws:secretsmanager:eu-west-1:123456789012:secret:driftless/app-"; len(aws.ToString(made.ARN)) < len(want) || (*made.ARN)[:len(want)] != want {
		t.Errorf("ARN %s, want it to begin with %s", aws.ToString(made.ARN), want)
	}
}
