package sandbox

import (
	"context"
	"encoding/json"
	"encoding/xml"
	"net/http"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/driftless-gitops/driftless/internal/sandbox/moto"
)

var deniedS3 = []byte(`<?xml version="1.0" encoding="UTF-8"?>` + "\n<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>")

// refuse answers a refusal in the words of the protocol that was asked in.
func refuse(w http.ResponseWriter, r *http.Request, x Exchange) {
	switch {
	case x.Service == "git":
		http.Error(w, "403: "+x.Denied, http.StatusForbidden)
	case x.Service == "s3":
		w.Header().Set("Content-Type", "application/xml")
		w.WriteHeader(http.StatusForbidden)
		_, _ = w.Write(deniedS3) // a client that left needs no answer
	case strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded"):
		type fault struct{ Type, Code, Message string }
		body, err := xml.Marshal(struct {
			XMLName   xml.Name `xml:"ErrorResponse"`
			Error     fault
			RequestID string `xml:"RequestId"`
		}{Error: fault{"Sender", "AccessDenied", x.Denied}, RequestID: "00000000-0000-0000-0000-000000000000"})
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "text/xml")
		w.WriteHeader(http.StatusForbidden)
		_, _ = w.Write(body) // a client that left needs no answer
	default:
		w.Header().Set("Content-Type", "application/x-amz-json-1.0")
		w.WriteHeader(http.StatusBadRequest)
		_ = json.NewEncoder(w).Encode(map[string]string{"__type": "AccessDeniedException", "message": x.Denied}) // a client that left needs no answer
	}
}

// expired answers, in the words of the protocol that was asked in, that a session is over (S3
// API reference, "Error responses"; the services' common errors).
func expired(w http.ResponseWriter, r *http.Request, service string) {
	is := refusal{"ExpiredTokenException", "The security token included in the request is expired", http.StatusBadRequest}
	switch {
	case service == "s3":
		is = refusal{"ExpiredToken", "The provided token has expired.", http.StatusBadRequest}
	case strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded"):
		is = refusal{"ExpiredToken", is.message, http.StatusForbidden}
	}
	answerRefusal(w, r, service, is)
}

// tableKeys knows the partition keys of tables and their indexes, which never change.
type tableKeys struct {
	url   func() string
	mu    sync.Mutex
	known map[string]map[string]string // by table and index
}

// of returns the partition key of a table or index, empty where there is no such.
func (k *tableKeys) of(ctx context.Context, table, index string) string {
	k.mu.Lock()
	defer k.mu.Unlock()
	if keys, ok := k.known[table]; ok {
		return keys[index]
	}
	client := dynamodb.NewFromConfig(moto.Config(k.url(), Account, Region))
	out, err := client.DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: &table})
	if err != nil {
		return "" // the table itself says that it is not there
	}
	keys := map[string]string{"": partition(out.Table.KeySchema)}
	for _, i := range out.Table.GlobalSecondaryIndexes {
		keys[aws.ToString(i.IndexName)] = partition(i.KeySchema)
	}
	if k.known == nil {
		k.known = map[string]map[string]string{}
	}
	k.known[table] = keys
	return keys[index]
}

func partition(schema []types.KeySchemaElement) string {
	for _, e := range schema {
		if e.KeyType == types.KeyTypeHash {
			return aws.ToString(e.AttributeName)
		}
	}
	return ""
}
