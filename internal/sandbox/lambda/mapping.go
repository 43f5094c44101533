package lambda

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/driftless-gitops/driftless/internal/sandbox/events"
	"github.com/driftless-gitops/driftless/internal/sandbox/wire"
)

// mappingSettings are what a caller chooses of an event source mapping and may change,
// under the names of Lambda's API and of CloudFormation, which agree.
type mappingSettings struct {
	BatchSize                      integer           `json:",omitempty"`
	MaximumBatchingWindowInSeconds integer           `json:",omitempty"`
	MaximumRetryAttempts           *integer          `json:",omitempty"`
	MaximumRecordAgeInSeconds      *integer          `json:",omitempty"`
	BisectBatchOnFunctionError     boolean           `json:",omitempty"`
	ParallelizationFactor          integer           `json:",omitempty"`
	TumblingWindowInSeconds        integer           `json:",omitempty"`
	FunctionResponseTypes          []string          `json:",omitempty"`
	FilterCriteria                 *filterCriteria   `json:",omitempty"`
	ScalingConfig                  *scalingConfig    `json:",omitempty"`
	DestinationConfig              destinationConfig `json:",omitzero"`
}

type filterCriteria struct{ Filters []filter }

type filter struct{ Pattern string }

type scalingConfig struct {
	MaximumConcurrency integer `json:",omitempty"`
}

// putMapping is CreateEventSourceMapping and UpdateEventSourceMapping.
type putMapping struct {
	mappingSettings
	Enabled          *boolean
	FunctionName     string
	EventSourceArn   string
	StartingPosition string
}

// mapping is an event source mapping as Lambda's API shows it.
type mapping struct {
	mappingSettings
	UUID                  string
	EventSourceMappingArn string
	EventSourceArn        string
	FunctionArn           string
	StartingPosition      string `json:",omitempty"`
	State                 string
	StateTransitionReason string
	LastModified          float64

	ref      reference
	patterns []*events.Pattern
	position *position // of a stream, kept over changes
}

// partial says whether the function reports which records failed.
func (m mapping) partial() bool {
	return slices.Contains(m.FunctionResponseTypes, "ReportBatchItemFailures")
}

// passes says whether a record fits the mapping's filters.
func (m mapping) passes(record []byte) bool {
	if len(m.patterns) == 0 {
		return true
	}
	return slices.ContainsFunc(m.patterns, func(p *events.Pattern) bool {
		fits, err := p.Match(record)
		return err == nil && fits // what is no JSON fits no pattern, as on Lambda
	})
}

// createMapping makes a function consume a queue or a stream.
func (s *Service) createMapping(ctx context.Context, in putMapping) (mapping, error) {
	m := mapping{
		mappingSettings: in.mappingSettings, UUID: wire.NewUUID(), EventSourceArn: in.EventSourceArn,
		StartingPosition: in.StartingPosition, State: state(in.Enabled),
	}
	m.EventSourceMappingArn = fmt.Sprintf("arn:aws:lambda:%s:%s:event-source-mapping:%s", s.config.Region, s.config.Account, m.UUID)
	m, err := s.checkMapping(ctx, m, in.FunctionName)
	if err != nil {
		return mapping{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, other := range s.mappings {
		if other.EventSourceArn == m.EventSourceArn && other.FunctionArn == m.FunctionArn {
			return mapping{}, conflict("An event source mapping with event source arn (\" %s \") and function (\" %s \") already exists. Please update or delete the existing mapping with UUID %s", m.EventSourceArn, m.FunctionArn, other.UUID)
		}
	}
	s.mappings[m.UUID] = &m
	s.wake()
	return m, nil
}

// updateMapping replaces a mapping's settings; the source stays.
func (s *Service) updateMapping(ctx context.Context, uuid string, change func(mapping) (putMapping, error)) (mapping, error) {
	old, err := s.findMapping(uuid)
	if err != nil {
		return mapping{}, err
	}
	in, err := change(old)
	if err != nil {
		return mapping{}, err
	}
	m := old
	m.mappingSettings = in.mappingSettings
	if in.Enabled != nil {
		m.State = state(in.Enabled)
	}
	function := old.FunctionArn
	if in.FunctionName != "" {
		function = in.FunctionName
	}
	m, err = s.checkMapping(ctx, m, function)
	if err != nil {
		return mapping{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mappings[uuid] == nil {
		return mapping{}, noMapping()
	}
	s.mappings[uuid] = &m
	s.wake()
	return m, nil
}

func state(enabled *boolean) string {
	if enabled != nil && !bool(*enabled) {
		return "Disabled"
	}
	return "Enabled"
}

// checkMapping completes a mapping and refuses what Lambda refuses.
func (s *Service) checkMapping(ctx context.Context, m mapping, functionName string) (mapping, error) {
	m.ref = parseReference(functionName)
	_, config, err := s.find(m.ref)
	if err != nil {
		return m, err
	}
	m.FunctionArn = s.arn(m.ref.name, m.ref.qualifier)
	m.StateTransitionReason = "USER_INITIATED"
	m.LastModified = float64(s.config.Now().UnixMilli()) / 1000
	if m.patterns, err = compile(m.FilterCriteria); err != nil {
		return m, err
	}
	if m.TumblingWindowInSeconds > 0 {
		return m, invalid("the sandbox's mappings have no tumbling windows")
	}
	switch service(m.EventSourceArn) {
	case "sqs":
		return s.checkQueue(ctx, m, config)
	case "dynamodb":
		return s.checkStream(ctx, m, config)
	}
	return m, invalid("Unrecognized event source, must be kinesis, dynamodb stream or sqs. The sandbox has the latter two: %s", m.EventSourceArn)
}

func compile(c *filterCriteria) ([]*events.Pattern, error) {
	if c == nil {
		return nil, nil
	}
	if len(c.Filters) > 5 {
		return nil, invalid("a mapping has at most 5 filters")
	}
	var patterns []*events.Pattern
	for _, f := range c.Filters {
		p, err := events.ParsePattern(f.Pattern)
		if err != nil {
			return nil, invalid("Invalid filter pattern definition: %v", err)
		}
		patterns = append(patterns, p)
	}
	return patterns, nil
}

// checkQueue holds a queue's mapping to Lambda's rules, of which one matters most: a
// queue whose messages come back before the function may end would run them twice.
func (s *Service) checkQueue(ctx context.Context, m mapping, c configuration) (mapping, error) {
	fifo := strings.HasSuffix(m.EventSourceArn, ".fifo")
	if m.BatchSize == 0 {
		m.BatchSize = 10
	}
	switch {
	case m.BatchSize < 1 || m.BatchSize > 10000 || fifo && m.BatchSize > 10:
		return m, invalid("1 validation error detected: Value '%d' at 'batchSize' failed to satisfy constraint: Member must have value less than or equal to %d", m.BatchSize, map[bool]int{true: 10, false: 10000}[fifo])
	case m.BatchSize > 10 && m.MaximumBatchingWindowInSeconds == 0:
		return m, invalid("Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10")
	case fifo && m.MaximumBatchingWindowInSeconds > 0:
		return m, invalid("Batching window is not supported for FIFO queues")
	case m.StartingPosition != "":
		return m, invalid("StartingPosition is not valid for SQS event sources")
	case m.ScalingConfig != nil && m.ScalingConfig.MaximumConcurrency != 0 && (m.ScalingConfig.MaximumConcurrency < 2 || m.ScalingConfig.MaximumConcurrency > 1000):
		return m, invalid("MaximumConcurrency is 2 to 1000, not %d", m.ScalingConfig.MaximumConcurrency)
	}
	if err := s.mayRole(ctx, c.Role, "SQS", m.EventSourceArn, "sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"); err != nil {
		return m, err
	}
	visibility, err := s.visibility(ctx, m.EventSourceArn)
	if err != nil {
		return m, invalid("Error occurred while ReceiveMessage. SQS Error Code: AWS.SimpleQueueService.NonExistentQueue. SQS Error Message: The specified queue does not exist.")
	}
	if visibility < int(c.Timeout) {
		return m, invalid("Queue visibility timeout: %d seconds is less than Function timeout: %d seconds", visibility, c.Timeout)
	}
	return m, nil
}

// visibility is a queue's visibility timeout in seconds.
func (s *Service) visibility(ctx context.Context, queueARN string) (int, error) {
	url, err := s.queueURL(ctx, queueARN)
	if err != nil {
		return 0, err
	}
	out, err := s.sqs.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{
		QueueUrl: aws.String(url), AttributeNames: []sqstypes.QueueAttributeName{sqstypes.QueueAttributeNameVisibilityTimeout},
	})
	if err != nil {
		return 0, fmt.Errorf("read queue %s: %w", queueARN, err)
	}
	return strconv.Atoi(out.Attributes[string(sqstypes.QueueAttributeNameVisibilityTimeout)])
}

func (s *Service) checkStream(ctx context.Context, m mapping, c configuration) (mapping, error) {
	if m.BatchSize == 0 {
		m.BatchSize = 100
	}
	switch {
	case m.BatchSize < 1 || m.BatchSize > 10000:
		return m, invalid("1 validation error detected: Value '%d' at 'batchSize' failed to satisfy constraint: Member must have value less than or equal to 10000", m.BatchSize)
	case m.StartingPosition != "TRIM_HORIZON" && m.StartingPosition != "LATEST":
		return m, invalid("1 validation error detected: Value '%s' at 'startingPosition' failed to satisfy constraint: Member must satisfy enum value set: [LATEST, TRIM_HORIZON]", m.StartingPosition)
	case m.ScalingConfig != nil:
		return m, invalid("ScalingConfig is for SQS event sources")
	}
	if m.MaximumRetryAttempts == nil {
		m.MaximumRetryAttempts = new(integer(-1))
	}
	if m.MaximumRecordAgeInSeconds == nil {
		m.MaximumRecordAgeInSeconds = new(integer(-1))
	}
	if err := s.mayRole(ctx, c.Role, "DynamoDB", m.EventSourceArn, "dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:DescribeStream"); err != nil {
		return m, invalid("Cannot access stream %s. Please ensure the role can perform the GetRecords, GetShardIterator, DescribeStream, and ListStreams Actions on your stream in IAM.", m.EventSourceArn)
	}
	shard, err := s.describeStream(ctx, m.EventSourceArn)
	if err != nil {
		return m, invalid("Stream not found: %s", m.EventSourceArn)
	}
	if m.position == nil {
		// Taken now: whatever is written after the mapping was made is LATEST's to see.
		m.position = &position{}
		m.position.iterator, err = s.shardIterator(ctx, m.EventSourceArn, shard, m.StartingPosition, "")
	}
	return m, err
}

func (s *Service) findMapping(uuid string) (mapping, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.mappings[uuid]
	if m == nil {
		return mapping{}, noMapping()
	}
	return *m, nil
}

// mappingsOf lists mappings, of a source or a function where one is named.
func (s *Service) mappingsOf(source, functionName string) []mapping {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := []mapping{}
	for _, m := range s.mappings {
		if (source == "" || m.EventSourceArn == source) && (functionName == "" || m.ref == parseReference(functionName)) {
			all = append(all, *m)
		}
	}
	slices.SortFunc(all, func(a, b mapping) int { return strings.Compare(a.UUID, b.UUID) })
	return all
}

func (s *Service) removeMapping(uuid string) (mapping, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.mappings[uuid]
	if m == nil {
		return mapping{}, noMapping()
	}
	delete(s.mappings, uuid)
	s.wake()
	gone := *m
	gone.State = "Deleting"
	return gone, nil
}

// wake lets Run look at the mappings again.
func (s *Service) wake() {
	select {
	case s.changed <- struct{}{}:
	default: // it will
	}
}

// snapshot copies the mappings that are to be polled.
func (s *Service) snapshot() map[string]*mapping {
	s.mu.Lock()
	defer s.mu.Unlock()
	enabled := maps.Clone(s.mappings)
	maps.DeleteFunc(enabled, func(_ string, m *mapping) bool { return m.State != "Enabled" })
	return enabled
}

func noMapping() error {
	return &wire.Error{Code: "ResourceNotFoundException", Message: "The resource you requested does not exist.", Status: 404}
}

// clone copies what pointers lead to, so that a change is seen by the copy alone.
func (c mappingSettings) clone() mappingSettings {
	c.MaximumRetryAttempts, c.MaximumRecordAgeInSeconds = clone(c.MaximumRetryAttempts), clone(c.MaximumRecordAgeInSeconds)
	c.ScalingConfig = clone(c.ScalingConfig)
	c.FunctionResponseTypes = slices.Clone(c.FunctionResponseTypes)
	if c.FilterCriteria != nil {
		c.FilterCriteria = &filterCriteria{Filters: slices.Clone(c.FilterCriteria.Filters)}
	}
	return c
}

func clone[T any](p *T) *T {
	if p == nil {
		return nil
	}
	c := *p
	return &c
}
