package build

import (
	"context"
	"encoding/json"
	"fmt"
)

// Objects are what the data bucket holds, as far as it takes to be first.
type Objects interface {
	// Get reads what stands under a key.
	Get(ctx context.Context, key string) ([]byte, error)
	// PutNew writes under a key where nothing stands, and reports whether it did.
	PutNew(ctx context.Context, key string, data []byte) (bool, error)
}

// First writes v under a key where nothing stands, and returns what stands there then: v, and
// mine true, or what somebody else wrote before. After an error it may be v all the same.
func First[T any](ctx context.Context, o Objects, key string, v T) (stands T, mine bool, err error) {
	data, err := json.Marshal(v)
	if err != nil {
		return v, false, fmt.Errorf("encode %s: %w", key, err)
	}
	if mine, err = o.PutNew(ctx, key, data); err != nil || mine {
		return v, mine, err
	}
	if data, err = o.Get(ctx, key); err != nil {
		return v, false, fmt.Errorf("read %s, which was written before: %w", key, err)
	}
	if err := json.Unmarshal(data, &stands); err != nil {
		return v, false, fmt.Errorf("decode %s: %w", key, err)
	}
	return stands, false, nil
}
