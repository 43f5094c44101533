package dynamodb_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/google/go-cmp/cmp"

	"github.com/driftless-gitops/driftless/internal/aws/dynamodb"
	"github.com/driftless-gitops/driftless/internal/notify"
	"github.com/driftless-gitops/driftless/internal/porttest"
)

func TestNoticesKeepTheirContract(t *testing.T) {
	cfg := moto(t)
	porttest.TestNotices(t, func(t *testing.T) porttest.Notices {
		return dynamodb.New(cfg, newTable(t, cfg), nil, time.Now)
	})
}

func TestANoticeIsAnItemThatExpiresAndThatNoListOfApplicationsHas(t *testing.T) {
	cfg := moto(t)
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	table := newTable(t, cfg)
	s := dynamodb.New(cfg, table, nil, func() time.Time { return now })
	n := notify.Notice{Place: "r1#c1#driftless/jobs", About: notify.About{Repo: "r1", App: "jobs", Deployment: "01A"}, Due: now}
	if err := s.PutNotice(t.Context(), &n); err != nil {
		t.Fatal(err)
	}
	item := func() map[string]types.AttributeValue {
		t.Helper()
		out, err := sdk.NewFromConfig(cfg).GetItem(t.Context(), &sdk.GetItemInput{TableName: &table, ConsistentRead: aws.Bool(true),
			Key: map[string]types.AttributeValue{"PK": &types.AttributeValueMemberS{Value: "NOTICE#" + n.Place}, "SK": &types.AttributeValueMemberS{Value: "NOTICE"}}})
		if err != nil {
			t.Fatal(err)
		}
		return out.Item
	}
	stored := item()
	month := fmt.Sprint(time.Date(2026, 12, 21, 12, 0, 0, 0, time.UTC).Unix())
	if diff := cmp.Diff(month, stored["expires"].(*types.AttributeValueMemberN).Value); diff != "" {
		t.Errorf("30 days later (-want +got):\n%s", diff)
	}
	if err := s.TouchNotice(t.Context(), n.Place, now.Unix(), now.Unix()+300); err != nil {
		t.Fatal(err)
	}
	if item()["touched"] == nil {
		t.Error("the stream's mapping could not tell that it was touched")
	}
	if err := s.PutNotice(t.Context(), &n); err != nil {
		t.Fatal(err)
	}
	if item()["touched"] != nil {
		t.Error("storing it wakes the notifier, which would store it again")
	}
	for _, repository := range []string{"r1", ""} {
		if all, err := s.ListApplications(t.Context(), repository); err != nil || len(all) != 0 {
			t.Errorf("listed as an application of %q: %v %v", repository, all, err)
		}
	}
}
