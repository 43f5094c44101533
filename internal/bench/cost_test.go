package bench

import (
	"math"
	"os"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"
	"github.com/google/go-cmp/cmp"

	"github.com/driftless-gitops/driftless/internal/bench/price"
)

func TestTheDocumentFollowsFromTheCounts(t *testing.T) {
	counts, err := lastCounts()
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("../../docs/cost.md")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(cost(counts)), string(got)); diff != "" {
		t.Errorf("docs/cost.md (\"make bench\" writes it anew):\n%s", diff)
	}
}

func TestEveryThingIsCounted(t *testing.T) {
	counts, err := lastCounts()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, c := range counts {
		got = append(got, c.What)
		if total(c.Calls) == 0 || total(c.Invocations) == 0 || c.dollars().sum() <= 0 {
			t.Errorf("%s cost nothing: %+v", c.What, c)
		}
	}
	if diff := cmp.Diff([]string{aDeployment, aResync, aDriftCheck}, got); diff != "" {
		t.Errorf("counted (-want +got):\n%s", diff)
	}
}

func TestABillIsWhatWasCountedTimesThePrices(t *testing.T) {
	counts := []Count{
		{What: aDeployment, Calls: map[string]int{"sqs SendMessageBatch": 1, "s3 PUT": 2}, Invocations: map[string]int{"reconciler": 3},
			CallsOf: map[string]int{"reconciler": 50}, Milliseconds: map[string]int{"reconciler": 1000}, WriteUnits: 10, ReadUnits: 4},
		{What: aDriftCheck, WriteUnits: 8},
		{What: aResync, ReadUnits: 1},
	}
	got := billOf(counts, 100)
	got.add(looksOf(counts, 100), 1)
	for service, want := range map[string]float64{
		"SQS":      22*100*7*0.50/1e6 - 720*100*(1-1/(72_000/43_200.))*0.50/1e6 - 8640*2*0.5*0.50/1e6,
		"S3":       22 * 100 * 2 * 0.005 / 1e3,
		"Lambda":   22 * 100 * (3*0.20/1e6 + 0.375*2*0.0000133334),
		"DynamoDB": 22*100*(10*0.625+54*0.125)/1e6 + 720*100*8*0.625/1e6 + 2*8640*0.125/1e6,
	} {
		if math.Abs(got[service]-want) > 1e-9 {
			t.Errorf("%s: $%.9f, want $%.9f", service, got[service], want)
		}
	}
	if price.Rest <= 0.3 || price.Rest > 1 {
		t.Errorf("at rest $%.2f", price.Rest)
	}
}

func TestAWriteCostsItsItemAndWhatTheIndexesShowOfIt(t *testing.T) {
	of := func(attributes ...string) image {
		m := image{"PK": &types.AttributeValueMemberS{Value: "APP#jobs"}, "SK": &types.AttributeValueMemberS{Value: "APP"}}
		for _, a := range attributes {
			name, value, _ := strings.Cut(a, "=")
			m[name] = &types.AttributeValueMemberS{Value: value}
		}
		return m
	}
	long := "text=" + strings.Repeat("x", 1500)
	for name, c := range map[string]struct {
		change change
		want   int
	}{
		"a small item in no index":                       {change{nil, of("a=1")}, 1},
		"an item of two kilobytes":                       {change{of("a=1"), of(long)}, 2},
		"an item that shrinks costs what it was":         {change{of(long), of("a=1")}, 2},
		"an entry of a sparse index comes":               {change{of("id=jobs"), of("id=jobs", "work=app")}, 2},
		"an entry of a sparse index goes":                {change{of("id=jobs", "work=app"), of("id=jobs")}, 2},
		"what an index does not have of it may change":   {change{of("id=jobs", "work=app", "a=1"), of("id=jobs", "work=app", "a=2")}, 1},
		"an entry that changes its place goes and comes": {change{of("id=jobs", "work=app"), of("id=jobs", "work=repo")}, 3},
	} {
		t.Run(name, func(t *testing.T) {
			if got := c.change.units(); got != c.want {
				t.Errorf("%d units, want %d", got, c.want)
			}
		})
	}
}
