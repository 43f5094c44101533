package runner_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/driftless-gitops/driftless/internal/build"
	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/runner"
	"github.com/driftless-gitops/driftless/internal/sentinel"
)

func TestOfTwoBuildsOfOneOrderOneDoesIt(t *testing.T) {
	w := newWorld(t)
	o := w.order(gitops.OperationPlan, one("hello"))
	w.want(w.do(o), build.OutcomePlanned)
	before := w.keys()
	if err := w.runner("p:second").Run(t.Context(), o.Job.OrderKey()); err != nil {
		t.Errorf("the second ended with %v", err)
	}
	if got := w.keys(); strings.Join(got, " ") != strings.Join(before, " ") || len(w.woken) != 1 {
		t.Errorf("the second wrote: %q, woke %q", got, w.woken)
	}
	if r := w.report(o.Job); r.Build != "p:"+o.Job.Token {
		t.Errorf("the report is %s's", r.Build)
	}
}

func TestWhatIsVoidIsNotDone(t *testing.T) {
	w := newWorld(t)
	o := w.order(gitops.OperationPlan, one("hello"))
	_, err := w.blobs.PutNew(t.Context(), o.Job.ClaimKey(), []byte(`{"void":"superseded"}`))
	w.must(err)
	w.must(w.runner("p:1").Run(t.Context(), w.place(o)))
	if got := w.text(o.Job.ReportKey()); got != "(nothing)" {
		t.Errorf("it was done: %s", got)
	}
}

// forgetful loses the answer to every first write of a key, as the network may, and tells what it
// finds when it tries again.
type forgetful struct{ runner.Blobs }

func (f forgetful) PutNew(ctx context.Context, key string, data []byte) (bool, error) {
	if _, err := f.Blobs.PutNew(ctx, key, data); err != nil {
		return false, err
	}
	return f.Blobs.PutNew(ctx, key, data)
}

func TestWritesWhoseAnswersAreLostAreStillOurs(t *testing.T) {
	w := newWorld(t)
	o := w.order(gitops.OperationPlan, one("hello"))
	o.StaySeconds = 1
	r := w.runner("p:1")
	r.Blobs = forgetful{w.blobs}
	w.must(r.Run(t.Context(), w.place(o)))
	w.want(w.report(o.Job), build.OutcomePlanned)
	again := w.runner("p:1")
	again.Blobs = forgetful{w.blobs}
	before := len(w.woken)
	w.must(again.Run(t.Context(), o.Job.OrderKey()))
	if len(w.woken) != before {
		t.Error("the program did the job a second time when it was started again")
	}
}

func TestABuildThatStaysAppliesWhatItPlannedWhenItIsTold(t *testing.T) {
	w := newWorld(t)
	o := w.order(gitops.OperationPlan, one("hello"))
	o.StaySeconds = 60
	done := make(chan error, 1)
	key := w.place(o)
	go func() { done <- w.runner("p:1").Run(t.Context(), key) }()
	w.until("it is planned", func() bool { there, err := w.blobs.Has(t.Context(), o.Job.ReportKey()); return err == nil && there })
	_, err := w.blobs.PutNew(t.Context(), o.Job.WordKey(), []byte(`{"go":true,"from":"reconciler"}`))
	w.must(err)
	w.must(<-done)
	planned, job := w.report(o.Job), o.Job
	job.Kind = gitops.OperationApply
	r := w.report(job)
	w.want(r, build.OutcomeApplied)
	if r.Build != "p:1" || r.Outputs["said"] != "hello" || planned.Outcome != build.OutcomePlanned {
		t.Errorf("%+v, then %+v", planned, r)
	}
	for _, s := range r.Steps {
		if s.Name == "init" || s.Name == "fetch" {
			t.Errorf("%s was done a second time", s.Name)
		}
	}
	if log := w.text(job.LogKey()); !strings.Contains(log, "Apply complete!") || strings.Contains(log, "$ terraform plan") {
		t.Errorf("the apply's log is %s", log)
	}
	if strings.Join(w.woken, ", ") != "https://sqs/work.fifo data build plan, https://sqs/work.fifo data build apply" {
		t.Errorf("woken: %q", w.woken)
	}
}

func TestABuildThatNobodyTellsLeavesAndSaysSo(t *testing.T) {
	for name, c := range map[string]struct {
		seconds int
		kind    string
		side    build.Side
		said    bool
	}{
		"after its time":            {1, "hello", build.SideApply, true},
		"at once where none is set": {0, "hello", build.SideApply, false},
		"at once on the plan side":  {30, "hello", build.SidePlan, false},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			o := w.order(gitops.OperationPlan, one(c.kind))
			o.StaySeconds, o.Job.Side = c.seconds, c.side
			w.want(w.do(o), build.OutcomePlanned)
			var word build.Word
			if got := w.text(o.Job.WordKey()); got == "(nothing)" == c.said {
				t.Fatalf("the word is %s", got)
			}
			if c.said {
				w.read(o.Job.WordKey(), &word)
				if word.Go || word.From != "p:"+o.Job.Token {
					t.Errorf("the word is %+v", word)
				}
			}
			if _, err := w.object(w.state, o.State.Key); err == nil {
				t.Error("it was applied")
			}
		})
	}
}

func TestABuildThatIsToldToGoWhenItsApplyIsVoidAppliesNothing(t *testing.T) {
	w := newWorld(t)
	o := w.order(gitops.OperationPlan, one("hello"))
	o.StaySeconds = 60
	apply := o.Job
	apply.Kind = gitops.OperationApply
	_, err := w.blobs.PutNew(t.Context(), apply.ClaimKey(), []byte(`{"void":"somebody else applies"}`))
	w.must(err)
	_, err = w.blobs.PutNew(t.Context(), o.Job.WordKey(), []byte(`{"go":true,"from":"reconciler"}`))
	w.must(err)
	w.want(w.do(o), build.OutcomePlanned)
	if _, err := w.object(w.state, o.State.Key); err == nil {
		t.Error("it was applied")
	}
}

func TestNothingIsPlannedWhereNothingChangesAndNobodyStays(t *testing.T) {
	w := newWorld(t)
	o := w.order(gitops.OperationPlan, map[string]string{"main.tf": "# nothing\n"})
	o.StaySeconds = 60
	began := time.Now()
	w.want(w.do(o), build.OutcomeNoChange)
	if took := time.Since(began); took > 30*time.Second || w.text(o.Job.PlanFileKey()) != "(nothing)" {
		t.Errorf("it took %s, and kept %s", took, w.text(o.Job.PlanFileKey()))
	}
}

func TestVariablesWorkspaceAndSecretsReachTerraform(t *testing.T) {
	w := newWorld(t)
	w.secrets["/db"], w.secrets["app"] = "from-ssm-parameter", `{"user":"from-secretsmanager","port":5432}`
	files := map[string]string{
		"main.tf": `
variable "file" {}
variable "both" {}
variable "list" { type = list(string) }
variable "db" {}
variable "user" {}
variable "port" { type = number }
resource "terraform_data" "all" { input = [var.file, var.both, join("+", var.list), length(var.db), length(var.user), var.port, terraform.workspace] }
output "all" { value = terraform_data.all.output }
`,
		"prod.tfvars": "file = \"from the file\"\nboth = \"from the file\"\n"}
	o := w.order(gitops.OperationPlan, files)
	o.Terraform.VarFiles, o.Terraform.Workspace = []string{"prod.tfvars"}, "prod"
	o.Terraform.Vars = map[string]string{"both": "from the settings", "list": `["a", "b"]`}
	o.Terraform.Secrets = map[string]string{"db": "ssm:/db", "user": "secretsmanager:app#user", "port": "secretsmanager:app#port"}
	planned := w.do(o)
	w.want(planned, build.OutcomePlanned)
	r := w.do(w.applying(o, planned))
	w.want(r, build.OutcomeApplied)
	if want := `["from the file","from the settings","a+b",18,19,5432,"prod"]`; r.Outputs["all"] != want {
		t.Errorf("terraform was given %s, want %s", r.Outputs["all"], want)
	}
	if _, err := w.object(w.state, "env:/prod/data/terraform.tfstate"); err != nil {
		t.Errorf("the workspace's state: %v", err)
	}
}

func TestWhatIsWrongIsSaidAndNothingIsApplied(t *testing.T) {
	for name, c := range map[string]struct {
		files   map[string]string
		change  func(*build.Order)
		outcome build.Outcome
		want    string
	}{
		"a syntax error": {map[string]string{"main.tf": "resource \"terraform_data\" \"a\" {\n  input = \n}\n"}, nil, build.OutcomeFailed, "main.tf:2: Invalid expression"},
		"a variable file that is missing": {one("x"), func(o *build.Order) { o.Terraform.VarFiles = []string{"prod.tfvars"} },
			build.OutcomeFailed, `varFiles: "prod.tfvars" is not in terraform/data of the commit`},
		"a variable file that leads elsewhere": {one("x"), func(o *build.Order) { o.Terraform.VarFiles = []string{"../../../x"} },
			build.OutcomeFailed, `varFiles: "../../../x" leads out of the repository`},
		"a variable file that cannot be read": {map[string]string{"main.tf": "", "bad.tfvars": "a = \n"}, func(o *build.Order) { o.Terraform.VarFiles = []string{"bad.tfvars"} },
			build.OutcomeFailed, "terraform plan: bad.tfvars:1: "},
		"a version that does not exist": {one("x"), func(o *build.Order) { o.Terraform.Version = "1.99.0" },
			build.OutcomeFailed, "terraform 1.99.0 is not to be had: the one on the PATH is 1.11.4"},
		"a backend that the application does not know of": {map[string]string{"main.tf": "terraform {\n  backend \"s3\" {}\n}\n"}, nil,
			build.OutcomeBlocked, `main.tf:2: the configuration has a "s3" backend`},
		"a provider that is not to be had": {map[string]string{"main.tf": "terraform {\n  required_providers {\n    x = { source = \"example.invalid/a/b\" }\n  }\n}\n"}, nil,
			build.OutcomeFailed, "terraform init: "},
		"a backend that refuses": {map[string]string{"main.tf": "terraform {\n  backend \"s3\" {\n    bucket = \"not-there\"\n    key    = \"k\"\n    region = \"eu-west-1\"\n  }\n}\n"},
			func(o *build.Order) { o.Terraform.Backend, o.Access.Role = true, "" }, build.OutcomeFailed, `terraform init: Failed to get existing workspaces: S3 bucket "not-there" does not exist`},
		"a secret that is not there": {one("x"), func(o *build.Order) { o.Terraform.Secrets = map[string]string{"a": "ssm:/none"} },
			build.OutcomeFailed, "secrets: a: ssm:/none is not there"},
		"a reference of an unknown kind": {one("x"), func(o *build.Order) { o.Terraform.Secrets = map[string]string{"a": "vault:x"} },
			build.OutcomeFailed, `secrets: a: "vault:x" is no reference: secretsmanager and ssm are known`},
		"a state among the files":     {map[string]string{"main.tf": "", "errored.tfstate": "{}"}, nil, build.OutcomeFailed, "errored.tfstate is among the application's files"},
		"a path that is not there":    {one("x"), func(o *build.Order) { o.Path = "other" }, build.OutcomeFailed, `path "other" is no directory of the bundle`},
		"a path that leads elsewhere": {one("x"), func(o *build.Order) { o.Path = ".." }, build.OutcomeFailed, `path ".." is no directory of the bundle`},
		"a bundle that is gone":       {one("x"), func(o *build.Order) { o.Bundle = "bundles/none.zip" }, build.OutcomeBlocked, "bundle bundles/none.zip is no longer in the data bucket"},
		"a file of ours":              {map[string]string{"main.tf": "", "driftless_override.tf": ""}, nil, build.OutcomeFailed, "driftless_override.tf cannot be made beside the configuration"},
		"an order of the future":      {one("x"), func(o *build.Order) { o.Schema = 2 }, build.OutcomeBlocked, "the order has the schema 2, this program knows 1"},
		"a workspace with a dash":     {one("x"), func(o *build.Order) { o.Terraform.Workspace = "-force" }, build.OutcomeFailed, `workspace "-force": letters`},
		"a job that is none":          {one("x"), func(o *build.Order) { o.Job.Kind = gitops.OperationCancel }, build.OutcomeFailed, `the order asks for "cancel"`},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			o := w.order(gitops.OperationPlan, c.files)
			if c.change != nil {
				c.change(&o)
			}
			r := w.do(o)
			if r.Outcome != c.outcome || !strings.HasPrefix(r.Reason, c.want) {
				t.Errorf("%s: %q, want %s: %q", r.Outcome, r.Reason, c.outcome, c.want)
			}
			if len(w.woken) != 1 {
				t.Errorf("woken: %q", w.woken)
			}
		})
	}
}

func TestABundleThatWasChangedIsRefused(t *testing.T) {
	w := newWorld(t)
	o := w.order(gitops.OperationPlan, one("x"))
	w.must(w.blobs.Replace(t.Context(), o.Bundle, []byte("another")))
	if r := w.do(o); r.Outcome != build.OutcomeBlocked || !strings.Contains(r.Reason, "was changed: its content has the hash") {
		t.Errorf("%s: %s", r.Outcome, r.Reason)
	}
}

func TestAnOrderThatStandsElsewhereIsNoOrder(t *testing.T) {
	w := newWorld(t)
	o := w.order(gitops.OperationPlan, one("x"))
	key := w.place(o)
	w.must(w.blobs.Put(t.Context(), "orders/other/plan.json", []byte(w.text(key))))
	for _, at := range []string{"orders/other/plan.json", "orders/none/plan.json"} {
		if err := w.runner("p:1").Run(t.Context(), at); err == nil || errors.Is(err, runner.ErrUnsuccessful) {
			t.Errorf("%s: %v", at, err)
		}
	}
	if got := w.text(o.Job.ClaimKey()); got != "(nothing)" {
		t.Errorf("claimed: %s", got)
	}
}

func TestAReportThatCannotBeWrittenIsAnError(t *testing.T) {
	w := newWorld(t)
	o := w.order(gitops.OperationPlan, one("x"))
	key := w.place(o)
	w.gate.failing(func(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/report.json") }, http.StatusForbidden, "AccessDenied")
	if err := w.runner("p:1").Run(t.Context(), key); err == nil || errors.Is(err, runner.ErrUnsuccessful) {
		t.Errorf("it ended with %v", err)
	}
}

func TestNothingThatIsSecretLeavesABuildButInItsPlanFileAndState(t *testing.T) {
	w := newWorld(t)
	v := &sentinel.Vault{}
	inGit, marked, plain := v.PlantPlainInGit("a sensitive variable of a file"), v.Plant("a secret of a sensitive variable"), v.Plant("a secret of a variable that nobody marked")
	w.secrets["marked"], w.secrets["plain"] = marked, plain
	files := map[string]string{"main.tf": `
variable "git" { sensitive = true }
variable "marked" { sensitive = true }
variable "plain" {}
resource "terraform_data" "one" {
  input = { git = var.git, marked = [var.marked], plain = "x${var.plain}y" }
  provisioner "local-exec" {
    command = "env; echo ${nonsensitive(var.marked)} ${var.plain}"
  }
}
resource "terraform_data" "two" { input = terraform_data.one.output }
output "git" {
  value     = var.git
  sensitive = true
}
output "echoed" { value = terraform_data.two.output }
`, "a.auto.tfvars": "git = \"" + inGit + "\"\n"}
	o := w.order(gitops.OperationPlan, files)
	o.Terraform.Secrets = map[string]string{"marked": "ssm:marked", "plain": "secretsmanager:plain"}
	planned := w.do(o)
	w.want(planned, build.OutcomePlanned)
	w.want(w.do(w.applying(o, planned)), build.OutcomeApplied)
	// A second time, with what was secret in the state, where the provider gave it back unmarked.
	files["main.tf"] = strings.Replace(files["main.tf"], `"x${`, `"z${`, 1)
	o2 := w.order(gitops.OperationPlan, files)
	o2.Terraform.Secrets = o.Terraform.Secrets
	planned = w.do(o2)
	w.want(planned, build.OutcomePlanned)
	w.want(w.do(w.applying(o2, planned)), build.OutcomeApplied)
	o3 := w.order(gitops.OperationDetect, files)
	o3.Terraform.Secrets = o.Terraform.Secrets
	w.want(w.do(o3), build.OutcomeDetected)

	s, looked := v.Searcher(), 0
	for _, key := range w.keys() {
		if key == o.Job.PlanFileKey() || key == o2.Job.PlanFileKey() {
			continue // encrypted, kept for a day, and read by what applies it
		}
		looked++
		for _, leak := range s.Search(sentinel.Output{Where: key, Body: []byte(w.text(key)), FilesOfGit: strings.HasPrefix(key, "bundles/")}) {
			t.Error(leak)
		}
	}
	for _, line := range w.woken {
		for _, leak := range s.Search(sentinel.Output{Where: "the queue", Body: []byte(line)}) {
			t.Error(leak)
		}
	}
	if log := w.text(o.Job.LogKey()); looked < 15 || !strings.Contains(log, "(sensitive") {
		t.Errorf("%d objects were looked at; the log is %s", looked, log)
	}
}

// keys lists what the data bucket holds.
func (w *world) keys() []string {
	w.Helper()
	out, err := w.client.ListObjectsV2(w.Context(), &sdk.ListObjectsV2Input{Bucket: &w.bucket})
	w.must(err)
	var keys []string
	for _, o := range out.Contents {
		keys = append(keys, *o.Key)
	}
	return keys
}
