package dynamodb

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

const (
	// schema is the number of the records' shape, on every item.
	schema = 1
	// largest is how many bytes of JSON an item may hold before its largest attributes go
	// to the bucket. DynamoDB refuses items over 400 KB, names and values together
	// (DynamoDB, Developer Guide, "Constraints"); JSON's quotes, colons and commas take at
	// least the room that DynamoDB adds to names and values.
	largest = 300 << 10
)

// encode returns a record's attributes. What is too large is put into the bucket first.
func (s *Store) encode(ctx context.Context, record any) (item, error) {
	if s.blobs == nil {
		return nil, errReadOnly
	}
	attrs, err := attributevalue.MarshalMapWithOptions(record, func(o *attributevalue.EncoderOptions) { o.TagKey = "json" })
	if err != nil {
		return nil, err
	}
	spilled, err := s.spill(ctx, record)
	if err != nil {
		return nil, err
	}
	if len(spilled) > 0 {
		keys := item{}
		for name, key := range spilled {
			delete(attrs, name)
			keys[name] = text(key)
		}
		attrs[attributeSpilled] = &types.AttributeValueMemberM{Value: keys}
	}
	attrs[attributeSchema] = number(schema)
	return attrs, nil
}

// errReadOnly keeps a store that cannot read the bucket from storing what it did not read.
var errReadOnly = errors.New("this store was given no bucket: it only reads records")

// spill puts the largest attributes of a record into the bucket until the others fit into
// an item, and returns their keys by name. A key names its content, so that a repeat, and
// a write that loses afterwards, are harmless.
func (s *Store) spill(ctx context.Context, record any) (map[string]string, error) {
	data, err := json.Marshal(record)
	if err != nil || len(data) <= largest {
		return nil, err
	}
	var attrs map[string]json.RawMessage
	if err := json.Unmarshal(data, &attrs); err != nil {
		return nil, err
	}
	keys := map[string]string{}
	for left := len(data); left > largest; {
		name := longest(attrs)
		sum := sha256.Sum256(attrs[name])
		key := "records/" + hex.EncodeToString(sum[:])
		if err := s.blobs.Put(ctx, key, attrs[name]); err != nil {
			return nil, fmt.Errorf("keep attribute %s: %w", name, err)
		}
		keys[name] = key
		left -= len(attrs[name])
		delete(attrs, name)
	}
	return keys, nil
}

func longest(attrs map[string]json.RawMessage) string {
	var found string
	for name, value := range attrs {
		if len(value) > len(attrs[found]) {
			found = name
		}
	}
	return found
}

// decode reads a record from its attributes, and from the bucket what was too large.
// Attributes that the record does not know are left alone.
func (s *Store) decode(ctx context.Context, attrs item, record any) error {
	err := attributevalue.UnmarshalMapWithOptions(attrs, record, func(o *attributevalue.DecoderOptions) { o.TagKey = "json" })
	if err != nil {
		return fmt.Errorf("decode item: %w", err)
	}
	spilled, _ := attrs[attributeSpilled].(*types.AttributeValueMemberM)
	if spilled == nil || s.blobs == nil {
		return nil
	}
	for name, value := range spilled.Value {
		key, _ := value.(*types.AttributeValueMemberS)
		if key == nil {
			return fmt.Errorf("decode item: attribute %s lies in no bucket", name)
		}
		data, err := s.blobs.Get(ctx, key.Value)
		if err != nil {
			return fmt.Errorf("read attribute %s: %w", name, err)
		}
		data, err = json.Marshal(map[string]json.RawMessage{name: data})
		if err != nil {
			return fmt.Errorf("decode attribute %s: %w", name, err)
		}
		if err := json.Unmarshal(data, record); err != nil {
			return fmt.Errorf("decode attribute %s: %w", name, err)
		}
	}
	return nil
}

// decodeAll reads the records of all items.
func decodeAll[T any](ctx context.Context, s *Store, items []item) ([]T, error) {
	all := make([]T, len(items))
	for i, stored := range items {
		if err := s.decode(ctx, stored, &all[i]); err != nil {
			return nil, err
		}
	}
	return all, nil
}
