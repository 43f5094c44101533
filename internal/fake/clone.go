package fake

import (
	"reflect"
	"sync"
	"time"
)

// clone returns a copy of a record that shares nothing with it that can be changed.
func clone[T any](record T) T {
	if deepen := deepening(reflect.TypeFor[T]()); deepen != nil {
		deepen(reflect.ValueOf(&record).Elem())
	}
	return record
}

// deepen replaces what a copied value still shares with the one that it was copied from.
type deepen func(v reflect.Value)

var deepenings sync.Map // deepen by reflect.Type

// deepening returns what deepens a copied value of a type; nil where it shares nothing that
// can be changed.
func deepening(t reflect.Type) deepen {
	if known, ok := deepenings.Load(t); ok {
		return known.(deepen)
	}
	var d deepen
	switch t.Kind() { // records are JSON: they hold no channels and the like, nor themselves
	case reflect.Struct:
		d = ofStruct(t)
	case reflect.Pointer:
		d = ofPointer(deepening(t.Elem()))
	case reflect.Slice:
		d = ofSlice(t, deepening(t.Elem()))
	case reflect.Map:
		d = ofMap(t, deepening(t.Elem()))
	}
	deepenings.Store(t, d)
	return d
}

func ofStruct(t reflect.Type) deepen {
	type field struct {
		at int
		do deepen
	}
	var fields []field
	if t == reflect.TypeFor[time.Time]() { // it is a value, whatever it holds
		return nil
	}
	for i := range t.NumField() {
		if d := deepening(t.Field(i).Type); d != nil {
			fields = append(fields, field{i, d})
		}
	}
	if len(fields) == 0 {
		return nil
	}
	return func(v reflect.Value) {
		for _, f := range fields {
			f.do(v.Field(f.at))
		}
	}
}

func ofPointer(inside deepen) deepen {
	return func(v reflect.Value) {
		if v.IsNil() {
			return
		}
		c := reflect.New(v.Type().Elem())
		c.Elem().Set(v.Elem())
		if inside != nil {
			inside(c.Elem())
		}
		v.Set(c)
	}
}

func ofSlice(t reflect.Type, inside deepen) deepen {
	return func(v reflect.Value) {
		if v.IsNil() {
			return
		}
		c := reflect.MakeSlice(t, v.Len(), v.Len())
		reflect.Copy(c, v)
		if inside != nil {
			for i := range c.Len() {
				inside(c.Index(i))
			}
		}
		v.Set(c)
	}
}

func ofMap(t reflect.Type, inside deepen) deepen {
	return func(v reflect.Value) {
		if v.IsNil() {
			return
		}
		c := reflect.MakeMapWithSize(t, v.Len())
		for key, value := range v.Seq2() {
			e := reflect.New(t.Elem()).Elem()
			e.Set(value)
			if inside != nil {
				inside(e)
			}
			c.SetMapIndex(key, e)
		}
		v.Set(c)
	}
}
