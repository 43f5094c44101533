package codecommit

import (
	"errors"
	"testing"
	"time"
)

const (
	exampleKey    = "AKIDEXAMPLE"
	exampleSecret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
	awsHost       = "git-codecommit.eu-west-1.amazonaws.com"
)

var exampleTime = time.Date(2026, 11, 21, 3, 4, 5, 0, time.UTC)

// The expected password was computed by git-remote-codecommit's own algorithm.
func TestSignatureIsGitRemoteCodecommits(t *testing.T) {
	user, password := Sign(exampleKey, exampleSecret, "", "eu-west-1", awsHost, "/v1/repos/infra", exampleTime)
	if user != exampleKey {
		t.Errorf("user %q, want %q", user, exampleKey)
	}
	const want = "20261121T030405Zb619e52253d58f12e36ba74fd054015d66e06691eb885520e3a91ad576ffc63e"
	if password != want {
		t.Errorf("password %s, want %s", password, want)
	}
}

func TestSessionTokenIsPartOfTheUser(t *testing.T) {
	user, _ := Sign(exampleKey, exampleSecret, "token", "eu-west-1", awsHost, "/v1/repos/infra", exampleTime)
	if want := exampleKey + "%token"; user != want {
		t.Errorf("user %q, want %q", user, want)
	}
}

func TestCredentialIsChecked(t *testing.T) {
	_, password := Sign(exampleKey, exampleSecret, "", "eu-west-1", awsHost, "/v1/repos/infra", exampleTime)
	for sentence, c := range map[string]struct {
		password, secret, region, host, path string
		now                                  time.Time
		want                                 error
	}{
		"at once":                {password, exampleSecret, "eu-west-1", awsHost, "/v1/repos/infra", exampleTime, nil},
		"after fifteen minutes":  {password, exampleSecret, "eu-west-1", awsHost, "/v1/repos/infra", exampleTime.Add(15 * time.Minute), nil},
		"later":                  {password, exampleSecret, "eu-west-1", awsHost, "/v1/repos/infra", exampleTime.Add(15*time.Minute + 1), errExpired},
		"from the future":        {password, exampleSecret, "eu-west-1", awsHost, "/v1/repos/infra", exampleTime.Add(-time.Hour), errExpired},
		"with another secret":    {password, "other", "eu-west-1", awsHost, "/v1/repos/infra", exampleTime, errMismatch},
		"for another region":     {password, exampleSecret, "us-east-1", awsHost, "/v1/repos/infra", exampleTime, errMismatch},
		"for another host":       {password, exampleSecret, "eu-west-1", "example.com", "/v1/repos/infra", exampleTime, errMismatch},
		"for another repository": {password, exampleSecret, "eu-west-1", awsHost, "/v1/repos/other", exampleTime, errMismatch},
		"without a stamp":        {"secret", exampleSecret, "eu-west-1", awsHost, "/v1/repos/infra", exampleTime, errMismatch},
		"empty":                  {"", exampleSecret, "eu-west-1", awsHost, "/v1/repos/infra", exampleTime, errMismatch},
		"with a changed stamp": {"20261121T030406Z" + password[len("20261121T030405Z"):], exampleSecret, "eu-west-1", awsHost,
			"/v1/repos/infra", exampleTime, errMismatch},
	} {
		t.Run(sentence, func(t *testing.T) {
			if got := check(c.password, c.secret, c.region, []string{c.host}, c.path, c.now); !errors.Is(got, c.want) {
				t.Errorf("check: %v, want %v", got, c.want)
			}
		})
	}
}
