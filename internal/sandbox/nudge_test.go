package sandbox

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestWhatListensIsNudgedAfterAWrite(t *testing.T) {
	for sentence, c := range map[string]struct {
		target, body string
		want         []string
	}{
		"a message":              {"AmazonSQS.SendMessage", `{"QueueUrl":"http://x/1/work.fifo","MessageBody":"m"}`, []string{"http://x/1/work.fifo"}},
		"a written item":         {"DynamoDB_20120810.PutItem", `{"TableName":"t","Item":{}}`, []string{"t"}},
		"a transaction, once":    {"DynamoDB_20120810.TransactWriteItems", `{"TransactItems":[{"Put":{"TableName":"t"}},{"Update":{"TableName":"t"}},{"ConditionCheck":{"TableName":"u"}}]}`, []string{"t"}},
		"no read":                {"DynamoDB_20120810.GetItem", `{"TableName":"t"}`, nil},
		"nothing without a body": {"AmazonSQS.SendMessage", ``, nil},
	} {
		t.Run(sentence, func(t *testing.T) {
			var got []string
			passed := ""
			handler := nudging(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				b, err := io.ReadAll(r.Body)
				if err != nil {
					t.Error(err)
				}
				passed = string(b)
				if got != nil {
					t.Error("nudged before the write")
				}
			}), func(source string) { got = append(got, source) })
			r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(c.body))
			r.Header.Set("X-Amz-Target", c.target)
			handler.ServeHTTP(httptest.NewRecorder(), r)
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
			if passed != c.body {
				t.Errorf("passed on %q, want %q", passed, c.body)
			}
		})
	}
}
