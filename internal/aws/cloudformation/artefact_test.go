package cloudformation

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/google/go-cmp/cmp"

	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

const bucketName = "driftless-artefacts-111122223333-eu-west-1"

// bucket is an artefact bucket, as strict as S3 about owners and conditions. Its calls
// stand among the account's, so that a test sees their order.
type bucket struct {
	a    *account
	kept map[string]string // by key
	fail map[string]error  // answers instead of an operation
	race bool              // somebody else puts the object between the two calls
}

func (b *bucket) call(name string, of, owner *string) error {
	b.a.calls = append(b.a.calls, name)
	switch {
	case aws.ToString(of) != bucketName:
		return apiError("NoSuchBucket", "the bucket does not exist")
	case aws.ToString(owner) != "111122223333":
		return apiError("AccessDenied", "the bucket belongs to another account")
	}
	return b.fail[name]
}

func (b *bucket) HeadObject(_ context.Context, in *s3.HeadObjectInput, _ ...func(*s3.Options)) (*s3.HeadObjectOutput, error) {
	if err := b.call("HeadObject", in.Bucket, in.ExpectedBucketOwner); err != nil {
		return nil, err
	}
	if _, there := b.kept[*in.Key]; !there {
		return nil, apiError("NotFound", "Not Found")
	}
	return &s3.HeadObjectOutput{}, nil
}

func (b *bucket) PutObject(_ context.Context, in *s3.PutObjectInput, _ ...func(*s3.Options)) (*s3.PutObjectOutput, error) {
	if err := b.call("PutObject", in.Bucket, in.ExpectedBucketOwner); err != nil {
		return nil, err
	}
	data, err := io.ReadAll(in.Body)
	if err != nil {
		return nil, err
	}
	if b.race {
		b.kept[*in.Key] = string(data)
	}
	if _, there := b.kept[*in.Key]; there && aws.ToString(in.IfNoneMatch) == "*" {
		return nil, apiError("PreconditionFailed", "At least one of the pre-conditions you specified did not hold")
	}
	b.kept[*in.Key] = string(data)
	return &s3.PutObjectOutput{}, nil
}

// with returns the engine over the account and its artefact bucket.
func (a *account) with(b *bucket) *Engine {
	b.a = a
	if b.kept == nil {
		b.kept = map[string]string{}
	}
	e := a.engine()
	e.artefacts = func(context.Context, reconcile.Work) (objects, error) { return b, nil }
	e.bucket = func(reconcile.Work) string { return bucketName }
	return e
}

// nesting is the work of an application whose template names a template and a function's code.
func nesting() reconcile.Work {
	w := work(gitops.OperationPlan)
	w.Files = files(map[string]string{
		"stacks/jobs/template.yaml": "Resources:\n  Vpc:\n    Type: AWS::CloudFormation::Stack\n    Properties:\n      TemplateURL: vpc.yaml\n" +
			"  Function:\n    Type: AWS::Lambda::Function\n    Properties:\n      Code: src\n",
		"stacks/jobs/vpc.yaml":     goodTemplate,
		"stacks/jobs/src/index.py": "def handler(e, c): pass\n",
	})
	return w
}

func TestArtefactsAreUploadedOnceAndBeforeTheTemplateIsSent(t *testing.T) {
	a, b := standing("CREATE_COMPLETE"), &bucket{}
	mustStart(t, a.with(b), nesting())
	if diff := cmp.Diff([]string{"DescribeStacks", "HeadObject", "PutObject", "HeadObject", "PutObject", "CreateChangeSet"}, a.calls); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
	for key := range b.kept {
		if !strings.Contains(aws.ToString(a.created.TemplateBody), key) {
			t.Errorf("the template does not name %s:\n%s", key, aws.ToString(a.created.TemplateBody))
		}
	}
	body := a.created.TemplateBody
	clear(a.sets)
	a.calls = nil
	mustStart(t, a.with(b), nesting())
	if diff := cmp.Diff([]string{"DescribeStacks", "HeadObject", "HeadObject", "CreateChangeSet"}, a.calls); diff != "" {
		t.Errorf("calls for what did not change (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(body, a.created.TemplateBody); diff != "" {
		t.Errorf("what did not change is sent otherwise:\n%s", diff)
	}
}

func TestAnArtefactThatSomebodyPutsMeanwhileIsThere(t *testing.T) {
	a := standing("CREATE_COMPLETE")
	mustStart(t, a.with(&bucket{race: true}), nesting())
	if a.created == nil {
		t.Error("no change set was created")
	}
}

func TestR29h_ATemplateThatIsTooLargeForACallGoesThroughTheBucket(t *testing.T) {
	large := goodTemplate + "#" + strings.Repeat("x", 60_000) + "\n"
	a, b := standing("CREATE_COMPLETE"), &bucket{}
	w := work(gitops.OperationPlan)
	w.Files = files(map[string]string{"stacks/jobs/template.yaml": large})
	mustStart(t, a.with(b), w)
	key, found := strings.CutPrefix(aws.ToString(a.created.TemplateURL), "https://"+bucketName+".s3.eu-west-1.amazonaws.com/")
	if !found || b.kept[key] != large || a.created.TemplateBody != nil {
		t.Errorf("sent by %q, which holds %d bytes; inline %t", aws.ToString(a.created.TemplateURL), len(b.kept[key]), a.created.TemplateBody != nil)
	}
}

func TestARegionWithoutABucketIsNamedBeforeAnyCall(t *testing.T) {
	for name, test := range map[string]struct {
		work reconcile.Work
		want []string
	}{
		"for what a template names": {nesting(), []string{"region eu-west-1", "account 111122223333", "Resources.Vpc.Properties.TemplateURL", "templates/target-events.yaml"}},
		"for a large template": {func() reconcile.Work {
			w := work(gitops.OperationPlan)
			w.Files = files(map[string]string{"stacks/jobs/template.yaml": goodTemplate + "#" + strings.Repeat("x", 60_000)})
			return w
		}(), []string{"region eu-west-1", "51200", "templates/target-events.yaml"}},
	} {
		t.Run(name, func(t *testing.T) {
			a := standing("CREATE_COMPLETE")
			reason := refusal(t, a.engine(), test.work).Reason
			for _, want := range test.want {
				if !strings.Contains(reason, want) {
					t.Errorf("%q does not say %q", reason, want)
				}
			}
			if len(a.calls) > 0 {
				t.Errorf("calls: %v", a.calls)
			}
		})
	}
}

func TestNothingIsUploadedForAStackThatCannotBePlanned(t *testing.T) {
	for _, status := range []types.StackStatus{"UPDATE_IN_PROGRESS", "ROLLBACK_COMPLETE", "UPDATE_ROLLBACK_FAILED"} {
		a, b := standing(status), &bucket{}
		_, _ = a.with(b).Start(t.Context(), nesting())
		if slices.Contains(a.calls, "HeadObject") || len(b.kept) > 0 {
			t.Errorf("%s: %v", status, a.calls)
		}
	}
}

func TestWhatS3SaysOfTheBucket(t *testing.T) {
	for name, test := range map[string]struct {
		call    string
		err     error
		want    string
		denied  bool
		refused bool
	}{
		"a right to look that is missing":       {"HeadObject", apiError("Forbidden", "Forbidden"), "the deploy role may not", true, false},
		"a right to put that is missing":        {"PutObject", apiError("AccessDenied", "not authorized to perform: s3:PutObject"), "s3:PutObject", true, false},
		"a bucket that is gone":                 {"PutObject", apiError("NoSuchBucket", "The specified bucket does not exist"), "the artefact bucket " + bucketName + " is not in eu-west-1: where Driftless itself stands, run make deploy again", false, true},
		"a bucket of another region":            {"HeadObject", apiError("MovedPermanently", "Moved Permanently"), "target-events.yaml", false, true},
		"a put to a bucket of another region":   {"PutObject", apiError("PermanentRedirect", "use another endpoint"), "target-events.yaml", false, true},
		"a bucket that is throttled":            {"PutObject", apiError("SlowDown", "Please reduce your request rate"), "reduce", false, false},
		"another put of the key under way":      {"PutObject", apiError("ConditionalRequestConflict", "try again"), "try again", false, false},
		"an answer that is lost while it looks": {"HeadObject", errLost, "reset by peer", false, false},
	} {
		t.Run(name, func(t *testing.T) {
			a := standing("CREATE_COMPLETE")
			_, err := a.with(&bucket{fail: map[string]error{test.call: test.err}}).Start(t.Context(), nesting())
			var r *gitops.Refusal
			if err == nil || !strings.Contains(err.Error(), test.want) || errors.Is(err, reconcile.ErrDenied) != test.denied || errors.As(err, &r) != test.refused {
				t.Errorf("got %v", err)
			}
			if !strings.Contains(err.Error(), bucketName) || a.created != nil {
				t.Errorf("created %v; %v", a.created, err)
			}
		})
	}
}
