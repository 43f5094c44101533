package conformance

import (
	"context"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the README's table anew")

// world is a sandbox that all tests share.
type world struct {
	start sync.Once
	where where
	end   func()
	err   error
}

// shared is where expectations are tried, and other what a recording is held against.
var shared, other world

func TestMain(m *testing.M) {
	code := m.Run()
	for _, w := range []*world{&shared, &other} {
		if w.end != nil {
			w.end()
		}
	}
	os.Exit(code)
}

func (w *world) standing(t *testing.T) where {
	t.Helper()
	w.start.Do(func() { w.where, w.end, w.err = inSandbox(context.Background(), "test") })
	if w.err != nil {
		t.Fatalf("%v (moto_server belongs on the PATH)", w.err)
	}
	return w.where
}

// isEmpty fails the test if something of a run stands in an account.
func (p where) isEmpty(t *testing.T) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	stacks, err := cloudformation.NewFromConfig(p.config).DescribeStacks(ctx, &cloudformation.DescribeStacksInput{})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range stacks.Stacks {
		if s.StackStatus != types.StackStatusDeleteComplete {
			t.Errorf("stack %s is left in %s", aws.ToString(s.StackName), s.StackStatus)
		}
	}
	queues, err := sqs.NewFromConfig(p.config).ListQueues(ctx, &sqs.ListQueuesInput{QueueNamePrefix: aws.String(Prefix)})
	if err != nil || len(queues.QueueUrls) > 0 {
		t.Errorf("queues %v, error %v", queues.QueueUrls, err)
	}
	tables, err := dynamodb.NewFromConfig(p.config).ListTables(ctx, &dynamodb.ListTablesInput{})
	if err != nil || len(tables.TableNames) > 0 {
		t.Errorf("tables %v, error %v", tables.TableNames, err)
	}
}

func TestTheSandboxAnswersAsAWSDoes(t *testing.T) {
	recorded, err := load(filepath.FromSlash(Recordings), Expectations())
	if err != nil {
		t.Fatal(err)
	}
	p := shared.standing(t)
	var m meter
	m.watch(&p.config)
	for _, got := range p.try(t.Context(), Expectations(), 1) {
		t.Run(got.Name, func(t *testing.T) {
			want := expected(got.Expectation, recorded)
			if v := judge(got, want); v != alike && v != known {
				t.Errorf("%s: %v\n%s", v, got.Err, compare(want, got.Got))
			}
			if got.Left != nil {
				t.Error(got.Left)
			}
		})
	}
	p.isEmpty(t)
	if cost := m.dollars(); cost <= 0 || cost > ceiling {
		t.Errorf("it would have cost $%.4f (%s); at most $%.2f is what is told beforehand", cost, &m, ceiling)
	}
}

// TestWhatIsRecordedIsFromAWS: what another program answered in AWS's place is no evidence.
func TestWhatIsRecordedIsFromAWS(t *testing.T) {
	recorded, err := load(filepath.FromSlash(Recordings), Expectations())
	if err != nil {
		t.Fatal(err)
	}
	for name, r := range recorded {
		if r.From != fromAWS || r.Recorded == "" || len(r.Answers) == 0 {
			t.Errorf("%s: recorded %q from %q, %d answers", name, r.Recorded, r.From, len(r.Answers))
		}
	}
}

func TestTheReadmeSaysWhatIsRecordedAndWhatOnlyDocumented(t *testing.T) {
	recorded, err := load(filepath.FromSlash(Recordings), Expectations())
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join("..", "sandbox", "README.md")
	readme, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	want, err := withTable(string(readme), markdown(Expectations(), recorded))
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(string(readme), want); diff != "" {
		t.Errorf("%s is not up to date; run make update-golden (-file +now):\n%s", path, diff)
	}
}

func TestEveryExpectationIsWhole(t *testing.T) {
	seen := map[string]bool{}
	for _, e := range Expectations() {
		switch {
		case seen[e.Name]:
			t.Errorf("%s is there twice", e.Name)
		case len(Prefix+"12345678-"+e.Name) > 75: // SQS's 80, less "-dead"
			t.Errorf("%s is too long for the name of a queue", e.Name)
		case e.Says == "" || e.Makes == "" || e.Calls == nil || len(e.Answers) == 0:
			t.Errorf("%s lacks something: %+v", e.Name, e)
		case !strings.HasPrefix(e.Source, "https://"):
			t.Errorf("%s has no source", e.Name)
		case (e.Sandbox == nil) != (e.Because == ""):
			t.Errorf("%s says that the sandbox differs and not why, or why and not how", e.Name)
		case cmp.Equal(e.Sandbox, e.Answers):
			t.Errorf("%s says that the sandbox differs, and it does not", e.Name)
		}
		seen[e.Name] = true
	}
}

// leaving is an expectation that makes one of everything, and then does what a test wants.
func leaving(then func() error) Expectation {
	return Expectation{Name: "leaving", Calls: func(ctx context.Context, a *Account) error {
		if _, err := a.queue(ctx, "", nil); err != nil {
			return err
		}
		if _, err := a.table(ctx, nil); err != nil {
			return err
		}
		s, err := a.make(ctx, queueTemplate("VisibilityTimeout: 30"))
		if err != nil {
			return err
		}
		if _, err := a.stacks.UpdateTerminationProtection(ctx, &cloudformation.UpdateTerminationProtectionInput{
			StackName: s.StackId, EnableTerminationProtection: aws.Bool(true)}); err != nil {
			return err
		}
		return then()
	}}
}

func TestNothingIsLeftBehind(t *testing.T) {
	p := shared.standing(t)
	wrong := errors.New("wrong")
	if o := p.one(t.Context(), leaving(func() error { return wrong })); !errors.Is(o.Err, wrong) || o.Left != nil {
		t.Errorf("an error: %v, left %v", o.Err, o.Left)
	}
	p.isEmpty(t)
	ctx, interrupt := context.WithCancel(t.Context())
	all := []Expectation{leaving(func() error { interrupt(); return ctx.Err() }), {Name: "after"}}
	for i, o := range p.try(ctx, all, 1) {
		if !errors.Is(o.Err, context.Canceled) || o.Left != nil {
			t.Errorf("interrupted, %d: %v, left %v", i, o.Err, o.Left)
		}
	}
	p.isEmpty(t)
}

func TestWhatCannotBeRemovedIsTold(t *testing.T) {
	stuck := errors.New("stuck")
	e := Expectation{Name: "stuck", Calls: func(_ context.Context, a *Account) error {
		for range 2 {
			a.Later(func(context.Context) error { return stuck })
		}
		return nil
	}}
	err := left([]Outcome{(where{}).one(t.Context(), e)})
	if !errors.Is(err, stuck) || strings.Count(err.Error(), "stuck\n") != 1 || !strings.HasPrefix(err.Error(), "stuck: ") {
		t.Errorf("got %q, want both under the expectation's name", err)
	}
}
