package conformance

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/codebuild"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/smithy-go"
)

// Prefix begins the name of everything that is made in an account.
const Prefix = "driftless-conformance-"

// Account is where one expectation makes its calls, and what was answered so far.
type Account struct {
	stacks  *cloudformation.Client
	queues  *sqs.Client
	tables  *dynamodb.Client
	streams *dynamodbstreams.Client
	params  *ssm.Client
	builds  *codebuild.Client

	prefix  string        // of the names of this expectation
	poll    time.Duration // between two looks at what takes its time
	hide    *strings.Replacer
	answers []string
	undo    []func(context.Context) error
}

// where is an account that expectations can be tried in.
type where struct {
	config  aws.Config
	account string
	run     string // makes the names of one run its own
	poll    time.Duration
}

func (p where) enter(e Expectation) *Account {
	prefix := Prefix + p.run + "-" + e.Name
	return &Account{
		stacks: cloudformation.NewFromConfig(p.config), queues: sqs.NewFromConfig(p.config),
		tables: dynamodb.NewFromConfig(p.config), streams: dynamodbstreams.NewFromConfig(p.config),
		params: ssm.NewFromConfig(p.config), builds: codebuild.NewFromConfig(p.config),
		prefix: prefix, poll: p.poll,
		hide: strings.NewReplacer(prefix, "NAME", p.account, "ACCOUNT", p.config.Region, "REGION"),
	}
}

// Note keeps an answer: a label, then names and values in turn. An error stands for its code
// and, where the name is "error", its message too. What differs from run to run is replaced.
func (a *Account) Note(label string, namesAndValues ...any) {
	line := label + ":"
	for i := 0; i+1 < len(namesAndValues); i += 2 {
		line += fmt.Sprintf(" %s=%s", namesAndValues[i], value(namesAndValues[i], namesAndValues[i+1]))
	}
	a.answers = append(a.answers, a.normal(line))
}

func value(name, v any) string {
	switch v := v.(type) {
	case nil:
		return "none"
	case error:
		if name == "error" {
			return codeOf(v) + " " + messageOf(v)
		}
		return codeOf(v)
	case *string:
		return aws.ToString(v)
	}
	return fmt.Sprint(v)
}

// varying are the parts of an answer that are another one in every run.
var varying = []struct {
	pattern *regexp.Regexp
	name    string
}{
	{regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`), "UUID"},
	{regexp.MustCompile(`https?://[^/ ]*/ACCOUNT/`), "QUEUES/"},
	{regexp.MustCompile(`\d{4}-\d\d-\d\dT[0-9:.]+Z`), "TIME"},
}

func (a *Account) normal(line string) string {
	line = a.hide.Replace(line)
	for _, v := range varying {
		line = v.pattern.ReplaceAllString(line, v.name)
	}
	return line
}

func codeOf(err error) string {
	var e smithy.APIError
	if errors.As(err, &e) {
		return e.ErrorCode()
	}
	return err.Error()
}

func messageOf(err error) string {
	var e smithy.APIError
	if errors.As(err, &e) {
		return e.ErrorMessage()
	}
	return ""
}

// isAnswer reports whether an error is what the service said, not that it could not be asked.
func isAnswer(err error) bool {
	var e smithy.APIError
	return errors.As(err, &e)
}

// Later says what removes something. It is said before the thing is made, so that what was
// made by a call whose answer is lost is removed too, and must not mind that there is nothing.
func (a *Account) Later(remove func(context.Context) error) { a.undo = append(a.undo, remove) }

// clean removes everything, the last first, and goes on where something cannot be.
func (a *Account) clean(ctx context.Context) error {
	var errs []error
	for i := len(a.undo) - 1; i >= 0; i-- {
		if err := a.undo[i](ctx); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// until looks again until something is done, or ctx ends.
func (a *Account) until(ctx context.Context, what string, done func() (bool, error)) error {
	tick := time.NewTicker(a.poll)
	defer tick.Stop()
	for {
		ok, err := done()
		if err != nil {
			return fmt.Errorf("wait until %s: %w", what, err)
		}
		if ok {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait until %s: %w", what, ctx.Err())
		case <-tick.C:
		}
	}
}
