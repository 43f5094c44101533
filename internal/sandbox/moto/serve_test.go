package moto

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// conversation is what both motos are asked, in this order: what serve.py changes.
var conversation = func() []struct{ service, action, body string } {
	value := func(n int) string {
		return `{"M":{"s":{"S":"x"},"n":{"N":"1"},"l":{"L":[{"BOOL":true},{"NULL":true},{"M":{}}]},"ss":{"SS":["a"]},"big":{"S":"` + strings.Repeat("y", n) + `"}}}`
	}
	key := func(id string) string { return `{"TableName":"t","Key":{"id":{"S":"` + id + `"}}` }
	item := func(id string, n int) string {
		return `{"TableName":"t","Item":{"id":{"S":"` + id + `"},"v":` + value(n) + `,"raw":{"B":"aGk="}}}`
	}
	type ask = struct{ service, action, body string }
	const table, queue = "DynamoDB_20120810.", "AmazonSQS."
	return []ask{
		{"dynamodb", table + "CreateTable", `{"TableName":"t","BillingMode":"PAY_PER_REQUEST","AttributeDefinitions":[{"AttributeName":"id","AttributeType":"S"}],"KeySchema":[{"AttributeName":"id","KeyType":"HASH"}],"StreamSpecification":{"StreamEnabled":true,"StreamViewType":"NEW_AND_OLD_IMAGES"}}`},
		{"dynamodb", table + "PutItem", item("a", 10)},
		{"dynamodb", table + "PutItem", item("b", 399_000)},
		{"dynamodb", table + "PutItem", item("c", 410_000)},
		{"dynamodb", table + "GetItem", key("a") + "}"},
		{"dynamodb", table + "GetItem", key("none") + "}"},
		{"dynamodb", table + "UpdateItem", key("a") + `,"UpdateExpression":"SET v.n = v.n + :one, w = :w REMOVE v.l[0] ADD extra :one","ConditionExpression":"v.s = :x","ExpressionAttributeValues":{":one":{"N":"1"},":w":` + value(3) + `,":x":{"S":"x"}},"ReturnValues":"ALL_NEW"}`},
		{"dynamodb", table + "UpdateItem", key("b") + `,"UpdateExpression":"SET more = :m","ExpressionAttributeValues":{":m":{"S":"` + strings.Repeat("z", 20_000) + `"}}}`},
		{"dynamodb", table + "TransactWriteItems", `{"TransactItems":[{"Put":` + item("d", 1) + `},{"Update":` + key("a") + `,"UpdateExpression":"SET v.n = :n","ExpressionAttributeValues":{":n":{"N":"9"}}}},{"ConditionCheck":` + key("none") + `,"ConditionExpression":"attribute_exists(id)"}}]}`},
		{"dynamodb", table + "TransactWriteItems", `{"TransactItems":[{"Put":` + item("e", 1) + `},{"Delete":` + key("b") + `}}]}`},
		{"dynamodb", table + "Query", `{"TableName":"t","KeyConditionExpression":"id = :a","ExpressionAttributeValues":{":a":{"S":"a"}}}`},
		{"dynamodb", table + "Scan", `{"TableName":"t"}`},
		{"dynamodb", table + "BatchGetItem", `{"RequestItems":{"t":{"Keys":[{"id":{"S":"a"}},{"id":{"S":"e"}}]}}}`},
		{"sqs", queue + "CreateQueue", `{"QueueName":"q.fifo","Attributes":{"FifoQueue":"true","VisibilityTimeout":"7"}}`},
		{"sqs", queue + "GetQueueUrl", `{"QueueName":"q.fifo"}`},
		{"sqs", queue + "GetQueueAttributes", `{"QueueUrl":"http://sqs/123456789012/q.fifo","AttributeNames":["VisibilityTimeout","FifoQueue","DelaySeconds","DeduplicationScope","QueueArn"]}`},
		{"nothing", "Nothing.AtAll", `{}`},
	}
}()

func TestQuickenedMotoAnswersAsMotoDoes(t *testing.T) {
	program, err := Find()
	if err != nil {
		t.Fatal(err)
	}
	python, ok := beside(program)
	if !ok {
		t.Fatalf("no Python beside %s: moto runs as it is, and slowly", program)
	}
	answers := func(command ...string) []string {
		s, err := start(t.Context(), program, Options{Dir: t.TempDir()}, command...)
		if err != nil {
			t.Fatalf("start %.40q: %v", command, err)
		}
		t.Cleanup(s.Close)
		var all []string
		for _, c := range conversation {
			all = append(all, c.action+" "+strings.ReplaceAll(ask(t, s.URL(), c.service, c.action, c.body), s.URL(), ""))
		}
		return all
	}
	plain, quick := answers(program), answers(python, "-")
	for i := range plain {
		if strings.Contains(conversation[i].action, "Create") {
			continue // they tell times and ids
		}
		if diff := cmp.Diff(plain[i], quick[i]); diff != "" {
			t.Errorf("-moto +quickened:\n%.2000s", diff)
		}
	}
}

// ask sends one request and returns the status and the answer.
func ask(t *testing.T, url, service, action, body string) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Host = "moto"
	r.Header.Set("Content-Type", "application/x-amz-json-1.0")
	r.Header.Set("X-Amz-Target", action)
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=moto/20260101/eu-west-1/"+service+"/aws4_request, SignedHeaders=host, Signature=0")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(resp.StatusCode, " ", string(text))
}
