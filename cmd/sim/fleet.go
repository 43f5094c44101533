package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/driftless-gitops/driftless/internal/bench/price"
	"github.com/driftless-gitops/driftless/internal/sim/fleet"
)

// runFleet simulates a fleet with and without looking for drift, beside each other, and prints what
// that does and costs.
func runFleet(out io.Writer, applications, accounts int) error {
	if applications < accounts || accounts < 1 || accounts > 10 {
		return fmt.Errorf("%d applications in %d accounts: there must be one to ten accounts, and an application for each", applications, accounts)
	}
	began, o := time.Now(), fleet.Usual(applications, accounts)
	bare := o
	bare.Drift = false
	type answer struct {
		r   fleet.Result
		err error
	}
	other := make(chan answer, 1)
	go func() {
		r, err := fleet.Run(bare)
		other <- answer{r, err}
	}()
	with, err := fleet.Run(o)
	without := <-other
	if err = errors.Join(err, without.err); err != nil {
		return err
	}
	v := fleet.Verdict(with, without.r)
	fmt.Fprintf(out, "%d applications in %d accounts, drift.every %s, %.0f deployments an hour\n%s%s%s",
		applications, accounts, o.Every, o.Deployments, with, v, dollars(with, without.r))
	fmt.Fprintf(out, "%s\n", time.Since(began).Round(100*time.Millisecond))
	if len(v.Broken) > 0 {
		return errors.New(strings.Join(v.Broken, "\n"))
	}
	return nil
}

// What docs/cost.md counted of one look at drift and of one deployment, for what a simulation in
// memory has none of.
const (
	lookWrites     = 6 // units of the table
	lookReads      = 4
	lookLog        = 641 // bytes
	invocationLog  = 300 // bytes that Lambda itself logs
	deploymentCost = 0.0000949
	month          = 30 * 24 * time.Hour
)

// dollars tells what a month of looking for drift costs: what the run with it has more than the one
// without, at the prices of docs/cost.md, and the whole with the deployments and what an installation
// costs at rest.
func dollars(with, without fleet.Result) string {
	times := float64(month) / float64(with.Took)
	more := func(of func(fleet.Result) float64) float64 { return (of(with) - of(without)) * times }
	var lambda, invocations float64
	for function, mb := range map[string]float64{"reconciler": price.ReconcilerMB, "trigger": price.FunctionMB, "sweeper": price.FunctionMB} {
		n := more(func(r fleet.Result) float64 { return float64(r.Invocations[function]) })
		seconds := more(func(r fleet.Result) float64 { return r.Seconds[function] })
		invocations += n
		lambda += n*price.Invocation + seconds*mb/1024*price.GBSecond
	}
	sum := func(names ...string) float64 {
		return more(func(r fleet.Result) (n float64) {
			for _, name := range names {
				n += float64(r.Calls[name])
			}
			return n
		})
	}
	looks := more(func(r fleet.Result) float64 { return float64(r.Looks) })
	queue := sum("SendMessageBatch", "ReceiveMessage", "DeleteMessage") * price.FIFORequest
	table := looks*(lookWrites*price.WriteUnit+lookReads*price.ReadUnit) + sum("record that is due")*price.ReadUnit
	logs := (looks*lookLog + invocations*invocationLog) / 1e9 * price.LogGigabyte
	drift := lambda + queue + table + logs
	deployments := float64(len(with.Deployments)) * float64(month) / float64(with.Took+time.Hour) * deploymentCost
	return fmt.Sprintf("a month of it costs $%.2f: Lambda $%.2f (the sweeper's %.0f s an hour among it), SQS $%.2f, DynamoDB $%.2f, logs $%.2f; with its deployments, $%.2f, and the rest, $%.2f: $%.2f\n",
		drift, lambda, with.Seconds["sweeper"]*float64(time.Hour)/float64(with.Took), queue, table, logs, deployments, price.Rest, drift+deployments+price.Rest)
}
