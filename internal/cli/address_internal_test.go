package cli

import (
	"strings"
	"testing"
)

func TestAURLThatIsRefusedIsRepeatedWithoutItsSecrets(t *testing.T) {
	for url, want := range map[string]string{
		"https://git.example.com/acme/infra?token=s3cret":   `"https://git.example.com/acme/infra": must end with the path`,
		"https://git.example.com/acme/infra#s3cret":         `"https://git.example.com/acme/infra": must end with the path`,
		"https://ann:s3cret@git.example.com/acme/infra":     "holds a name or a token",
		"https://ann:s3cret@git.example.com":                `"https://***@git.example.com": must name a host and a path`,
		"ssh://ann:s3cret@git.example.com/acme/infra":       `"ssh://***@git.example.com/acme/infra": must be`,
		"http://ann:s3cret@github.com/acme/infra":           `"http://***@github.com/acme/infra": must begin with https://`,
		"https://ann:s3cret%zz@git.example.com/acme/infra":  `"https://***@git.example.com/acme/infra": must be`,
		"https://ann:s3cret@git.example.com/acme?t=s3cret#": "holds a name or a token",
		"git@github.com:acme/infra":                         `"git@github.com:acme/infra": must be`,
	} {
		if err := checkURL(url); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: %v, want %s", url, err, want)
		}
	}
}
