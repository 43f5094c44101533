package runner_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/driftless-gitops/driftless/internal/build"
	"github.com/driftless-gitops/driftless/internal/gitops"
)

// own are the files of a configuration with a backend of its own, and how its order differs.
func (w *world) own(kind gitops.OperationKind, files map[string]string) build.Order {
	w.Helper()
	files["backend.tf"] = fmt.Sprintf("terraform {\n  backend \"s3\" {\n    bucket = %q\n    key = \"own/app.tfstate\"\n    region = \"eu-west-1\"\n    use_lockfile = true\n  }\n}\n", w.state)
	o := w.order(kind, files)
	o.Terraform.Backend, o.Terraform.State = true, "s3://"+w.state+"/own/app.tfstate"
	return o
}

func TestABackendThatRefusesIsToldWithTheRoleAndWhatItNeeds(t *testing.T) {
	w := newWorld(t)
	planned := w.own(gitops.OperationPlan, one("x"))
	first := w.do(planned)
	w.want(first, build.OutcomePlanned)
	w.want(w.do(w.applying(planned, first)), build.OutcomeApplied)
	state, bucket := "/"+w.state+"/own/app.tfstate", w.state
	const key = "own/app.tfstate"
	for name, c := range map[string]struct {
		kind      gitops.OperationKind
		refuses   func(*http.Request) bool
		role      string
		want      string
		terraform string
	}{
		"the lock, to a plan": {gitops.OperationPlan, func(r *http.Request) bool { return r.Method == http.MethodPut && r.URL.Path == state+".tflock" }, "",
			"arn:aws:iam::123456789012:role/deploy, or the role that its backend block names: it needs s3:ListBucket on " + bucket + ", s3:GetObject on " + key + ", and s3:GetObject, s3:PutObject and s3:DeleteObject on " + key + ".tflock (",
			"terraform plan: Error acquiring the state lock: Error message: operation error S3: PutObject"},
		"the state, to the plan role": {gitops.OperationPlan, func(r *http.Request) bool { return r.URL.Path == state }, "arn:aws:iam::123456789012:role/driftless-terraform-plan",
			"s3:DeleteObject on " + key + ".tflock, which that role is never granted, since it reads no data: give the target a planRole (",
			"terraform init: Error refreshing state: Unable to access object"},
		"the state, to a look for drift": {gitops.OperationDetect, func(r *http.Request) bool { return r.URL.Path == state }, "",
			"it needs s3:ListBucket on " + bucket + ", s3:GetObject on " + key + " (", "terraform init: Error refreshing state: Unable to access object"},
	} {
		w.gate.failing(c.refuses, http.StatusForbidden, "AccessDenied")
		o := w.own(c.kind, one("y"))
		if c.role != "" {
			o.Access.Role = c.role
		}
		r := w.do(o)
		if r.Outcome != build.OutcomeBlocked || !strings.HasPrefix(r.Reason, "the state's backend refuses arn:aws:iam::123456789012:role/") || !strings.Contains(r.Reason, c.want) || !strings.Contains(r.Reason, c.terraform) {
			t.Errorf("%s: %s %s\nwant %s … %s", name, r.Outcome, r.Reason, c.want, c.terraform)
		}
	}
}

func TestAProviderThatIsRefusedIsNoRefusalOfTheBackend(t *testing.T) {
	w := newWorld(t)
	o := w.own(gitops.OperationPlan, map[string]string{"main.tf": `data "terraform_remote_state" "other" {
  backend = "s3"
  config  = { bucket = "` + w.bucket + `", key = "theirs", region = "eu-west-1" }
}
`})
	w.gate.failing(func(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/theirs") }, http.StatusForbidden, "AccessDenied")
	if r := w.do(o); r.Outcome != build.OutcomeFailed || strings.Contains(r.Reason, "the state's backend refuses") || !strings.Contains(r.Reason, "StatusCode: 403") {
		t.Errorf("%s: %s", r.Outcome, r.Reason)
	}
}
