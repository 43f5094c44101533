package gitops_test

import (
	"testing"

	"github.com/driftless-gitops/driftless/internal/gitops"
)

func TestNamesOfCallers(t *testing.T) {
	for arn, want := range map[string]string{"arn:aws:iam::111122223333:user/ann": "ann", "arn:aws:iam::111122223333:root": "root",
		"arn:aws:sts::111122223333:assumed-role/Deployer/ci": "ci", "driftless": "driftless", "": ""} {
		if got := gitops.CallerName(arn); got != want {
			t.Errorf("%s is shown as %s, want %s", arn, got, want)
		}
	}
}
