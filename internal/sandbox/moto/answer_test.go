package moto_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/driftless-gitops/driftless/internal/sandbox/moto"
)

// closing looks at a request's body as net/http does that has written it all, and whose client
// has the answer and closes the body meanwhile.
type closing struct{ sent, more string }

func (c *closing) RoundTrip(r *http.Request) (*http.Response, error) {
	sent, err := io.ReadAll(io.LimitReader(r.Body, r.ContentLength))
	if err != nil {
		return nil, err
	}
	c.sent = string(sent)
	if err := r.Body.Close(); err != nil {
		return nil, err
	}
	c.more = "nothing"
	if _, err := io.Copy(io.Discard, r.Body); err != nil {
		c.more = err.Error()
	}
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(strings.NewReader("{}"))}, nil
}

func TestABodyThatIsClosedEndsWithoutAnError(t *testing.T) {
	seen := &closing{}
	cfg := moto.Config("http://127.0.0.1:1", "123456789012", "eu-west-1")
	cfg.HTTPClient = &http.Client{Transport: seen}
	if _, err := sqs.NewFromConfig(cfg).ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: aws.String("http://127.0.0.1:1/1/q")}); err != nil {
		t.Fatal(err)
	}
	if seen.more != "nothing" || !strings.Contains(seen.sent, `"QueueUrl":"http://127.0.0.1:1/1/q"`) {
		t.Errorf("sent %q; asked for more it said %q: net/http would close the connection", seen.sent, seen.more)
	}
}
