package e2e_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	ddbtypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	ebtypes "github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/driftless-gitops/driftless/internal/sentinel"
)

// The tests of the files that begin with zz run after all others: go test takes files by name.

// TestI10_NoSecretThatWentInCameOut searches everything that all tests let Driftless say, write
// and send. What may be found where is docs/security.md's "Secrets".
func TestI10_NoSecretThatWentInCameOut(t *testing.T) {
	if sharedIs != nil {
		t.Fatal(sharedIs)
	}
	searcher, kinds, size := vault.Searcher(), map[string]int{}, 0
	for _, o := range outputs(t) {
		kinds[strings.Fields(o.Where)[0]]++
		size += len(o.Body)
		for _, leak := range searcher.Search(o) {
			t.Error(leak)
		}
	}
	t.Logf("%d secrets in none of %d outputs, %d KB: %v", len(vault.Secrets()), len(seen.everything()), size/1024, kinds)
}

// A search that finds nothing proves nothing before it has found something in every place.
func TestALeakIsFoundInEveryPlaceThatIsSearched(t *testing.T) {
	if sharedIs != nil {
		t.Fatal(sharedIs)
	}
	canary := &sentinel.Vault{}
	places := leaks(t)
	for _, place := range places {
		place.leak(canary.Plant(place.name))
	}
	searcher, found := canary.Searcher(), map[string][]string{}
	for _, o := range outputs(t) {
		for _, leak := range searcher.Search(o) {
			found[leak.Secret] = append(found[leak.Secret], leak.Where)
		}
	}
	for _, place := range places {
		if !slices.ContainsFunc(found[place.name], func(where string) bool { return strings.HasPrefix(where, place.where) }) {
			t.Errorf("what was written to %s was found in %v, want %s", place.name, found[place.name], place.where)
		}
	}
}

// outputs returns what came through the gateway and what stands anywhere at the end: logs,
// records, objects, messages, events and what the forges were told.
func outputs(t *testing.T) []sentinel.Output {
	t.Helper()
	all := seen.everything()
	files, err := logs()
	if err != nil || len(files) == 0 || allTests() && len(files) < 6 {
		t.Fatalf("%d logs, %v; want those of six functions", len(files), err)
	}
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, sentinel.Output{Where: "log " + path.Base(name), Body: data})
	}
	all = append(all, records(t)...)
	all = append(all, objects(t)...)
	all = append(all, messages(t)...)
	all = append(all, sentinel.Output{Where: "events of the buses", Body: events(t)})
	for _, s := range forges.Statuses() {
		all = append(all, sentinel.Output{Where: "status of " + s.Repository, Body: fmt.Appendf(nil, "%s %s %s %s", s.Context, s.State, s.Description, s.URL)})
	}
	return all
}

// tableName returns the name of the installation's one table.
func tableName(t *testing.T, tables *dynamodb.Client) *string {
	t.Helper()
	out, err := tables.ListTables(t.Context(), &dynamodb.ListTablesInput{})
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(out.TableNames, func(n string) bool { return strings.HasPrefix(n, "Driftless-") })
	if i < 0 {
		t.Fatalf("no table among %v", out.TableNames)
	}
	return &out.TableNames[i]
}

func records(t *testing.T) []sentinel.Output {
	t.Helper()
	tables := dynamodb.NewFromConfig(config(t))
	var all []sentinel.Output
	for pages := dynamodb.NewScanPaginator(tables, &dynamodb.ScanInput{TableName: tableName(t, tables)}); pages.HasMorePages(); {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, item := range page.Items {
			all = append(all, sentinel.Output{Where: "record " + text(item["PK"]) + " " + text(item["SK"]), Body: attributes(item)})
		}
	}
	if len(all) == 0 {
		t.Fatal("the table is empty")
	}
	return all
}

// attributes writes an item so that texts and bytes in it can be searched.
func attributes(v any) []byte {
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Append(nil, v)
	}
	return data
}

func text(v ddbtypes.AttributeValue) string {
	if s, ok := v.(*ddbtypes.AttributeValueMemberS); ok {
		return s.Value
	}
	return ""
}

func objects(t *testing.T) []sentinel.Output {
	t.Helper()
	store := s3.NewFromConfig(config(t))
	buckets, err := store.ListBuckets(t.Context(), &s3.ListBucketsInput{})
	if err != nil {
		t.Fatal(err)
	}
	var all []sentinel.Output
	for _, b := range buckets.Buckets {
		if strings.HasPrefix(*b.Name, "cdk-") { // the code of the functions, as it was built
			continue
		}
		for pages := s3.NewListObjectsV2Paginator(store, &s3.ListObjectsV2Input{Bucket: b.Name}); pages.HasMorePages(); {
			page, err := pages.NextPage(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for _, o := range page.Contents {
				all = append(all, object(t, store, *b.Name, *o.Key))
			}
		}
	}
	return all
}

func object(t *testing.T, store *s3.Client, bucket, key string) sentinel.Output {
	t.Helper()
	out, err := store.GetObject(t.Context(), &s3.GetObjectInput{Bucket: &bucket, Key: &key})
	if err != nil {
		t.Fatal(err)
	}
	defer out.Body.Close()
	data, err := io.ReadAll(out.Body)
	if err != nil {
		t.Fatal(err)
	}
	return sentinel.Output{Where: "object " + bucket + "/" + key, Body: data, FilesOfGit: filesOfGit(bucket + "/" + key)}
}

// messages receives what waits in Driftless's queues; it comes back by itself.
func messages(t *testing.T) []sentinel.Output {
	t.Helper()
	queues := sqs.NewFromConfig(config(t))
	out, err := queues.ListQueues(t.Context(), &sqs.ListQueuesInput{})
	if err != nil {
		t.Fatal(err)
	}
	var all []sentinel.Output
	for _, url := range out.QueueUrls {
		name := path.Base(url)
		if !strings.Contains(strings.ToLower(name), "driftless") {
			continue
		}
		for known, fresh := map[string]bool{}, true; fresh; {
			fresh = false
			in, err := queues.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: &url, MaxNumberOfMessages: 10, VisibilityTimeout: 30,
				MessageAttributeNames: []string{"All"}, MessageSystemAttributeNames: []sqstypes.MessageSystemAttributeName{"All"}})
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range in.Messages {
				fresh = fresh || !known[*m.MessageId]
				known[*m.MessageId] = true
				all = append(all, sentinel.Output{Where: "message of " + name, Body: attributes(m)}, sentinel.Output{Where: "message of " + name, Body: []byte(*m.Body)})
			}
		}
	}
	return all
}

// events returns what the buses saw last; all that Driftless put there came through the gateway.
func events(t *testing.T) []byte {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, shared.Sandbox.URL()+"/_sandbox/events", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// place is somewhere that is searched, with a way to leak there.
type place struct {
	name  string
	where string // as outputs calls it
	leak  func(secret string)
}

func leaks(t *testing.T) []place {
	t.Helper()
	cfg, must := config(t), func(err error) {
		t.Helper()
		if err != nil {
			t.Error(err)
		}
	}
	tables, store := dynamodb.NewFromConfig(cfg), s3.NewFromConfig(cfg)
	put := func(key, secret string) {
		_, err := store.PutObject(t.Context(), &s3.PutObjectInput{Bucket: dataBucket(t, store), Key: &key, Body: strings.NewReader(secret)})
		must(err)
	}
	return []place{
		{"a function's log", "log driftless-", func(secret string) {
			files, err := logs()
			must(err)
			f, err := os.OpenFile(files[0], os.O_APPEND|os.O_WRONLY, 0)
			must(err)
			_, err = fmt.Fprintf(f, "level=INFO why=%q\n", secret)
			must(err)
			must(f.Close())
		}},
		{"a record", "record CANARY", func(secret string) {
			_, err := tables.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: tableName(t, tables), Item: map[string]ddbtypes.AttributeValue{
				"PK": &ddbtypes.AttributeValueMemberS{Value: "CANARY#1"}, "SK": &ddbtypes.AttributeValueMemberS{Value: "CANARY"},
				"deep": &ddbtypes.AttributeValueMemberM{Value: map[string]ddbtypes.AttributeValue{"bytes": &ddbtypes.AttributeValueMemberB{Value: []byte("xy" + secret)}}}}})
			must(err)
		}},
		{"a plan", "object driftless-data", func(secret string) { put("plans/canary", secret) }},
		{"a bundle", "object driftless-data", func(secret string) { put("bundles/canary", secret) }},
		{"a message", "message of driftless-work-dlq.fifo", func(secret string) {
			_, err := sqs.NewFromConfig(cfg).SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: queueURL(t, "driftless-work-dlq.fifo"), MessageGroupId: aws.String("canary"),
				MessageDeduplicationId: aws.String("canary"), MessageBody: aws.String(fmt.Sprintf("{\"reason\":%q}", secret))})
			must(err)
		}},
		{"an event", "events", func(secret string) {
			_, err := eventbridge.NewFromConfig(cfg).PutEvents(t.Context(), &eventbridge.PutEventsInput{Entries: []ebtypes.PutEventsRequestEntry{{
				Source: aws.String("canary"), DetailType: aws.String("Canary"), Detail: aws.String(fmt.Sprintf("{\"a\":%q}", secret)), EventBusName: aws.String("driftless")}}})
			must(err)
		}},
		{"a status of a commit", "status of acme/canary", func(secret string) { status(t, secret) }},
		{"the command line", "what driftless status", func(secret string) {
			person := *shared
			person.Dir = t.TempDir()
			if _, err := person.Run(t.Context(), "status", secret); err == nil { // says that there is no such
				t.Error("a secret is an application")
			}
		}},
		{"an answer of a function", "an answer of /", func(secret string) {
			post(t, webhookAddress(t)+"/0123456789abcdef", "", map[string]string{"Content-Type": "text/" + secret}) // says that it takes no such type
		}},
	}
}

func dataBucket(t *testing.T, store *s3.Client) *string {
	t.Helper()
	out, err := store.ListBuckets(t.Context(), &s3.ListBucketsInput{})
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(out.Buckets, func(b s3types.Bucket) bool { return strings.HasPrefix(*b.Name, "driftless-data") })
	if i < 0 {
		t.Fatal("there is no data bucket")
	}
	return out.Buckets[i].Name
}

// status tells a forge something, as the notifier does.
func status(t *testing.T, says string) {
	t.Helper()
	const name = "acme/canary"
	if _, err := forges.Create(name); err != nil {
		t.Fatal(err)
	}
	commit, err := forges.Commit(name, "refs/heads/main", "canary", map[string]string{"a": "b"})
	if err != nil {
		t.Fatal(err)
	}
	body := fmt.Sprintf(`{"state":"success","context":"canary","description":%q}`, says)
	if code, said := post(t, forges.URL+"/api/v3/repos/"+name+"/statuses/"+commit, body, map[string]string{"Authorization": "Bearer " + forgeToken}); code != http.StatusCreated {
		t.Fatalf("the status was answered %d %s", code, said)
	}
}
