package fake

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/driftless-gitops/driftless/internal/gitops"
)

// A simulation that keeps records as copies would not see that JSON loses a part of one.
func TestACopyOfARecordIsWhatItsJSONSays(t *testing.T) {
	testCopy[gitops.Repository](t)
	testCopy[gitops.Application](t)
	testCopy[gitops.Deployment](t)
	testCopy[gitops.DriftReport](t)
}

func testCopy[T any](t *testing.T) {
	t.Helper()
	var record T
	fill(t, reflect.ValueOf(&record).Elem())
	before, err := json.Marshal(record)
	if err != nil {
		t.Fatal(err)
	}
	var read T
	if err := json.Unmarshal(before, &read); err != nil {
		t.Fatal(err)
	}
	copied := clone(record)
	if diff := cmp.Diff(read, copied); diff != "" {
		t.Errorf("%T (-read from JSON +copied):\n%s", record, diff)
	}
	spoil(reflect.ValueOf(&record).Elem())
	if diff := cmp.Diff(read, copied); diff != "" {
		t.Errorf("%T: the copy changed with what it was copied from:\n%s", record, diff)
	}
}

// fill gives every field a value that is not its zero.
func fill(t *testing.T, v reflect.Value) {
	t.Helper()
	switch v.Kind() {
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			v.Set(reflect.ValueOf(time.Date(2026, 11, 21, 9, 0, 0, 7, time.UTC)))
			return
		}
		for i := range v.NumField() {
			fill(t, v.Field(i))
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(t, v.Elem())
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range v.Len() {
			fill(t, v.Index(i))
		}
	case reflect.Map:
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		fill(t, key)
		fill(t, value)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(key, value)
	case reflect.String:
		v.SetString("text of " + v.Type().String())
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(7)
	case reflect.Float64:
		v.SetFloat(0.5)
	default:
		t.Fatalf("a record holds a %s, which is not copied", v.Type())
	}
}

// spoil changes whatever can be reached through pointers, slices and maps.
func spoil(v reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type() != reflect.TypeFor[time.Time]() {
				spoil(v.Field(i))
			}
		}
	case reflect.Pointer:
		spoil(v.Elem())
		v.Elem().SetZero()
	case reflect.Slice:
		for i := range v.Len() {
			spoil(v.Index(i))
			v.Index(i).SetZero()
		}
	case reflect.Map:
		v.Clear()
	}
}
