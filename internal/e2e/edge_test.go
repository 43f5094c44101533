package e2e_test

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	ddbtypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/driftless-gitops/driftless/internal/gitops"
)

// A record that outgrows its item goes on in the bucket: both functions write and read it there.
// How large it is is counted as JSON, where each of these signs takes six bytes.
func TestR24_AnApplicationOfTooManyWordsIsDeployedAndSuspended(t *testing.T) {
	const name, paths = "wordy", 1000
	var watched strings.Builder
	files := one(name, 5)
	for i := range paths {
		file := fmt.Sprintf("shared/%s/%d", strings.Repeat("&", 64), i)
		files[file] = "x"
		fmt.Fprintf(&watched, "      - %q\n", file)
	}
	files["driftless.yaml"] += "    watch:\n" + watched.String()
	r := watch(t, mapFS(files))
	r.ends(name, r.git("rev-parse", "HEAD"), gitops.PhaseSucceeded)
	r.cli("suspend", name, "--reason", "it is lunch")
	if v, _ := r.app(name); v.Health != gitops.HealthSuspended || len(v.Application.Settings.Watch) != paths {
		t.Errorf("it is %s, and watches %d paths", v.Health, len(v.Application.Settings.Watch))
	}
	r.cli("resume", name)
	if n := len(listed(t, "records/")); n == 0 {
		t.Error("nothing went to the bucket")
	}
}

// What somebody removed from the bucket is said to be gone, or waited for: never taken for
// something else.
func TestABundleAndAPlanThatAreLostAreMissed(t *testing.T) {
	const name = "bereft"
	r := watch(t, mapFS(one(name, 5)))
	v := r.ends(name, r.git("rev-parse", "HEAD"), gitops.PhaseSucceeded)
	store, history := s3.NewFromConfig(config(t)), r.history(name)
	bucket, bundle := dataBucket(t, store), v.Application.Wanted.Bundle
	kept := object(t, store, *bucket, bundle).Body
	for _, key := range []string{bundle, history[0].PlanKey} {
		if _, err := store.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: bucket, Key: &key}); err != nil || key == "" {
			t.Fatalf("remove %q: %v", key, err)
		}
	}
	if _, err := r.stage.Run(t.Context(), "diff", name, "--deployment", history[0].ID); err == nil || !strings.Contains(err.Error(), "not found") {
		t.Errorf("a lost plan is told as %v", err)
	}
	r.cli("sync", name) // which plans from the bundle, whatever it finds
	r.eventually("the bundle is missed", func() bool { return seen.missed("reconciler", *bucket) }, func() string { v, _ = r.app(name); return describe(v, r.repository()) })
	r.eventually("it says so", func() bool {
		v, _ = r.app(name)
		return v.Application.Ended.Phase == gitops.PhaseBlocked && strings.Contains(v.Application.Ended.Reason, bundle)
	}, func() string { return describe(v, r.repository()) })
	if _, err := store.PutObject(t.Context(), &s3.PutObjectInput{Bucket: bucket, Key: &bundle, Body: bytes.NewReader(kept)}); err != nil {
		t.Fatal(err)
	}
	r.cli("sync", name)
	r.eventually("it goes on", func() bool { v, _ = r.app(name); return v.Deployment == nil && v.Health == gitops.HealthHealthy },
		func() string { return describe(v, r.repository()) })
}

// A forge that was away is told later, by the sweep.
func TestAForgeThatWasAwayIsToldLater(t *testing.T) {
	const name = "belated"
	h := host(t, "acme/belated", one(name, 5), "--forge", "github", "--token-file", token(t))
	h.deploys(name, one(name, 6))
	h.ended(h.repository().Head.Commit, "driftless/"+name, "success")
	forges.Fail(40, http.StatusServiceUnavailable)
	commit := h.commit("unheard", one(name, 7))
	h.wake()
	h.ends(name, commit, gitops.PhaseSucceeded)
	tables := dynamodb.NewFromConfig(config(t))
	table := tableName(t, tables)
	h.eventually("it is to be told later", func() bool { return len(postponed(t, tables, table, name)) > 0 }, func() string { return "no notice waits" })
	forges.Mend()
	for _, pk := range postponed(t, tables, table, name) { // a minute is long for a test: it is over now
		_, err := tables.UpdateItem(t.Context(), &dynamodb.UpdateItemInput{TableName: table,
			Key:              map[string]ddbtypes.AttributeValue{"PK": &ddbtypes.AttributeValueMemberS{Value: pk}, "SK": &ddbtypes.AttributeValueMemberS{Value: "NOTICE"}},
			UpdateExpression: aws.String("SET dueAt = :now"), ConditionExpression: aws.String("attribute_exists(dueAt)"),
			ExpressionAttributeValues: map[string]ddbtypes.AttributeValue{":now": &ddbtypes.AttributeValueMemberN{Value: strconv.FormatInt(time.Now().Unix()-1, 10)}}})
		if told := new(ddbtypes.ConditionalCheckFailedException); err != nil && !errors.As(err, &told) { // told since: something else was to be told as well
			t.Fatal(err)
		}
	}
	h.ended(commit, "driftless/"+name, "success")
}

// postponed lists the notices of an application that are due later.
func postponed(t *testing.T, tables *dynamodb.Client, table *string, name string) []string {
	t.Helper()
	out, err := tables.Scan(t.Context(), &dynamodb.ScanInput{TableName: table, FilterExpression: aws.String("begins_with(PK, :n) AND contains(PK, :name) AND attribute_exists(dueAt)"),
		ExpressionAttributeValues: map[string]ddbtypes.AttributeValue{":n": &ddbtypes.AttributeValueMemberS{Value: "NOTICE#"}, ":name": &ddbtypes.AttributeValueMemberS{Value: name}}})
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, item := range out.Items {
		found = append(found, text(item["PK"]))
	}
	return found
}

// listed lists the data bucket's objects under a prefix.
func listed(t *testing.T, prefix string) []string {
	t.Helper()
	store := s3.NewFromConfig(config(t))
	out, err := store.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: dataBucket(t, store), Prefix: &prefix})
	if err != nil {
		t.Fatal(err)
	}
	var keys []string
	for _, o := range out.Contents {
		keys = append(keys, *o.Key)
	}
	return keys
}
