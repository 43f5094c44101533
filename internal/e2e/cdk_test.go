package e2e_test

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"github.com/google/go-cmp/cmp"

	"github.com/driftless-gitops/driftless/internal/demo"
	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/sandbox"
)

// cdkApp returns the files of a CDK app, as an application at app of a driftless.yaml. More
// follows its version. Builds find the CDK's command line on the PATH.
func cdkApp(t *testing.T, name, language, more string) map[string]string {
	t.Helper()
	t.Setenv("PATH", filepath.Join(root, "node_modules", ".bin")+":"+os.Getenv("PATH"))
	files := map[string]string{"driftless.yaml": fmt.Sprintf("version: 1\ndefaults:\n  target: { account: %q, region: %s }\napplications:\n  - name: %s\n    path: app\n    cdk:\n      version: 2.1148.1\n%s",
		demo.Account, sandbox.Region, name, more)}
	dir := os.DirFS(filepath.Join("testdata", "cdk", language))
	err := fs.WalkDir(dir, ".", func(file string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		data, err := fs.ReadFile(dir, file)
		files["app/"+file] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestATypeScriptAppIsSynthesisedAndItsStacksRolledOutInTheirOrder(t *testing.T) {
	if out, err := exec.CommandContext(t.Context(), "npm", "ping").CombinedOutput(); err != nil {
		t.Skipf("NOT TESTED with packages of npm: the registry does not answer: %s", out)
	}
	currency := &ssm.PutParameterInput{Name: aws.String("/e2e/currency"), Value: aws.String("euro"), Type: types.ParameterTypeString}
	if _, err := ssm.NewFromConfig(config(t)).PutParameter(t.Context(), currency); err != nil {
		t.Fatal(err)
	}
	r := watch(t, mapFS(cdkApp(t, "shop", "typescript", "      context: { team: blue }\n")))
	commit := r.git("rev-parse", "HEAD")
	v := r.ends("shop", commit, gitops.PhaseSucceeded)
	if want := "synthesised: shop-orders, shop-billing"; v.Application.Ended.Reason != want {
		t.Errorf("the app says %q, want %s", v.Application.Ended.Reason, want)
	}
	billing := r.ends("shop-billing", commit, gitops.PhaseSucceeded).Application
	orders := r.ends("shop-orders", commit, gitops.PhaseSucceeded).Application
	if diff := cmp.Diff(map[string]string{"team": "blue"}, billing.Settings.CloudFormation.Tags); diff != "" {
		t.Errorf("the context did not reach the app: %s", diff)
	}
	if !billing.Ended.At.After(orders.Ended.At) {
		t.Errorf("the stack that needs the other ended at %s, the other at %s", billing.Ended.At, orders.Ended.At)
	}
	if got := billing.Deployed.Outputs["Currency"]; got != "euro" {
		t.Errorf("what the app looks up in the target is %q", got)
	}
	key := billing.Deployed.Outputs["PricesKey"]
	if _, err := s3.NewFromConfig(config(t)).HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: aws.String("cdk-hnb659fds-assets-" + demo.Account + "-" + sandbox.Region), Key: &key}); key == "" || err != nil {
		t.Errorf("the asset %q is not published: %v", key, err)
	}
	log := r.cli("logs", "shop")
	for _, want := range []string{"$ npm ci", "$ cdk synth --quiet", "$ cdk publish-assets"} {
		if !strings.Contains(log, want) {
			t.Errorf("the log does not say %q:\n%s", want, log)
		}
	}
}

func TestAChangeOfAGoAppRollsOutWhatChangedAlone(t *testing.T) {
	files := cdkApp(t, "ledger", "go", "")
	r := watch(t, mapFS(files))
	first := r.git("rev-parse", "HEAD")
	r.ends("ledger", first, gitops.PhaseSucceeded)
	r.ends("ledger-go-billing", first, gitops.PhaseSucceeded)

	code := strings.Replace(files["app/main.go"], "StringParameterProps{", `StringParameterProps{Description: jsii.String("where orders go"), `, 1)
	r.set("app/main.go", code)
	second := r.push("say what the parameter is")
	r.ends("ledger", second, gitops.PhaseSucceeded)
	r.ends("ledger-go-billing", second, gitops.PhaseSucceeded)
	if orders, _ := r.app("ledger-go-orders"); orders.Deployment != nil || orders.Application.Deployed.Revision.Commit != first {
		t.Errorf("the stack that did not change is at %s", orders.Application.Deployed.Revision.Commit)
	}

	r.set("app/main.go", strings.Replace(code, "queue.QueueUrl()", "queue.Price()", 1))
	v := r.ends("ledger", r.push("break it"), gitops.PhaseFailed)
	if want := "cdk synth: main.go:17: queue.Price undefined"; !strings.HasPrefix(v.Application.Ended.Reason, want) {
		t.Errorf("the reason is %q, want %s", v.Application.Ended.Reason, want)
	}
	if billing, _ := r.app("ledger-go-billing"); billing.Application.Deployed.Revision.Commit != second || billing.Application.Removed {
		t.Errorf("the app that is broken touched its stack: %+v", billing.Application.Deployed)
	}
}
