package conformance

import (
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// ErrDiffers says that the sandbox and AWS do not answer alike; ErrRefused that nothing was
// asked of an account, and why.
var (
	ErrDiffers = errors.New("the sandbox does not answer as AWS does")
	ErrRefused = errors.New("nothing was asked of AWS")
)

// Options are what the command is told.
type Options struct {
	Account   string // whose answers are to be recorded; empty for the sandbox alone
	Region    string
	Yes       bool     // make what the account is charged for
	Only      []string // names of expectations; all when empty
	Dir       string   // of the recordings
	Elsewhere bool     // Dir is not where the recordings of AWS are kept
	Run       string   // goes into every name
	Poll      time.Duration
	Now       func() time.Time
	Out       io.Writer

	sandbox func(context.Context, string) (where, func(), error) // inSandbox when nil
}

// Command tries the expectations in a sandbox and, where an account is named, in that account
// first. Without Yes it says what it would make there and stops.
func Command(ctx context.Context, o Options) error {
	all, err := Pick(Expectations(), o.Only)
	if err != nil {
		return err
	}
	if o.Account != "" {
		if err := o.record(ctx, all); err != nil {
			return err
		}
	}
	recorded, err := load(o.Dir, Expectations())
	if err != nil {
		return err
	}
	if o.sandbox == nil {
		o.sandbox = inSandbox
	}
	here, end, err := o.sandbox(ctx, o.Run)
	if err != nil {
		return err
	}
	defer end()
	return o.report(here.try(ctx, all, 1), recorded)
}

// report prints a line for each expectation, and what differs.
func (o Options) report(outcomes []Outcome, recorded map[string]Recording) error {
	bad, told := 0, 0
	for _, got := range outcomes {
		if recorded[got.Name].From == fromAWS {
			told++
		}
		want := expected(got.Expectation, recorded)
		v := judge(got, want)
		mark := map[verdict]string{alike: "✓", known: "~"}[v]
		if mark == "" {
			mark = "✗"
			bad++
		}
		o.print("%s %-24s %-20s %s\n", mark, got.Name, basis(got.Expectation, recorded), v)
		switch v {
		case untold:
			o.print("    %v\n", got.Err)
		case known:
			o.print("    %s\n", got.Because)
		case differs:
			o.print("%s", compare(want, got.Got))
		case alike, mended:
		}
	}
	o.print("%d expectations: %d recorded from AWS, %d only documented; the sandbox fails %d\n", len(outcomes), told, len(outcomes)-told, bad)
	if o.Account == "" {
		o.print("No account was named, so nothing was asked of AWS.\n")
	}
	if bad > 0 {
		return ErrDiffers
	}
	return left(outcomes)
}

func (o Options) print(format string, args ...any) { _, _ = fmt.Fprintf(o.Out, format, args...) }

var accountID = regexp.MustCompile(`^\d{12}$`)

// record tries the expectations in the account and keeps what it answers.
func (o Options) record(ctx context.Context, all []Expectation) error {
	switch {
	case !accountID.MatchString(o.Account):
		return fmt.Errorf("%w: %q is no account; one has twelve digits", ErrRefused, o.Account)
	case o.Region == "":
		return fmt.Errorf("%w: no region is named: add REGION, such as REGION=eu-west-1", ErrRefused)
	}
	c, err := config.LoadDefaultConfig(ctx, config.WithRegion(o.Region))
	if err != nil {
		return fmt.Errorf("%w: read the AWS configuration: %w", ErrRefused, err)
	}
	var m meter
	m.watch(&c)
	if err := o.permitted(ctx, c, &m, all); err != nil {
		return err
	}
	there := where{config: c, account: o.Account, run: o.Run, poll: o.Poll}
	outcomes := there.try(ctx, all, 4)
	var errs []error
	for _, got := range outcomes {
		if got.Err == nil {
			got.Err = noAnswer(got.Got)
		}
		if got.Err != nil {
			errs = append(errs, fmt.Errorf("%s, which is not recorded: %w", got.Name, got.Err))
			continue
		}
		errs = append(errs, Recording{Name: got.Name, Recorded: o.Now().UTC().Format(time.DateOnly),
			Region: o.Region, From: m.from(), Answers: got.Got}.save(o.Dir))
	}
	o.print("asked %s: %s; at most $%.6f\n\n", m.from(), &m, m.dollars())
	if err := left(outcomes); err != nil {
		errs = append(errs, fmt.Errorf("not everything could be deleted; look for %s%s-… in account %s, %s: %w", Prefix, o.Run, o.Account, o.Region, err))
	}
	return errors.Join(errs...)
}

// permitted checks whose credentials these are, says what is going to be made, and refuses
// unless it was told to.
func (o Options) permitted(ctx context.Context, c aws.Config, m *meter, all []Expectation) error {
	who, err := sts.NewFromConfig(c).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return fmt.Errorf("%w: find out whose credentials these are: %w", ErrRefused, err)
	}
	if got := aws.ToString(who.Account); got != o.Account {
		return fmt.Errorf("%w: these credentials are of account %s, not of %s", ErrRefused, got, o.Account)
	}
	if m.from() != fromAWS && !o.Elsewhere {
		return fmt.Errorf("%w: %s answers in AWS's place, and what it says is not to be kept in %s: unset AWS_ENDPOINT_URL, or name another folder",
			ErrRefused, m.from(), o.Dir)
	}
	o.print("In account %s, %s, as %s, this makes and afterwards deletes:\n", o.Account, o.Region, aws.ToString(who.Arn))
	for _, e := range all {
		o.print("  %-24s %s\n", e.Name, e.Makes)
	}
	o.print("All of it is named %s%s-…, and costs less than $%.2f.\n", Prefix, o.Run, ceiling)
	if !o.Yes {
		return fmt.Errorf("%w: say that you want this by adding YES=1", ErrRefused)
	}
	o.print("\n")
	return nil
}
