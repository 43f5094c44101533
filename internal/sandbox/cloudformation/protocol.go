package cloudformation

import (
	"encoding/xml"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/driftless-gitops/driftless/internal/sandbox/wire"
)

const namespace = "http://cloudformation.amazonaws.com/doc/2010-05-15/"

// timeFormat is how CloudFormation writes instants.
const timeFormat = "2006-01-02T15:04:05.000Z"

// decode fills the SDK's input struct v from a request of the Query protocol: the SDK's
// field names are the protocol's parameter names, so that no table of them is needed.
func decode(form url.Values, prefix string, v reflect.Value) error {
	switch v.Kind() {
	case reflect.Pointer:
		if !present(form, prefix) {
			return nil
		}
		v.Set(reflect.New(v.Type().Elem()))
		return decode(form, prefix, v.Elem())
	case reflect.Struct:
		if t, ok := v.Addr().Interface().(*time.Time); ok {
			parsed, err := time.Parse(time.RFC3339, form.Get(prefix))
			*t = parsed
			return err
		}
		for i := range v.NumField() {
			f := v.Type().Field(i)
			if !f.IsExported() || f.Name == "ResultMetadata" {
				continue
			}
			if err := decode(form, join(prefix, f.Name), v.Field(i)); err != nil {
				return err
			}
		}
		return nil
	case reflect.Slice:
		return decodeList(form, prefix+".member.", v)
	case reflect.Map:
		return nil // resource identifiers of imports, which are refused
	}
	return decodeScalar(form, prefix, v)
}

// decodeList reads prefix.1, prefix.2 and so on. An empty list arrives as the bare name.
func decodeList(form url.Values, prefix string, v reflect.Value) error {
	for i := 1; present(form, prefix+strconv.Itoa(i)); i++ {
		e := reflect.New(v.Type().Elem()).Elem()
		if err := decode(form, prefix+strconv.Itoa(i), e); err != nil {
			return err
		}
		v.Set(reflect.Append(v, e))
	}
	if v.IsNil() && form.Has(strings.TrimSuffix(prefix, ".member.")) {
		v.Set(reflect.MakeSlice(v.Type(), 0, 0))
	}
	return nil
}

func decodeScalar(form url.Values, name string, v reflect.Value) error {
	s := form.Get(name)
	if s == "" {
		return nil
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(s)
	case reflect.Bool:
		b, err := strconv.ParseBool(s)
		if err != nil {
			return &wire.Error{Code: "MalformedInput", Message: name + " must be a boolean"}
		}
		v.SetBool(b)
	case reflect.Int32, reflect.Int64:
		n, err := strconv.ParseInt(s, 10, 32)
		if err != nil {
			return &wire.Error{Code: "MalformedInput", Message: name + " must be a number"}
		}
		v.SetInt(n)
	}
	return nil
}

func present(form url.Values, prefix string) bool {
	if form.Has(prefix) {
		return true
	}
	for k := range form {
		if strings.HasPrefix(k, prefix+".") {
			return true
		}
	}
	return false
}

func join(prefix, name string) string {
	if prefix == "" {
		return name
	}
	return prefix + "." + name
}

// encode writes the SDK's output struct the way the Query protocol does.
func encode(b *strings.Builder, name string, v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			encode(b, name, v.Elem())
		}
	case reflect.Struct:
		if t, ok := v.Interface().(time.Time); ok {
			element(b, name, t.UTC().Format(timeFormat))
			return
		}
		b.WriteString("<" + name + ">")
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.IsExported() && f.Name != "ResultMetadata" {
				encode(b, f.Name, v.Field(i))
			}
		}
		b.WriteString("</" + name + ">")
	case reflect.Slice:
		if v.IsNil() {
			return
		}
		b.WriteString("<" + name + ">")
		for i := range v.Len() {
			encode(b, "member", v.Index(i))
		}
		b.WriteString("</" + name + ">")
	case reflect.Map:
		encodeMap(b, name, v)
	case reflect.String:
		if v.String() != "" || v.Type() == reflect.TypeFor[string]() {
			element(b, name, v.String())
		}
	case reflect.Bool:
		element(b, name, strconv.FormatBool(v.Bool()))
	case reflect.Int32, reflect.Int64:
		element(b, name, strconv.FormatInt(v.Int(), 10))
	}
}

func encodeMap(b *strings.Builder, name string, v reflect.Value) {
	if v.Len() == 0 {
		return
	}
	b.WriteString("<" + name + ">")
	keys := v.MapKeys()
	slices.SortFunc(keys, func(x, y reflect.Value) int { return strings.Compare(x.String(), y.String()) })
	for _, k := range keys {
		b.WriteString("<entry>")
		element(b, "key", k.String())
		encode(b, "value", v.MapIndex(k))
		b.WriteString("</entry>")
	}
	b.WriteString("</" + name + ">")
}

func element(b *strings.Builder, name, text string) {
	b.WriteString("<" + name + ">")
	_ = xml.EscapeText(b, []byte(text)) // a strings.Builder does not fail
	b.WriteString("</" + name + ">")
}

// answer is a whole response.
func answer(action, request string, out any) string {
	var b strings.Builder
	b.WriteString("<" + action + `Response xmlns="` + namespace + `">`)
	encode(&b, action+"Result", reflect.ValueOf(out))
	b.WriteString("<ResponseMetadata><RequestId>" + request + "</RequestId></ResponseMetadata></" + action + "Response>")
	return b.String()
}

// refusal is a whole error response.
func refusal(e *wire.Error, request string) string {
	var b strings.Builder
	b.WriteString(`<ErrorResponse xmlns="` + namespace + `"><Error>`)
	fault := "Sender"
	if e.Status >= 500 {
		fault = "Receiver"
	}
	element(&b, "Type", fault)
	element(&b, "Code", e.Code)
	element(&b, "Message", e.Message)
	b.WriteString("</Error><RequestId>" + request + "</RequestId></ErrorResponse>")
	return b.String()
}
