package sandbox

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync"
)

// nudgeBody is above the largest request that matters: a DynamoDB item has 400 KB, a batch
// of messages 1 MiB.
const nudgeBody = 17 << 20

// nudging hands requests on and, after one that sent a message or wrote to a table, tells
// whoever listens to that queue or table to look. It saves what polls moto half a pause at
// every step; nothing depends on it.
func nudging(next http.Handler, nudge func(source string)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, action, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
		switch action {
		case "SendMessage", "SendMessageBatch", "PutItem", "UpdateItem", "DeleteItem", "TransactWriteItems":
		default:
			next.ServeHTTP(w, r)
			return
		}
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, nudgeBody))
		if err != nil {
			http.Error(w, err.Error(), http.StatusRequestEntityTooLarge)
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		next.ServeHTTP(w, r)
		for _, source := range written(body) {
			nudge(source)
		}
	})
}

// written names the queue or tables that a request writes to.
func written(body []byte) []string {
	type write struct{ TableName string }
	var in struct {
		QueueURL      string `json:"QueueUrl"`
		TableName     string
		TransactItems []struct{ Put, Update, Delete write }
	}
	if json.Unmarshal(body, &in) != nil {
		return nil // the service itself says what is wrong with it
	}
	names := []string{in.QueueURL, in.TableName}
	for _, i := range in.TransactItems {
		names = append(names, i.Put.TableName, i.Update.TableName, i.Delete.TableName)
	}
	var found []string
	seen := map[string]bool{"": true}
	for _, name := range names {
		if !seen[name] {
			found = append(found, name)
		}
		seen[name] = true
	}
	return found
}

// oneByOne lets one write through at a time, and reads beside each other alone. moto runs a
// DynamoDB transaction on the live tables and puts a copy back when it is refused, which
// undoes whatever was written meanwhile: two of several racers then win one lock, which
// cannot happen on AWS. Whoever else reads takes turns too, or would see what is undone.
func oneByOne(next http.Handler, turn *sync.RWMutex) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, action, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
		switch action {
		case "GetItem", "BatchGetItem", "Query", "Scan", "DescribeTable":
			turn.RLock()
			defer turn.RUnlock()
		default:
			turn.Lock()
			defer turn.Unlock()
		}
		next.ServeHTTP(w, r)
	})
}
