package events

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/driftless-gitops/driftless/internal/sandbox/wire"
)

// Limits of PutEvents (API reference, PutEvents).
const (
	maxEntries = 10
	maxBytes   = 256 << 10 // of all entries together
	maxBody    = 4 << 20
)

type putRequest struct {
	Entries []putEntry
}

type putEntry struct {
	Source       string
	DetailType   string
	Detail       string
	Resources    []string
	EventBusName string
	Time         *float64 // seconds since the epoch
}

type putResponse struct {
	FailedEntryCount int
	Entries          []putResult
}

type putResult struct {
	EventID      string `json:"EventId,omitempty"`
	ErrorCode    string `json:",omitempty"`
	ErrorMessage string `json:",omitempty"`
}

// ServeHTTP answers PutEvents and hands every other call of EventBridge's API on.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	action, ok := strings.CutPrefix(r.Header.Get("X-Amz-Target"), "AWSEvents.")
	if !ok || action != "PutEvents" {
		s.c.Next.ServeHTTP(w, r)
		if ok && !strings.HasPrefix(action, "List") && !strings.HasPrefix(action, "Describe") {
			s.rules.forget()
		}
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		wire.Refuse(w, &wire.Error{Code: "RequestEntityTooLargeException", Message: err.Error(), Status: http.StatusRequestEntityTooLarge})
		return
	}
	var in putRequest
	if err := json.Unmarshal(body, &in); err != nil {
		wire.Refuse(w, &wire.Error{Code: "SerializationException", Message: err.Error()})
		return
	}
	if why := in.refusal(); why != "" {
		wire.Refuse(w, &wire.Error{Code: "ValidationException", Message: why})
		return
	}
	account, region := s.c.Caller(r)
	out := putResponse{Entries: make([]putResult, 0, len(in.Entries))}
	for _, e := range in.Entries {
		result := e.refusal()
		if result.ErrorCode == "" {
			result.EventID = s.send(e.bus(account, region), e.document(account, region))
		} else {
			out.FailedEntryCount++
		}
		out.Entries = append(out.Entries, result)
	}
	wire.Answer(w, http.StatusOK, out)
}

// refusal says why the whole request is refused, empty when it is not.
func (in putRequest) refusal() string {
	if n := len(in.Entries); n == 0 || n > maxEntries {
		return "1 validation error detected: Value at 'entries' failed to satisfy constraint: " +
			"Member must have length greater than or equal to 1 and less than or equal to 10"
	}
	size := 0
	for _, e := range in.Entries {
		size += len(e.Source) + len(e.DetailType) + len(e.Detail)
		if e.Time != nil {
			size += 14 // what EventBridge counts for it (user guide, "Calculating PutEvents event entry size")
		}
		for _, r := range e.Resources {
			size += len(r)
		}
	}
	if size > maxBytes {
		return "Total size of the entries in the request is over the limit."
	}
	return ""
}

// refusal says why this entry is refused. A source beginning with aws. belongs to AWS's own
// services, and nobody else can send it; with moto alone anyone can, and a test of a rule
// would pass that an attacker could trigger.
func (e putEntry) refusal() putResult {
	switch {
	case e.Source == "":
		return putResult{ErrorCode: "InvalidArgument", ErrorMessage: "Parameter Source is not valid. Reason: Source is a required argument."}
	case strings.HasPrefix(e.Source, "aws."):
		return putResult{ErrorCode: "NotAuthorizedForSourceException", ErrorMessage: "Not authorized for the source."}
	case e.DetailType == "":
		return putResult{ErrorCode: "InvalidArgument", ErrorMessage: "Parameter DetailType is not valid. Reason: DetailType is a required argument."}
	case e.Detail == "":
		return putResult{ErrorCode: "InvalidArgument", ErrorMessage: "Parameter Detail is not valid. Reason: Detail is a required argument."}
	}
	var object map[string]json.RawMessage
	if json.Unmarshal([]byte(e.Detail), &object) != nil || object == nil {
		return putResult{ErrorCode: "MalformedDetail", ErrorMessage: "Detail is malformed."}
	}
	return putResult{}
}

// bus is the bus that the entry names, by name or ARN.
func (e putEntry) bus(account, region string) busName {
	name := e.EventBusName
	if name == "" {
		name = "default"
	}
	if a, err := splitARN(name); err == nil {
		return busName{a.account, a.region, strings.TrimPrefix(a.resource, "event-bus/")}
	}
	return busName{account, region, name}
}

func (e putEntry) document(account, region string) document {
	d := document{DetailType: e.DetailType, Source: e.Source, Account: account, Region: region,
		Resources: e.Resources, Detail: json.RawMessage(e.Detail)}
	if e.Time != nil {
		d.Time = time.Unix(int64(*e.Time), 0).UTC().Format(time.RFC3339)
	}
	return d
}
