package account_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/google/go-cmp/cmp"

	"github.com/driftless-gitops/driftless/internal/aws/account"
	"github.com/driftless-gitops/driftless/internal/aws/awstest"
	"github.com/driftless-gitops/driftless/internal/aws/cloudformation"
	"github.com/driftless-gitops/driftless/internal/build"
	"github.com/driftless-gitops/driftless/internal/fake"
	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/porttest"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

const externalID = "arn:aws:cloudformation:eu-west-1:1:stack/Driftless/42"

var targets = []account.Target{
	{Account: "111122223333", Regions: []string{"eu-west-1", "us-east-1"}, DeployRole: "arn:aws:iam::111122223333:role/deploy",
		DriftRole: "arn:aws:iam::111122223333:role/drift", ExecRole: "arn:aws:iam::111122223333:role/exec",
		Artefacts: []string{"eu-west-1"}},
	{Account: "444455556666", DeployRole: "arn:aws:iam::444455556666:role/deploy"},
}

// sts answers AssumeRole with a session named after the role and keeps what was asked for.
// It refuses with refuse, where that is set.
func sts(t *testing.T, refuse string) (*account.Accounts, *[]url.Values) {
	t.Helper()
	return lasting(t, refuse, time.Hour)
}

// lasting is sts whose sessions end so long from now.
func lasting(t *testing.T, refuse string, life time.Duration) (*account.Accounts, *[]url.Values) {
	t.Helper()
	var asked []url.Values
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		form, _ := url.ParseQuery(string(body))
		asked = append(asked, form)
		w.Header().Set("Content-Type", "text/xml")
		if refuse != "" {
			w.WriteHeader(http.StatusForbidden)
			_, _ = fmt.Fprintf(w, `<ErrorResponse><Error><Code>%s</Code><Message>not authorized to perform sts:AssumeRole</Message></Error></ErrorResponse>`, refuse)
			return
		}
		_, _ = fmt.Fprintf(w, `<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>ASIA%d</AccessKeyId><SecretAccessKey>s</SecretAccessKey>
			<SessionToken>t</SessionToken><Expiration>%s</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>`,
			len(asked), time.Now().Add(life).UTC().Format(time.RFC3339))
	}))
	t.Cleanup(server.Close)
	cfg := awstest.At(server.URL)
	cfg.RetryMaxAttempts = 0 // the SDK's own number, which a function makes
	cfg.Retryer = func() aws.Retryer { return retry.AddWithMaxBackoffDelay(retry.NewStandard(), time.Millisecond) }
	return account.New(cfg, externalID, targets), &asked
}

func work(application string, to gitops.Target) reconcile.Work {
	return reconcile.Work{Application: application, Settings: gitops.Settings{Target: to}}
}

func TestATargetIsEnteredByItsRoleInTheApplicationsName(t *testing.T) {
	accounts, asked := sts(t, "")
	w := work("jobs", gitops.Target{Account: "111122223333", Region: "us-east-1"})
	cfg, err := accounts.Deploy(t.Context(), w)
	if err != nil {
		t.Fatal(err)
	}
	if cfg.Region != "us-east-1" {
		t.Errorf("the region is %s", cfg.Region)
	}
	if _, err := accounts.Drift(t.Context(), w); err != nil {
		t.Fatal(err)
	}
	var got [][]string
	for _, form := range *asked {
		got = append(got, []string{form.Get("RoleArn"), form.Get("RoleSessionName"), form.Get("ExternalId")})
	}
	want := [][]string{
		{targets[0].DeployRole, "driftless-jobs", externalID},
		{targets[0].DriftRole, "driftless-jobs", externalID},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if err := accounts.Allowed(w.Settings.Target); err != nil {
		t.Errorf("the target is not allowed: %v", err)
	}
	if got := accounts.Exec(w); got != targets[0].ExecRole {
		t.Errorf("CloudFormation assumes %q", got)
	}
}

func TestASessionIsUsedAgainByItsApplicationAlone(t *testing.T) {
	accounts, asked := sts(t, "")
	for _, application := range []string{"jobs", "jobs", "books", "jobs"} {
		if _, err := accounts.Deploy(t.Context(), work(application, gitops.Target{Account: "444455556666", Region: "eu-north-1"})); err != nil {
			t.Fatal(err)
		}
	}
	if len(*asked) != 2 {
		t.Errorf("%d sessions were made for two applications", len(*asked))
	}
}

func TestALongNameMakesALegalSession(t *testing.T) {
	accounts, asked := sts(t, "")
	if _, err := accounts.Deploy(t.Context(), work(strings.Repeat("a", 63), gitops.Target{Account: "444455556666"})); err != nil {
		t.Fatal(err)
	}
	if name := (*asked)[0].Get("RoleSessionName"); len(name) != 64 {
		t.Errorf("the session's name %q has %d characters", name, len(name))
	}
}

func TestWhatIsNoTargetIsDeniedWithoutACall(t *testing.T) {
	for name, to := range map[string]gitops.Target{
		"another account":                  {Account: "999999999999", Region: "eu-west-1"},
		"another region":                   {Account: "111122223333", Region: "ap-south-1"},
		"a role of the repository's own":   {Account: "111122223333", Region: "eu-west-1", Role: "arn:aws:iam::111122223333:role/admin"},
		"a part of an account's number":    {Account: "11112222", Region: "eu-west-1"},
		"the deploy role of another entry": {Account: "111122223333", Region: "eu-west-1", Role: targets[1].DeployRole},
	} {
		t.Run(name, func(t *testing.T) {
			accounts, asked := sts(t, "")
			if err := accounts.Allowed(to); !errors.Is(err, reconcile.ErrDenied) {
				t.Errorf("it is allowed: %v", err)
			}
			_, err := accounts.Deploy(t.Context(), work("jobs", to))
			if !errors.Is(err, reconcile.ErrDenied) {
				t.Fatalf("the error is %v, want %v", err, reconcile.ErrDenied)
			}
			for _, allowed := range []string{"111122223333 (eu-west-1 us-east-1)", "444455556666 (every region)"} {
				if !strings.Contains(err.Error(), allowed) {
					t.Errorf("%q does not say that %s is allowed", err, allowed)
				}
			}
			if len(*asked) != 0 {
				t.Error("a session was asked for")
			}
			if got := accounts.Exec(work("jobs", to)); got != "" {
				t.Errorf("CloudFormation would assume %q", got)
			}
		})
	}
}

func TestARegionHasTheArtefactBucketThatTheInstallationNames(t *testing.T) {
	accounts, asked := sts(t, "")
	for name, test := range map[string]struct {
		to   gitops.Target
		want string
	}{
		"a region with one":        {gitops.Target{Account: "111122223333", Region: "eu-west-1"}, "driftless-artefacts-111122223333-eu-west-1"},
		"a region without one":     {gitops.Target{Account: "111122223333", Region: "us-east-1"}, ""},
		"an account without any":   {gitops.Target{Account: "444455556666", Region: "eu-west-1"}, ""},
		"a target that is no such": {gitops.Target{Account: "999999999999", Region: "eu-west-1"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			if got := accounts.Bucket(work("jobs", test.to)); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
	if len(*asked) > 0 {
		t.Errorf("STS was asked %d times", len(*asked))
	}
}

func TestATargetWithoutADriftRoleIsDenied(t *testing.T) {
	accounts, _ := sts(t, "")
	_, err := accounts.Drift(t.Context(), work("jobs", gitops.Target{Account: "444455556666"}))
	if !errors.Is(err, reconcile.ErrDenied) {
		t.Errorf("the error is %v, want %v", err, reconcile.ErrDenied)
	}
}

// STS says the same of a role that is not there, of one whose trust policy does not name the
// caller, and of a wrong ExternalId: AccessDenied (AssumeRole, API reference).
func TestR55_ARoleThatCannotBeAssumedIsNamedAndAskedForOnce(t *testing.T) {
	for _, code := range []string{"AccessDenied", "AccessDeniedException", "RegionDisabledException", "InvalidClientTokenId",
		"UnrecognizedClientException", "ExpiredToken", "ExpiredTokenException"} {
		t.Run(code, func(t *testing.T) {
			accounts, asked := sts(t, code)
			_, err := accounts.Deploy(t.Context(), work("jobs", gitops.Target{Account: "111122223333", Region: "eu-west-1"}))
			porttest.WantKind(t, err, reconcile.ErrDenied)
			if !strings.Contains(err.Error(), targets[0].DeployRole) {
				t.Errorf("%v does not name the role", err)
			}
			if strings.Contains(err.Error(), externalID) {
				t.Errorf("the ExternalId is told: %v", err)
			}
			if len(*asked) != 1 {
				t.Errorf("STS was asked %d times, want once", len(*asked))
			}
		})
	}
}

func TestADeniedRoleSaysWhereToLook(t *testing.T) {
	accounts, _ := sts(t, "AccessDenied")
	_, err := accounts.Deploy(t.Context(), work("jobs", gitops.Target{Account: "111122223333", Region: "eu-west-1"}))
	if err == nil || !strings.Contains(err.Error(), "trust policy") || !strings.Contains(err.Error(), "ExternalId") {
		t.Errorf("the error is %v", err)
	}
}

func TestR55_ARoleThatIsRefusedBlocksTheDeploymentAndIsLeftAlone(t *testing.T) {
	accounts, asked := sts(t, "AccessDenied")
	store, queue, git := fake.NewStore(), fake.NewQueue(), fake.NewGit()
	r := &reconcile.Reconciler{Store: store, Queue: queue, Blobs: fake.NewBlobs(), Git: git, Allowed: accounts.Allowed, Now: time.Now,
		NewID: rand.Text, Engines: map[gitops.Engine]reconcile.Engine{gitops.EngineCloudFormation: cloudformation.New(cloudformation.Config{
			Deploy: accounts.Deploy, Drift: accounts.Drift})}}
	sweep := &reconcile.Sweeper{Store: store, Queue: queue, Now: time.Now}
	repo := gitops.Repository{ID: "r1", URL: "https://git.example.com/infra", Branch: "main"}
	if err := store.PutRepository(t.Context(), &repo); err != nil {
		t.Fatal(err)
	}
	git.Push(repo.URL, "main", "a queue", map[string]string{"template.yaml": "Resources: { Queue: { Type: AWS::SQS::Queue } }\n",
		"driftless.yaml": "version: 1\napplications:\n  - { name: jobs, path: ., target: { account: \"111122223333\", region: eu-west-1 }, cloudformation: {} }\n"})
	for range 10 { // of the five minutes between two resyncs
		for _, wake := range []func(context.Context) (int, error){sweep.Repositories, sweep.Unfinished} {
			if _, err := wake(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		for m, ok := queue.Next(); ok; m, ok = queue.Next() {
			if err := r.Reconcile(t.Context(), m); err != nil {
				t.Fatal(err)
			}
		}
	}
	a, err := store.Application(t.Context(), "jobs")
	if err != nil {
		t.Fatal(err)
	}
	if a.Ended.Phase != gitops.PhaseBlocked || a.InFlight != "" || !strings.Contains(a.Ended.Reason, targets[0].DeployRole) {
		t.Errorf("it ended %+v, want Blocked with the role's name", a.Ended)
	}
	if len(*asked) > 2 { // to plan, and to remove what may be left of the plan
		t.Errorf("STS was asked %d times, want at most twice", len(*asked))
	}
}

// The SDK's sessions go by the clock of the machine. One that is an hour ahead takes every new
// session for ended, and gets another for each step; one that is behind uses a session until
// CloudFormation refuses it, which is no state of a stack.
func TestR18_AClockThatIsAnHourWrongStillEntersATarget(t *testing.T) {
	for skew, want := range map[time.Duration]int{-time.Hour: 1, time.Hour: 3} {
		t.Run(skew.String(), func(t *testing.T) {
			accounts, asked := lasting(t, "", time.Hour-skew)
			for range 3 {
				if _, err := accounts.Deploy(t.Context(), work("jobs", gitops.Target{Account: "111122223333", Region: "eu-west-1"})); err != nil {
					t.Fatal(err)
				}
			}
			if len(*asked) != want {
				t.Errorf("three steps made %d sessions, want %d", len(*asked), want)
			}
		})
	}
}

func TestAThrottledRoleIsTransient(t *testing.T) {
	accounts, _ := sts(t, "Throttling")
	_, err := accounts.Deploy(t.Context(), work("jobs", gitops.Target{Account: "111122223333", Region: "eu-west-1"}))
	if err == nil || errors.Is(err, reconcile.ErrDenied) {
		t.Errorf("the error is %v, want a transient one", err)
	}
}

func TestABuildEntersATargetBySide(t *testing.T) {
	const prefix = "arn:aws-cn:iam::111122223333:role/"
	targets := []account.Target{{Account: "111122223333", Regions: []string{"cn-north-1"}, DeployRole: prefix + "driftless-deploy"},
		{Account: "444455556666", DeployRole: "arn:aws:iam::444455556666:role/d", PlanRole: "arn:aws:iam::444455556666:role/p", ApplyRole: "arn:aws:iam::444455556666:role/a"}}
	accounts := account.New(aws.Config{}, "external", targets)
	for name, c := range map[string]struct {
		to   gitops.Target
		side build.Side
		role string // empty: refused
		cdk  *gitops.CDK
	}{
		"a CDK app":                       {gitops.Target{Account: "111122223333", Region: "cn-north-1"}, build.SidePlan, prefix + "driftless-cdk", &gitops.CDK{}},
		"a CDK app where roles are named": {gitops.Target{Account: "444455556666", Region: "eu-west-1"}, build.SidePlan, "arn:aws:iam::444455556666:role/driftless-cdk", &gitops.CDK{}},
		"a plan":                          {gitops.Target{Account: "111122223333", Region: "cn-north-1"}, build.SidePlan, prefix + "driftless-terraform-plan", nil},
		"an apply":                        {gitops.Target{Account: "111122223333", Region: "cn-north-1"}, build.SideApply, prefix + "driftless-terraform-apply", nil},
		"a plan with a role by name":      {gitops.Target{Account: "444455556666", Region: "eu-west-1"}, build.SidePlan, "arn:aws:iam::444455556666:role/p", nil},
		"an apply with a role by name":    {gitops.Target{Account: "444455556666", Region: "eu-west-1"}, build.SideApply, "arn:aws:iam::444455556666:role/a", nil},
		"a region that is none":           {gitops.Target{Account: "111122223333", Region: "eu-west-1"}, build.SideApply, "", nil},
	} {
		access, err := accounts.Build(reconcile.Work{Settings: gitops.Settings{Target: c.to, CDK: c.cdk}}, c.side)
		if c.role == "" {
			if !errors.Is(err, reconcile.ErrDenied) {
				t.Errorf("%s: %+v, %v", name, access, err)
			}
			continue
		}
		if want := (build.Access{Region: c.to.Region, Role: c.role, ExternalID: "external"}); err != nil || access != want {
			t.Errorf("%s: %+v, %v; want %+v", name, access, err, want)
		}
	}
}
