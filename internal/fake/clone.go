package fake

import (
	"reflect"
	"sync"
	"time"
)

// clone returns a copy of a record that shares nothing with it that can be changed.
func clone[T any](record T) T {
	v := reflect.ValueOf(&record).Elem()
	deepen(v)
	return record
}

// deepen replaces what a copied value still shares with the one that it was copied from.
func deepen(v reflect.Value) {
	if flat(v.Type()) {
		return
	}
	switch v.Kind() { // records are JSON: they hold no channels and the like
	case reflect.Struct:
		for i := range v.NumField() {
			deepen(v.Field(i))
		}
	case reflect.Pointer:
		if !v.IsNil() {
			c := reflect.New(v.Type().Elem())
			c.Elem().Set(v.Elem())
			deepen(c.Elem())
			v.Set(c)
		}
	case reflect.Slice:
		if !v.IsNil() {
			c := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
			reflect.Copy(c, v)
			for i := range c.Len() {
				deepen(c.Index(i))
			}
			v.Set(c)
		}
	case reflect.Map:
		if !v.IsNil() {
			c := reflect.MakeMapWithSize(v.Type(), v.Len())
			for key, value := range v.Seq2() {
				e := reflect.New(v.Type().Elem()).Elem()
				e.Set(value)
				deepen(e)
				c.SetMapIndex(key, e)
			}
			v.Set(c)
		}
	}
}

var flats sync.Map // bool by reflect.Type

// flat reports whether a copy of a value of the type shares nothing that can be changed.
func flat(t reflect.Type) bool {
	if known, ok := flats.Load(t); ok {
		return known.(bool)
	}
	is := true
	switch t.Kind() { // what holds nothing is flat
	case reflect.Struct:
		for i := range t.NumField() {
			is = is && (t == reflect.TypeFor[time.Time]() || flat(t.Field(i).Type))
		}
	case reflect.Pointer, reflect.Slice, reflect.Map, reflect.Interface, reflect.Func, reflect.Chan, reflect.UnsafePointer:
		is = false
	}
	flats.Store(t, is)
	return is
}
