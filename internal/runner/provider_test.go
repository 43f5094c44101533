package runner_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"github.com/google/go-cmp/cmp"

	"github.com/driftless-gitops/driftless/internal/aws/awstest"
	"github.com/driftless-gitops/driftless/internal/build"
	"github.com/driftless-gitops/driftless/internal/gitops"
)

const provider = `
terraform {
  required_providers {
    aws = { source = "hashicorp/aws", version = "5.100.0" }
  }
}
provider "aws" {}
`

func TestWithTheRealProviderATargetsRoleMakesWhatIsPlannedAndItsDriftIsFound(t *testing.T) {
	w := newWorld(t)
	roles := w.roles()
	name := "/" + w.bucket
	files := map[string]string{"main.tf": provider + fmt.Sprintf(`
resource "aws_ssm_parameter" "one" {
  name  = %q
  type  = "String"
  value = "hello"
  tags  = { Name = "ours" }
}
data "aws_caller_identity" "me" {}
output "who" { value = data.aws_caller_identity.me.arn }
`, name)}
	o, planned := w.plan(files)
	if diff := cmp.Diff(gitops.PlanSummary{Add: 2}, planned.Plan.Summary()); diff != "" {
		t.Error(diff)
	}
	applied := w.do(w.applying(o, planned))
	w.want(applied, build.OutcomeApplied)
	if want := "arn:aws:sts::123456789012:assumed-role/deploy/driftless-data"; applied.Outputs["who"] != want {
		t.Errorf("it is made by %q, want %q", applied.Outputs["who"], want)
	}
	if got := roles(); len(got) == 0 || got[0] != "arn:aws:iam::123456789012:role/deploy external" {
		t.Errorf("roles assumed, with their external ids: %q", got)
	}
	if log := w.text(o.Job.LogKey()); !strings.Contains(log, "registry.terraform.io/hashicorp/aws is started once for all calls") {
		t.Errorf("the provider was started by each call: %s", log)
	}
	client := ssm.NewFromConfig(awstest.At(w.gate.URL))
	_, err := client.AddTagsToResource(t.Context(), &ssm.AddTagsToResourceInput{ResourceId: &name, ResourceType: types.ResourceTypeForTaggingParameter,
		Tags: []types.Tag{{Key: aws.String("Name"), Value: aws.String("by hand")}}})
	w.must(err)
	r := w.do(w.order(gitops.OperationDetect, files))
	w.want(r, build.OutcomeDetected)
	want := []gitops.ResourceDrift{{LogicalID: "aws_ssm_parameter.one", PhysicalID: name, Type: "aws_ssm_parameter", Status: gitops.ResourceModified, Properties: []gitops.Difference{
		{Path: "/tags/Name", Declared: "ours", Live: "by hand", Kind: "NOT_EQUAL"}, {Path: "/tags_all/Name", Declared: "ours", Live: "by hand", Kind: "NOT_EQUAL"}}}}
	if diff := cmp.Diff(want, r.Drift.Resources); diff != "" || r.Drift.Application != "data" || r.Drift.At.IsZero() {
		t.Errorf("%+v %s", r.Drift, diff)
	}
}

// roles notes the roles that are assumed, and their external ids.
func (w *world) roles() func() []string {
	var mu sync.Mutex
	var seen []string
	w.gate.hold(func(_ http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path != "/" || r.Method != http.MethodPost {
			return false
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return false
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		if form, err := url.ParseQuery(string(body)); err == nil && form.Get("Action") == "AssumeRole" {
			mu.Lock()
			defer mu.Unlock()
			seen = append(seen, form.Get("RoleArn")+" "+form.Get("ExternalId"))
		}
		return false
	})
	return func() []string { mu.Lock(); defer mu.Unlock(); return seen }
}

var (
	keyOf      = regexp.MustCompile(`Credential=([^/]+)/`)
	accessKey  = regexp.MustCompile(`<AccessKeyId>([^<]+)</AccessKeyId>`)
	expiration = regexp.MustCompile(`<Expiration>[^<]+</Expiration>`)
)

// shortlived makes every credential last three seconds, the build's and the role's, and refuses
// those that are over, with a second for what is under way.
func (w *world) shortlived() (issued, refused func() int) {
	const life, grace = 3 * time.Second, time.Second
	var mu sync.Mutex
	ends, no := map[string]time.Time{}, 0
	w.gate.mu.Lock()
	defer w.gate.mu.Unlock()
	w.gate.life, w.gate.made = life, func(key string) {
		mu.Lock()
		defer mu.Unlock()
		ends[key] = time.Now().Add(life)
	}
	w.gate.before = func(out http.ResponseWriter, r *http.Request) bool {
		m := keyOf.FindStringSubmatch(r.Header.Get("Authorization"))
		mu.Lock()
		defer mu.Unlock()
		if m == nil || ends[m[1]].IsZero() || time.Now().Before(ends[m[1]].Add(grace)) {
			return false
		}
		no++
		out.WriteHeader(http.StatusForbidden)
		_, _ = fmt.Fprint(out, "<ErrorResponse><Error><Code>ExpiredToken</Code><Message>The security token included in the request is expired</Message></Error></ErrorResponse>")
		return true
	}
	w.gate.after = func(r *http.Response) error {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return err
		}
		if bytes.Contains(body, []byte("<AssumeRoleResult>")) {
			until := time.Now().Add(life)
			mu.Lock()
			ends[string(accessKey.FindSubmatch(body)[1])] = until
			mu.Unlock()
			body = expiration.ReplaceAll(body, []byte("<Expiration>"+until.UTC().Format("2006-01-02T15:04:05.000Z")+"</Expiration>"))
			r.Header.Del("Content-Length")
			r.ContentLength = int64(len(body))
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		return nil
	}
	return func() int { mu.Lock(); defer mu.Unlock(); return len(ends) }, func() int { mu.Lock(); defer mu.Unlock(); return no }
}

func TestR37_AnApplyThatOutlivesTwoCredentialsEndsWell(t *testing.T) {
	w := newWorld(t)
	files := map[string]string{"main.tf": provider + fmt.Sprintf(`
resource "aws_ssm_parameter" "first" {
  name  = "/%[1]s/first"
  type  = "String"
  value = "a"
}
resource "terraform_data" "long" {
  depends_on = [aws_ssm_parameter.first]
  provisioner "local-exec" {
    command = "sleep 8"
  }
}
resource "aws_ssm_parameter" "last" {
  depends_on = [terraform_data.long]
  name       = "/%[1]s/last"
  type       = "String"
  value      = "b"
}`, w.bucket)}
	o, planned := w.plan(files)
	issued, refused := w.shortlived()
	r := w.do(w.applying(o, planned))
	w.want(r, build.OutcomeApplied)
	if issued() < 4 || refused() > 0 {
		t.Errorf("%d credentials were issued, %d requests came with one that was over", issued(), refused())
	}
	if w.locked(o) {
		t.Error("the state is still locked")
	}
}

func TestR42_AProviderThatIsNotTheLockedOneIsRefused(t *testing.T) {
	w := newWorld(t)
	lock := func(hash string) string {
		return fmt.Sprintf("provider \"registry.terraform.io/hashicorp/aws\" {\n  version     = \"5.100.0\"\n  constraints = \"5.100.0\"\n  hashes = [\n    %q,\n  ]\n}\n", hash)
	}
	for name, c := range map[string]struct{ lock, want string }{
		"of another hash":    {lock("h1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="), "checksum"},
		"that is not locked": {"# nothing is\n", "Provider dependency changes detected"},
	} {
		t.Run(name, func(t *testing.T) {
			w := *w
			w.T = t
			o := w.order(gitops.OperationPlan, map[string]string{"main.tf": provider, ".terraform.lock.hcl": c.lock})
			o.Job.Token += regexp.MustCompile(`\W`).ReplaceAllString(name, "")
			r := w.do(o)
			w.want(r, build.OutcomeFailed)
			if !strings.HasPrefix(r.Reason, "terraform init: ") || !strings.Contains(r.Reason, c.want) {
				t.Errorf("the reason is %q, want one with %q", r.Reason, c.want)
			}
			if log := w.text(o.Job.LogKey()); !strings.Contains(log, "-lockfile=readonly") || strings.Contains(log, "$ terraform plan") {
				t.Errorf("the log is %s", log)
			}
		})
	}
}
