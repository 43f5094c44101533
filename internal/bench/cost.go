package bench

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/driftless-gitops/driftless/internal/bench/price"
)

// What is assumed of a month, beside the counts.
const (
	deployments = 22  // of each application: one on each working day
	driftChecks = 720 // of each application: one an hour
	resyncs     = price.Minutes / 5
	perPush     = 50    // applications of one repository, each of which a push reads
	awsDelay    = 0.020 // seconds that a call to AWS takes longer than one to the sandbox
	kept        = 12    // months for which deployments and bundles are kept
	lambdaLines = 300   // bytes that Lambda itself logs of an invocation
	fullCPU     = 1769  // MB of a function that has a whole processor (Lambda developer guide, "Configure Lambda function memory")
)

// scales are the numbers of applications that bills are made out for.
var scales = []int{10, 1_000, 10_000}

// bill is dollars by service.
type bill map[string]float64

func (b bill) sum() (sum float64) {
	for _, service := range slices.Sorted(maps.Keys(b)) { // always in the same order: floats do not add up alike
		sum += b[service]
	}
	return sum
}

// add adds another bill n times.
func (b bill) add(other bill, n float64) {
	for service, dollars := range other {
		b[service] += n * dollars
	}
}

// dollars is what the thing costs once.
func (c Count) dollars() bill {
	invocations := float64(total(c.Invocations))
	// Every message is received and deleted by itself: the mapping's batch size is 1.
	requests := float64(c.Calls["sqs SendMessage"] + c.Calls["sqs SendMessageBatch"] + 2*c.Invocations["reconciler"])
	return bill{
		"Lambda":      invocations*price.Invocation + c.gigabyteSeconds()*price.GBSecond,
		"DynamoDB":    float64(c.WriteUnits)*price.WriteUnit + c.ReadUnits*price.ReadUnit,
		"SQS":         requests * price.FIFORequest,
		"S3":          float64(c.Calls["s3 PUT"])*price.PutRequest + float64(c.Calls["s3 GET"]+c.Calls["s3 HEAD"])*price.GetRequest,
		"EventBridge": float64(c.Events) * price.BusEvent,
		"CloudWatch":  (float64(c.LogBytes) + invocations*lambdaLines) / 1e9 * price.LogGigabyte,
	}
}

// gigabyteSeconds is what Lambda bills: the time in the sandbox, the longer way to AWS of each
// call, and what the processor's share of the memory makes of the computing.
func (c Count) gigabyteSeconds() float64 {
	sum := 0.0
	for _, name := range slices.Sorted(maps.Keys(c.Invocations)) {
		sum += memory(name) / 1024 * (float64(c.Milliseconds[name])/1e3 + awsDelay*float64(c.CallsOf[name]))
	}
	slower := fullCPU/memory("reconciler") - 1
	return sum + memory("reconciler")/1024*slower*float64(c.ProcessorMS)/1e3
}

// memory is what a function has, in MB.
func memory(name string) float64 {
	if name == "reconciler" {
		return price.ReconcilerMB
	}
	return price.FunctionMB
}

// storage is what a deployment costs in each month that it is kept.
func (c Count) storage() float64 {
	return float64(c.StoredBytes) / 1e9 * math.Max(price.TableGigabyte, price.BlobGigabyte)
}

// billOf is a month of n applications, beside what the installation costs at rest and what the
// looks at their repositories cost.
func billOf(counts []Count, n int) bill {
	by, b, applications := things(counts), bill{}, float64(n)
	b.add(by[aDeployment].dollars(), deployments*applications)
	b.add(by[aDriftCheck].dollars(), driftChecks*applications)
	b["SQS"] -= driftChecks * applications * saved(driftChecks*applications/price.Minutes) * price.FIFORequest
	b["DynamoDB"] += deployments * applications * math.Min(perPush, applications) * price.ReadUnit
	b["Storage"] = deployments * applications * kept * by[aDeployment].storage()
	return b
}

// looksOf is a month of looks at the repositories of n applications.
func looksOf(counts []Count, n int) bill {
	b := bill{}
	b.add(things(counts)[aResync].dollars(), resyncs*repositoriesOf(n))
	b["SQS"] -= resyncs * repositoriesOf(n) * saved(repositoriesOf(n)) * price.FIFORequest
	return b
}

// repositoriesOf is how many repositories n applications have.
func repositoriesOf(n int) float64 { return math.Ceil(float64(n) / perPush) }

// things are the counts by what was counted.
func things(counts []Count) map[string]Count {
	by := map[string]Count{}
	for _, c := range counts {
		by[c.What] = c
	}
	return by
}

// saved is the share of requests that sending n messages at once saves: a sweep sends what it
// wakes ten messages a request, and what was counted is one of each.
func saved(n float64) float64 {
	if n <= 1 {
		return 0
	}
	return 1 - math.Ceil(n/10)/n
}

const costPreface = `# What it costs

Written by ` + "`make bench`" + ` from what it counts in the sandbox, at AWS's list prices of us-east-1 as
known on %s, without any free tier. What the applications' own resources cost is not Driftless's.

## By the month

| applications | repositories | at rest | for the repositories | for the applications | in all | one application |
|---:|---:|---:|---:|---:|---:|---:|
%s
"At rest" is an installation in which nobody pushes and nothing is watched: Lambda polls its queue
($%.2f), its schedules sweep every minute and look for news every five ($%.2f), its alarm watches two
dead-letter queues ($%.2f). "For the repositories" is a look at each every five minutes, which costs the
same however many applications stand in it. "One application" is what one more of them costs: its
deployments and the looks at its drift.

## Where it goes

Of a month of %s applications and their repositories, without what is paid at rest:

%s
## What is assumed

%s
## What was counted

%s
A write unit is a started kilobyte of an item, and of every index in which the write shows, twice for
what a transaction writes; a read unit four kilobytes. Lambda is billed for the time that the
functions took in the sandbox, where a change set takes %s and a stack %s, for %.0f ms more for each
call, and for computing slower by the share of a processor that the memory buys. What verify, events
and the notifier do is counted with the deployment. What one sweep wakes is sent ten messages a
request. Calls to CloudFormation, STS, SSM parameters and the
events of AWS services cost nothing.
`

// cost is docs/cost.md.
func cost(counts []Count) []byte {
	var months strings.Builder
	for _, n := range scales {
		sum, looks := billOf(counts, n).sum(), looksOf(counts, n).sum()
		fmt.Fprintf(&months, "| %s | %.0f | $%.2f | $%.2f | $%.2f | $%.2f | $%.4f |\n",
			thousands(n), repositoriesOf(n), price.Rest, looks, sum, price.Rest+looks+sum, sum/float64(n))
	}
	middle := billOf(counts, scales[1])
	middle.add(looksOf(counts, scales[1]), 1)
	var services [][]string
	for _, service := range slices.SortedFunc(maps.Keys(middle), func(a, b string) int { return int(math.Copysign(1, middle[b]-middle[a])) }) {
		services = append(services, []string{service, fmt.Sprintf("$%.2f", middle[service]), fmt.Sprintf("%.0f %%", 100*middle[service]/middle.sum())})
	}
	assumed := [][]string{
		{"deployments of an application in a month", fmt.Sprint(deployments)},
		{"looks for drift of an application in a month (`drift.every: 1h`)", fmt.Sprint(driftChecks)},
		{"applications of one repository, each read by every push to it", fmt.Sprint(perPush)},
		{"looks at a repository in a month (every five minutes)", fmt.Sprint(int(resyncs))},
		{"months for which deployments and bundles are kept", fmt.Sprint(kept)},
	}
	var out bytes.Buffer
	fmt.Fprintf(&out, costPreface, price.Known, months.String(), price.Polling, price.Rest-price.Polling-2*price.AlarmMetric, 2*price.AlarmMetric,
		thousands(scales[1]), markdown([]string{"service", "a month", "share"}, services), markdown([]string{"", ""}, assumed),
		countsTable(counts), slow.ChangeSet, slow.Stack, awsDelay*1e3)
	return out.Bytes()
}

// countsTable has a column for each thing that was counted.
func countsTable(counts []Count) string {
	header := []string{""}
	names := map[string]bool{}
	for _, c := range counts {
		header = append(header, c.What)
		for name := range c.Calls {
			names[name] = true
		}
	}
	line := func(name string, of func(Count) string) []string {
		cells := []string{name}
		for _, c := range counts {
			cells = append(cells, of(c))
		}
		return cells
	}
	number := func(of func(Count) int) func(Count) string {
		return func(c Count) string { return strconv.Itoa(of(c)) }
	}
	rows := [][]string{
		line("**dollars**", func(c Count) string { return fmt.Sprintf("%.7f", c.dollars().sum()) }),
		line("invocations", number(func(c Count) int { return total(c.Invocations) })),
		line("- of the reconciler", number(func(c Count) int { return c.Invocations["reconciler"] })),
		line("GB-seconds", func(c Count) string { return fmt.Sprintf("%.3f", c.gigabyteSeconds()) }),
		line("processor, ms", number(func(c Count) int { return c.ProcessorMS })),
		line("write units", number(func(c Count) int { return c.WriteUnits })),
		line("read units", func(c Count) string { return strconv.FormatFloat(c.ReadUnits, 'f', -1, 64) }),
		line("events on Driftless's bus", number(func(c Count) int { return c.Events })),
		line("log bytes", number(func(c Count) int { return c.LogBytes })),
		line("bytes kept", number(func(c Count) int { return c.StoredBytes })),
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		rows = append(rows, line("call: "+name, number(func(c Count) int { return c.Calls[name] })))
	}
	return markdown(header, rows)
}

// thousands writes a number with a comma.
func thousands(n int) string {
	if n < 1000 {
		return strconv.Itoa(n)
	}
	return fmt.Sprintf("%d,%03d", n/1000, n%1000)
}

// lastCounts are those of the last full run.
func lastCounts() ([]Count, error) {
	var counts []Count
	if err := json.Unmarshal(counted, &counts); err != nil {
		return nil, fmt.Errorf("decode counts.json: %w", err)
	}
	return counts, nil
}
