package dynamodb

import (
	"context"
	"reflect"
	"sync"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// remembered is how many items are kept at most: those of the messages of one invocation, and some.
const remembered = 32

// known keeps items as they were read or written last, so that a write names only what it
// changes (ADR 0023). It decides nothing: what is known of an item serves a write on the condition
// that it still has the very version.
type known struct {
	mu    sync.Mutex
	items map[key]item
}

// keep notes what an item says, which nobody changes afterwards.
func (n *known) keep(k key, attrs item) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.items == nil || len(n.items) >= remembered {
		n.items = map[key]item{} // all is forgotten at once: whatever is still needed is read again
	}
	n.items[k] = attrs
}

// at returns what an item says at a version, nil where that is not known. At version 0 it says
// nothing.
func (n *known) at(k key, version int64) item {
	if version == 0 {
		return item{}
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	attrs := n.items[k]
	if !same(attrs[attributeVersion], number(version)) {
		return nil
	}
	return attrs
}

func same(a, b types.AttributeValue) bool { return reflect.DeepEqual(a, b) }

// versioned reads a record, consistently, whose every write gives it another version; ErrNotFound.
func versioned[T any](ctx context.Context, s *Store, k key) (T, error) {
	var record T
	stored, err := s.get(ctx, k)
	if err != nil {
		return record, err
	}
	s.known.keep(k, stored)
	return record, s.decode(ctx, stored, &record)
}
