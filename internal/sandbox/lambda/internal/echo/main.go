// Command echo is the function that the sandbox's own tests deploy. It does what its
// event says: answer it, fail, panic, hang, exit, or call a queue's messages bad.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
)

type event struct {
	Do      string          `json:"do"`
	Records json.RawMessage `json:"Records"`
	Version string          `json:"version"`
}

func main() {
	if os.Getenv("FAIL_INIT") != "" {
		fmt.Fprintln(os.Stderr, "no start today")
		os.Exit(3)
	}
	lambda.Start(handle)
}

func handle(ctx context.Context, payload json.RawMessage) (any, error) {
	var e event
	if err := json.Unmarshal(payload, &e); err != nil {
		return nil, err
	}
	fmt.Println("handling", string(payload))
	if e.Records != nil {
		return records(e.Records)
	}
	if e.Version == "2.0" {
		return answer(payload)
	}
	switch e.Do {
	case "fail":
		return nil, errors.New("failed as asked")
	case "panic":
		panic("panicked as asked")
	case "exit":
		os.Exit(7)
	case "hang":
		<-time.After(time.Hour)
	case "wait":
		<-time.After(100 * time.Millisecond)
	case "env":
		return os.Environ(), nil
	case "context":
		lc, _ := lambdacontext.FromContext(ctx)
		deadline, _ := ctx.Deadline()
		return map[string]any{"arn": lc.InvokedFunctionArn, "id": lc.AwsRequestID, "left": time.Until(deadline).Seconds()}, nil
	}
	return map[string]any{"pid": os.Getpid(), "event": payload}, nil
}

// records appends each message's body, or each stream record's keys, to the file that
// OUT names. A body or key with "bad" in it is reported as a failure, one with "poison"
// fails the whole batch.
func records(raw json.RawMessage) (any, error) {
	var all []struct {
		Body        string `json:"body"`
		MessageID   string `json:"messageId"`
		EventSource string `json:"eventSource"`
		Change      struct {
			Keys           json.RawMessage `json:"Keys"`
			SequenceNumber string          `json:"SequenceNumber"`
		} `json:"dynamodb"`
	}
	if err := json.Unmarshal(raw, &all); err != nil {
		return nil, err
	}
	var lines strings.Builder
	failures := events.SQSEventResponse{BatchItemFailures: []events.SQSBatchItemFailure{}}
	for _, r := range all {
		text, id := r.Body, r.MessageID
		if r.EventSource == "aws:dynamodb" {
			text, id = string(r.Change.Keys), r.Change.SequenceNumber
		}
		if strings.Contains(text, "poison") {
			return nil, errors.New("poisoned")
		}
		if strings.Contains(text, "bad") {
			failures.BatchItemFailures = append(failures.BatchItemFailures, events.SQSBatchItemFailure{ItemIdentifier: id})
			continue
		}
		fmt.Fprintln(&lines, text)
	}
	return failures, write(lines.String())
}

func write(text string) error {
	f, err := os.OpenFile(os.Getenv("OUT"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}

// answer returns the request as it arrived, or what its path asks for.
func answer(payload json.RawMessage) (any, error) {
	var r events.LambdaFunctionURLRequest
	if err := json.Unmarshal(payload, &r); err != nil {
		return nil, err
	}
	switch r.RawPath {
	case "/plain":
		return map[string]string{"said": "plainly"}, nil
	case "/malformed":
		return map[string]any{"statusCode": "many"}, nil
	case "/fail":
		return nil, errors.New("failed as asked")
	case "/binary":
		return events.LambdaFunctionURLResponse{StatusCode: 200, Headers: map[string]string{"content-type": "application/octet-stream"}, Body: "AP8=", IsBase64Encoded: true}, nil
	}
	return events.LambdaFunctionURLResponse{
		StatusCode: 201, Headers: map[string]string{"x-made": "yes", "content-type": "application/json"},
		Cookies: []string{"a=1", "b=2"}, Body: string(payload),
	}, nil
}
