package conformance

import (
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/google/go-cmp/cmp"

	"github.com/driftless-gitops/driftless/internal/aws/account"
	"github.com/driftless-gitops/driftless/internal/aws/api"
	engine "github.com/driftless-gitops/driftless/internal/aws/cloudformation"
	"github.com/driftless-gitops/driftless/internal/aws/codebuild"
	"github.com/driftless-gitops/driftless/internal/aws/codecommit"
	"github.com/driftless-gitops/driftless/internal/aws/dynamodb"
	"github.com/driftless-gitops/driftless/internal/aws/eventbridge"
	"github.com/driftless-gitops/driftless/internal/aws/jsonrpc"
	"github.com/driftless-gitops/driftless/internal/aws/s3"
	"github.com/driftless-gitops/driftless/internal/aws/secretsmanager"
	"github.com/driftless-gitops/driftless/internal/aws/sqs"
	"github.com/driftless-gitops/driftless/internal/aws/ssm"
	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/notify"
	"github.com/driftless-gitops/driftless/internal/reconcile"
	"github.com/driftless-gitops/driftless/internal/sandbox/moto"
)

// code is a line of testdata/codes.txt: an error code that an adapter tells from others.
type code struct{ adapter, code, taken, source string }

// codes reads the list.
func codes(t *testing.T) []code {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "codes.txt"))
	if err != nil {
		t.Fatal(err)
	}
	var all []code
	for line := range strings.Lines(string(data)) {
		if strings.HasPrefix(line, "#") || strings.TrimSpace(line) == "" {
			continue
		}
		f := strings.Fields(line)
		if len(f) != 4 {
			t.Fatalf("codes.txt: %q has %d words; an adapter, a code, what it is taken for and a source belong there", line, len(f))
		}
		all = append(all, code{f[0], f[1], f[2], f[3]})
	}
	return all
}

// TestEveryErrorCodeThatAnAdapterKnowsIsListed reads the adapters' sources, so that a code
// that is told from others without a source and a test is found.
func TestEveryErrorCodeThatAnAdapterKnowsIsListed(t *testing.T) {
	var listed []string
	for _, c := range codes(t) {
		listed = append(listed, c.adapter+" "+c.code)
		if !strings.HasPrefix(c.source, "https://") {
			t.Errorf("%s of %s has no source", c.code, c.adapter)
		}
	}
	var known []string
	files, err := filepath.Glob(filepath.Join("..", "aws", "*", "*.go"))
	if err != nil || len(files) < 20 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range compared(f) {
			known = append(known, filepath.Base(filepath.Dir(file))+" "+c)
		}
	}
	slices.Sort(listed)
	slices.Sort(known)
	if diff := cmp.Diff(slices.Compact(known), listed); diff != "" {
		t.Errorf("testdata/codes.txt against the sources (-source +list):\n%s", diff)
	}
}

// looksLikeACode is the shape of AWS's error codes: words in one, and a namespace before them
// in some of SQS's.
var looksLikeACode = regexp.MustCompile(`^(AWS\.SimpleQueueService\.|KMS\.)?[A-Z]+[a-z]+([A-Z][A-Za-z]*)+$`)

// compared returns the error codes that a file compares with: in a case, next to ==, after
// HasPrefix(code, …), in the lists and constants that are called codes or denials, and as the
// SDK's error types. A file that reads no error has none.
func compared(f *ast.File) []string {
	var found []string
	literal := func(e ast.Expr) {
		if l, ok := e.(*ast.BasicLit); ok && l.Kind == token.STRING {
			if text, err := strconv.Unquote(l.Value); err == nil && looksLikeACode.MatchString(text) {
				found = append(found, text)
			}
		}
	}
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CaseClause:
			for _, e := range n.List {
				literal(e)
			}
		case *ast.BinaryExpr:
			literal(n.X)
			literal(n.Y)
		case *ast.CallExpr:
			if s, ok := n.Fun.(*ast.SelectorExpr); ok && s.Sel.Name == "HasPrefix" && fmt.Sprint(n.Args[0]) == "code" {
				literal(n.Args[1])
			}
		case *ast.ValueSpec:
			for i, name := range n.Names {
				if i < len(n.Values) && (strings.HasPrefix(name.Name, "code") || name.Name == "denials") {
					literal(n.Values[i])
					if list, ok := n.Values[i].(*ast.CompositeLit); ok {
						for _, e := range list.Elts {
							literal(e)
						}
					}
				}
			}
			if star, ok := n.Type.(*ast.StarExpr); ok {
				if s, ok := star.X.(*ast.SelectorExpr); ok && fmt.Sprint(s.X) == "types" && strings.HasSuffix(s.Sel.Name, "Exception") {
					found = append(found, s.Sel.Name)
				}
			}
		}
		return true
	})
	return found
}

// answering is a service that answers every request with one error, in each protocol's way.
func answering(t *testing.T, adapter, code string) aws.Config {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		// The protocols of JSON name the type, those that once were Query's the code beside it.
		w.Header().Set("X-Amzn-Errortype", code)
		w.Header().Set("X-Amzn-Query-Error", code+";Sender")
		body := fmt.Sprintf(`{"__type":%q,"message":"as the test wants"}`, code)
		switch adapter {
		case "cloudformation", "account", "api":
			body = "<ErrorResponse><Error><Type>Sender</Type><Code>" + code + "</Code><Message>Stack Driftless does not exist</Message></Error></ErrorResponse>"
		case "s3":
			body = "<Error><Code>" + code + "</Code><Message>as the test wants</Message></Error>"
		}
		w.WriteHeader(http.StatusBadRequest)
		_, _ = w.Write([]byte(body))
	}))
	t.Cleanup(server.Close)
	return aws.Config{Region: "eu-west-1", BaseEndpoint: aws.String(server.URL), Retryer: func() aws.Retryer { return aws.NopRetryer{} }, APIOptions: moto.KeepAnswers(),
		Credentials: credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "secret", "")}
}

// target is where the tests' installation may go.
var target = gitops.Target{Account: "111122223333", Region: "eu-west-1"}

// ask makes an adapter make one call.
func ask(ctx context.Context, adapter string, c aws.Config) error {
	var err error
	switch adapter {
	case "account":
		role := account.Target{Account: target.Account, DeployRole: "arn:aws:iam::111122223333:role/deploy"}
		_, err = account.New(c, "id", []account.Target{role}).Config(ctx, "jobs", target, account.RoleDeploy)
	case "api":
		_, err = (&api.Client{AWS: c}).Find(ctx)
	case "cloudformation":
		enter := func(context.Context, reconcile.Work) (aws.Config, error) { return c, nil }
		_, err = engine.New(engine.Config{Deploy: enter, Drift: enter}).Observe(ctx, reconcile.Work{Settings: gitops.Settings{Target: target},
			Operation: gitops.Operation{Kind: gitops.OperationPlan, Token: "driftless-a-1"},
			Files:     func(context.Context) (fs.FS, error) { return fstest.MapFS{}, nil }})
	case "codebuild":
		_, err = codebuild.NewClient(jsonrpc.New(c, jsonrpc.CodeBuild, time.Now), c.Region).Build(ctx, "driftless-plan:1")
	case "codecommit":
		_, err = codecommit.New(c, time.Now).Resolve(ctx, gitops.Repository{URL: "codecommit::eu-west-1://jobs"})
	case "dynamodb":
		_, err = dynamodb.New(c, "table", nil, time.Now).Application(ctx, "jobs")
	case "eventbridge":
		_, err = eventbridge.New(c, "bus").Publish(ctx, "driftless", []notify.Event{{}})
	case "s3":
		_, err = s3.New(c, "bucket").Get(ctx, "key")
	case "secretsmanager":
		_, err = secretsmanager.New(c, time.Now).Read(ctx, "name")
	case "sqs":
		err = sqs.New(c, c.Region, func() string { return "id" }).Send(ctx, reconcile.Message{Application: "jobs"})
	case "ssm":
		_, err = ssm.New(c, time.Now).Read(ctx, "name")
	default:
		return fmt.Errorf("no test makes a call of %s", adapter)
	}
	return err
}

// TestWhatAnErrorCodeOfAnAdapterIsTakenFor asks each adapter over HTTP, and whether a code
// that nobody has heard of is taken for nothing.
func TestWhatAnErrorCodeOfAnAdapterIsTakenFor(t *testing.T) {
	all := codes(t)
	for _, c := range all {
		if c := (code{adapter: c.adapter, code: "NewlyInventedException", taken: "transient"}); !slices.Contains(all, c) {
			all = append(all, c)
		}
	}
	for _, c := range all {
		t.Run(c.adapter+" "+c.code, func(t *testing.T) {
			if c.taken == "its-own" { // told by the adapter's own tests
				return
			}
			err := ask(t.Context(), c.adapter, answering(t, c.adapter, c.code))
			if err == nil {
				t.Fatal("no error")
			}
			for taken, sentinel := range map[string]error{"denied": reconcile.ErrDenied, "not-found": reconcile.ErrNotFound, "conflict": reconcile.ErrConflict} {
				if errors.Is(err, sentinel) != (c.taken == taken) {
					t.Errorf("%s: %t for %v, want it taken for %s", taken, errors.Is(err, sentinel), err, c.taken)
				}
			}
		})
	}
}
