// Package check makes the attempts at an application's checks: it finds who is to be asked for
// each kind, and sees to it that no attempt takes longer than it may.
//
// It decides nothing: how often a check is tried, and what follows where one fails, is Decide's.
package check

import (
	"context"
	"fmt"
	"time"

	"github.com/driftless-gitops/driftless/internal/aws/account"
	"github.com/driftless-gitops/driftless/internal/aws/cloudwatch"
	"github.com/driftless-gitops/driftless/internal/aws/lambda"
	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/probe"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

// What an attempt may take: where the check says nothing, and at most. A function's invocation
// has a minute for all that it does.
const (
	Usual   = 5 * time.Second
	Longest = 20 * time.Second
)

// Kinds has for each kind of check who makes an attempt at it.
type Kinds struct{ HTTP, Alarm, Lambda reconcile.Checker }

var _ reconcile.Checker = Kinds{}

// Installed returns the checks of an installation. Alarms are read with the drift role, which
// reads alone; functions are invoked with the deploy role. hosts are its allowPrivateHosts.
func Installed(accounts *account.Accounts, hosts []string, now func() time.Time) Kinds {
	return Kinds{HTTP: probe.New(hosts), Alarm: cloudwatch.New(accounts.Drift, now), Lambda: lambda.New(accounts.Deploy, now)}
}

// Check makes one attempt within the check's time limit. Where ctx itself ends meanwhile,
// nothing was found out.
func (k Kinds) Check(ctx context.Context, w reconcile.Work, c gitops.Check, outputs map[string]string) (gitops.Verdict, error) {
	kind := k.kind(c)
	if kind == nil {
		return gitops.Verdict{Final: true, Reason: "neither http, nor alarm, nor lambda is given"}, nil
	}
	attempt, cancel := context.WithTimeout(ctx, limit(c))
	defer cancel()
	v, err := kind.Check(attempt, w, c, outputs)
	switch {
	case err != nil:
		return gitops.Verdict{}, fmt.Errorf("check %s: %w", c.Name, err)
	case ctx.Err() != nil && !v.Passed && !v.Final:
		return gitops.Verdict{}, fmt.Errorf("check %s: %w", c.Name, ctx.Err())
	}
	return v, nil
}

func (k Kinds) kind(c gitops.Check) reconcile.Checker {
	switch {
	case c.HTTP != nil:
		return k.HTTP
	case c.Alarm != "":
		return k.Alarm
	case c.Lambda != "":
		return k.Lambda
	}
	return nil
}

// limit is what an attempt may take. A function that is asked looks for itself, and may take
// what it needs.
func limit(c gitops.Check) time.Duration {
	given := time.Duration(c.TimeoutSeconds) * time.Second
	switch {
	case given > Longest, given <= 0 && c.Lambda != "":
		return Longest
	case given <= 0:
		return Usual
	}
	return given
}
