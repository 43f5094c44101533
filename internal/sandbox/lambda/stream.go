package lambda

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"time"

	"github.com/driftless-gitops/driftless/internal/sandbox/wire"
)

// streamPause is the time between two looks at a stream without news, unless a nudge comes
// first: Lambda looks four times a second (developer guide, "Using AWS Lambda with Amazon
// DynamoDB").
const streamPause = 250 * time.Millisecond

// position is how far a mapping has read its stream. Only its poller changes it.
type position struct {
	shard    string // empty: to be asked for
	iterator string
	after    string // sequence number of the last record handled
}

// streamRecord is a record with what the poller needs of it; the rest is handed on as
// moto gave it, which is the form that Lambda hands to functions.
type streamRecord struct {
	fields   map[string]json.RawMessage
	sequence string
	created  float64 // seconds
}

// UnmarshalJSON keeps all fields.
func (r *streamRecord) UnmarshalJSON(b []byte) error {
	if err := json.Unmarshal(b, &r.fields); err != nil {
		return err
	}
	var change struct {
		SequenceNumber              string
		ApproximateCreationDateTime float64
	}
	if err := json.Unmarshal(r.fields["dynamodb"], &change); err != nil {
		return err
	}
	r.sequence, r.created = change.SequenceNumber, change.ApproximateCreationDateTime
	return nil
}

// pollStream reads a stream and invokes the mapping's function with its records, in order,
// until ctx ends. moto's streams have one shard.
func (s *Service) pollStream(ctx context.Context, m mapping) {
	nudged, ignore := s.nudges.listen(sourceName(m.EventSourceArn))
	defer ignore()
	for ctx.Err() == nil {
		records, next, err := s.records(ctx, m)
		if err != nil {
			if !s.trouble(ctx, m, err) {
				return
			}
			m.position.iterator, m.position.shard = "", "" // moto was restarted, or the table was made anew
			continue
		}
		if len(records) > 0 {
			if records, err = s.gather(ctx, m, records); err != nil {
				continue // it is read again
			}
			if !s.handleStream(ctx, m, records) {
				return // stopped: what is left is read again from the position
			}
			m.position.iterator = ""
			continue
		}
		m.position.iterator = next
		if m.position.after != "" {
			// moto puts a copy of the table in its place when it cancels a transaction, and an
			// iterator goes on reading the one that is gone, with what was undone: it is taken
			// anew for every read.
			m.position.iterator = ""
		}
		pause := time.NewTimer(streamPause)
		select {
		case <-nudged:
		case <-pause.C:
		case <-ctx.Done():
		}
		pause.Stop()
	}
}

// gather waits for more records where the mapping says so, until its window is over, unless
// the batch is full (Lambda developer guide, "Batching behavior"). Records that pass no filter
// do not open a window, as they do not on Lambda; here they take room in the batch.
func (s *Service) gather(ctx context.Context, m mapping, records []streamRecord) ([]streamRecord, error) {
	window := time.Duration(m.MaximumBatchingWindowInSeconds) * time.Second
	if window <= 0 || len(records) >= int(m.BatchSize) || !slices.ContainsFunc(records, func(r streamRecord) bool { return s.wanted(m, r) }) {
		return records, nil
	}
	if !s.pause(ctx, window) {
		return nil, ctx.Err()
	}
	m.position.iterator = "" // from the same position on
	records, _, err := s.records(ctx, m)
	return records, err
}

// wanted completes a record as Lambda hands it on, and says whether it passes the filters.
func (s *Service) wanted(m mapping, r streamRecord) bool {
	r.fields["awsRegion"], r.fields["eventSourceARN"] = quote(s.config.Region), quote(m.EventSourceArn)
	document, err := json.Marshal(r.fields)
	return err == nil && m.passes(document)
}

// handleStream handles the records of one read and reports false when ctx ended first.
func (s *Service) handleStream(ctx context.Context, m mapping, records []streamRecord) bool {
	var wanted []streamRecord
	for _, r := range records {
		if s.wanted(m, r) {
			wanted = append(wanted, r)
		}
	}
	if !s.handleBatch(ctx, m, wanted, 0) {
		if m.position.after != "" {
			m.position.iterator = "" // go on after what was handled of this read
		}
		return false
	}
	m.position.after = records[len(records)-1].sequence
	return true
}

// handleBatch invokes the function until it takes the records or they are given up:
// after MaximumRetryAttempts, past MaximumRecordAgeInSeconds; halved on the way where the
// mapping says so. It reports false when ctx ended first.
func (s *Service) handleBatch(ctx context.Context, m mapping, records []streamRecord, tries int) bool {
	for len(records) > 0 {
		if ctx.Err() != nil {
			return false
		}
		done, failure := s.attempt(ctx, m, records)
		if done > 0 {
			m.position.after = records[done-1].sequence
			records, tries = records[done:], 0
		}
		if failure == nil {
			continue
		}
		s.config.Log.Warn("batch failed", "source", m.EventSourceArn, "records", len(records), "try", tries+1, "reason", failure)
		tries++
		if condition := s.exhausted(m, records, tries); condition != "" {
			s.giveRecords(ctx, m, records, condition, tries, failure)
			m.position.after = records[len(records)-1].sequence
			return true
		}
		if bool(m.BisectBatchOnFunctionError) && len(records) > 1 {
			// Splitting does not use up attempts (Lambda developer guide, "Retries and
			// ordering behavior" for DynamoDB streams).
			half := len(records) / 2
			return s.handleBatch(ctx, m, records[:half], 0) && s.handleBatch(ctx, m, records[half:], 0)
		}
		if !s.pause(ctx, backoff(tries)) {
			return false
		}
	}
	return true
}

// attempt invokes the function once and returns how many records from the first on are
// handled, and why the others are not.
func (s *Service) attempt(ctx context.Context, m mapping, records []streamRecord) (done int, failure error) {
	fields := make([]map[string]json.RawMessage, len(records))
	for i, r := range records {
		fields[i] = r.fields
	}
	payload, err := json.Marshal(map[string]any{"Records": fields})
	if err != nil {
		return 0, fmt.Errorf("write event: %w", err)
	}
	result, err := s.run(context.WithoutCancel(ctx), call{ref: m.ref, id: wire.NewUUID(), payload: payload, wait: true})
	if err == nil {
		err = s.functionError(m.ref, result)
	}
	if err != nil || !m.partial() {
		if err != nil {
			return 0, err
		}
		return len(records), nil
	}
	failed, ok := failures(result.Payload)
	if !ok {
		return 0, errors.New("batchItemFailures names no record")
	}
	if len(failed) == 0 {
		return len(records), nil
	}
	// The first failed record is the checkpoint; later ones are tried again too.
	for i, r := range records {
		if failed[r.sequence] {
			return i, fmt.Errorf("record %s reported as failed", r.sequence)
		}
	}
	return 0, errors.New("batchItemFailures names no record of the batch")
}

// exhausted names why records are not tried again, or is empty.
func (s *Service) exhausted(m mapping, records []streamRecord, tries int) string {
	if n := m.MaximumRetryAttempts; n != nil && *n >= 0 && tries > int(*n) {
		return "RetryAttemptsExhausted"
	}
	age := float64(s.config.Now().UnixMilli())/1000 - records[0].created
	if n := m.MaximumRecordAgeInSeconds; n != nil && *n >= 0 && age > float64(*n) {
		return "RecordAgeExceeded"
	}
	return ""
}

// giveRecords tells the failure destination which records were given up; like Lambda it
// sends where they are in the stream, not the records themselves.
func (s *Service) giveRecords(ctx context.Context, m mapping, records []streamRecord, condition string, tries int, failure error) {
	to := m.DestinationConfig.OnFailure.Destination
	if to == "" {
		return
	}
	first, last := records[0], records[len(records)-1]
	response := map[string]any{"statusCode": 200, "executedVersion": "$LATEST"}
	if failed := (*FunctionError)(nil); errors.As(failure, &failed) {
		response["functionError"] = "Unhandled"
	}
	body, err := json.Marshal(map[string]any{
		"version":   "1.0",
		"timestamp": s.config.Now().UTC().Format("2006-01-02T15:04:05.000Z"),
		"requestContext": map[string]any{
			"requestId": wire.NewUUID(), "functionArn": m.FunctionArn, "condition": condition, "approximateInvokeCount": tries,
		},
		"responseContext": response,
		"DDBStreamBatchInfo": map[string]any{
			"streamArn": m.EventSourceArn, "shardId": "shardId-00000001541626099285-f35f62ef", "batchSize": len(records),
			"startSequenceNumber": first.sequence, "endSequenceNumber": last.sequence,
			"approximateArrivalOfFirstRecord": instant(first.created), "approximateArrivalOfLastRecord": instant(last.created),
		},
	})
	if err == nil {
		err = s.send(context.WithoutCancel(ctx), to, string(body), nil)
	}
	if err != nil {
		s.config.Log.Error("failure record lost", "source", m.EventSourceArn, "reason", err)
	}
}

func instant(seconds float64) string {
	return time.UnixMilli(int64(seconds * 1000)).UTC().Format("2006-01-02T15:04:05.000Z")
}

// backoff doubles from a quarter of a second up to ten seconds, with jitter.
func backoff(tries int) time.Duration {
	d := min(250*time.Millisecond<<min(tries, 10), 10*time.Second)
	return d/2 + rand.N(d/2)
}

// records reads on from the mapping's position.
func (s *Service) records(ctx context.Context, m mapping) (records []streamRecord, next string, err error) {
	if s.config.Between != nil {
		s.config.Between.Lock()
		defer s.config.Between.Unlock()
	}
	if m.position.iterator == "" {
		if m.position.shard == "" {
			if m.position.shard, err = s.describeStream(ctx, m.EventSourceArn); err != nil {
				return nil, "", err
			}
		}
		if m.position.iterator, err = s.shardIterator(ctx, m.EventSourceArn, m.position.shard, m.StartingPosition, m.position.after); err != nil {
			return nil, "", err
		}
	}
	var out struct {
		Records           []streamRecord
		NextShardIterator string
	}
	err = s.streams(ctx, "GetRecords", map[string]any{"ShardIterator": m.position.iterator, "Limit": min(int(m.BatchSize), 1000)}, &out)
	return out.Records, out.NextShardIterator, err
}

// describeStream returns the stream's shard.
func (s *Service) describeStream(ctx context.Context, arn string) (shard string, err error) {
	var out struct {
		StreamDescription struct {
			Shards []struct{ ShardId string }
		}
	}
	if err := s.streams(ctx, "DescribeStream", map[string]any{"StreamArn": arn}, &out); err != nil {
		return "", err
	}
	if len(out.StreamDescription.Shards) == 0 {
		return "", fmt.Errorf("describe stream %s: it has no shard", arn)
	}
	return out.StreamDescription.Shards[0].ShardId, nil
}

func (s *Service) shardIterator(ctx context.Context, arn, shard, start, after string) (string, error) {
	in := map[string]any{"StreamArn": arn, "ShardId": shard, "ShardIteratorType": start}
	if after != "" {
		in["ShardIteratorType"], in["SequenceNumber"] = "AFTER_SEQUENCE_NUMBER", after
	}
	var out struct{ ShardIterator string }
	err := s.streams(ctx, "GetShardIterator", in, &out)
	return out.ShardIterator, err
}

// streams calls moto's DynamoDB Streams. Not through the SDK: its types would have to be
// turned back, value by value, into the JSON that arrives here and that functions expect.
func (s *Service) streams(ctx context.Context, action string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return fmt.Errorf("write %s: %w", action, err)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, cmp.Or(s.config.Tables, s.config.Moto), bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("call %s: %w", action, err)
	}
	r.Header.Set("Content-Type", "application/x-amz-json-1.0")
	r.Header.Set("X-Amz-Target", "DynamoDBStreams_20120810."+action)
	// moto reads service and region from here and checks nothing.
	r.Header.Set("Authorization", fmt.Sprintf("AWS4-HMAC-SHA256 Credential=sandbox/20260101/%s/dynamodb/aws4_request, SignedHeaders=host, Signature=none", s.config.Region))
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return fmt.Errorf("call %s: %w", action, err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		return fmt.Errorf("call %s: %w", action, err)
	}
	if response.StatusCode != http.StatusOK {
		return &wire.Error{Code: action, Message: string(answer), Status: response.StatusCode}
	}
	if err := json.Unmarshal(answer, out); err != nil {
		return fmt.Errorf("read %s: %w", action, err)
	}
	return nil
}

func quote(s string) json.RawMessage {
	b, _ := json.Marshal(s)
	return b
}
