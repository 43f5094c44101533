package config_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"
	"github.com/invopop/jsonschema"
	"github.com/rogpeppe/go-internal/txtar"
	validator "github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/driftless-gitops/driftless/internal/config"
)

const (
	schemaFile = "../../templates/schema/driftless.v1.json"
	schemaURL  = "https://raw.githubusercontent.com/driftless-gitops/driftless/main/templates/schema/driftless.v1.json"
)

// TestSchemaIsCurrent generates the schema from the types, their comments and their rules.
func TestSchemaIsCurrent(t *testing.T) {
	r := &jsonschema.Reflector{ExpandedStruct: true, Mapper: config.Schema}
	if err := r.AddGoComments("github.com/driftless-gitops/driftless/internal/config", "./"); err != nil {
		t.Fatal(err)
	}
	for at, comment := range r.CommentMap {
		r.CommentMap[at] = strings.ReplaceAll(comment, "\n", " ")
	}
	s := r.Reflect(&config.Document{})
	s.ID, s.Title = schemaURL, "driftless.yaml"
	var got bytes.Buffer
	enc := json.NewEncoder(&got)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(s); err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(schemaFile, got.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(schemaFile)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got.String()); diff != "" {
		t.Errorf("the schema is not what the types say; go test ./internal/config -update writes it (-file +types):\n%s", diff)
	}
}

func TestEveryKeyIsDescribed(t *testing.T) {
	walk := func(at string, of map[string]any) {
		properties, _ := of["properties"].(map[string]any)
		for key, p := range properties {
			if d, _ := p.(map[string]any)["description"].(string); d == "" {
				t.Errorf("%s.%s has no description", at, key)
			}
		}
	}
	data, err := os.ReadFile(schemaFile)
	if err != nil {
		t.Fatal(err)
	}
	var schema map[string]any
	if err := json.Unmarshal(data, &schema); err != nil {
		t.Fatal(err)
	}
	walk("", schema)
	for name, def := range schema["$defs"].(map[string]any) {
		walk(name, def.(map[string]any))
	}
}

func TestRulesAreThoseOfTextsAndNumbers(t *testing.T) {
	seen := map[reflect.Type]bool{}
	var walk func(reflect.Type)
	walk = func(of reflect.Type) {
		if seen[of] {
			return
		}
		seen[of] = true
		switch of.Kind() {
		case reflect.Struct:
			for i := range of.NumField() {
				walk(of.Field(i).Type)
			}
		case reflect.Pointer, reflect.Slice, reflect.Map:
			walk(of.Elem())
		case reflect.String, reflect.Int:
			if of.Name() != "string" && config.Schema(of) == nil {
				t.Errorf("%s has no rule", of)
			}
		case reflect.Bool:
		default:
			t.Errorf("%s is of a kind that the reader cannot read", of)
		}
	}
	walk(reflect.TypeFor[config.Document]())
}

// TestSchemaAgreesWithTheReader holds the schema against every case of the corpus: what
// the reader takes the schema takes, and what the schema cannot see is listed here.
func TestSchemaAgreesWithTheReader(t *testing.T) {
	beyond := map[string]bool{ // across values, outside the file, or in the text itself
		"default_roles_of_another_account": true, "duplicate_keys": true, "duplicate_names": true, "duplicate_tags": true,
		"one_stack_claimed_twice": true, "patterns": true, "reserved_stack": true, "target_missing": true, "too_many_tags": true, "two_documents": true,
	}
	schema := compile(t)
	files, err := filepath.Glob("testdata/*/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	accepted := map[string]bool{}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".txtar")
		archive, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		data := section(archive, config.Name)
		var value any
		if err := yaml.UnmarshalWithOptions(data, &value, yaml.AllowDuplicateMapKey()); err != nil {
			continue // no YAML, so nothing for a schema
		}
		_, problems := config.Parse(data)
		refusal := schema.Validate(plain(t, value))
		if len(problems) == 0 && refusal != nil {
			t.Errorf("%s: the reader takes it, the schema says %v", name, refusal)
		}
		if len(problems) > 0 && refusal == nil {
			accepted[name] = true
		}
	}
	if diff := cmp.Diff(slices.Sorted(maps.Keys(beyond)), slices.Sorted(maps.Keys(accepted))); diff != "" {
		t.Errorf("what the schema takes and the reader refuses (-listed +found):\n%s", diff)
	}
}

func TestStarterIsAccepted(t *testing.T) {
	root := os.DirFS("../../templates/starter")
	data, err := os.ReadFile("../../templates/starter/" + config.Name)
	if err != nil {
		t.Fatal(err)
	}
	if first, _, _ := strings.Cut(string(data), "\n"); first != "# yaml-language-server: $schema="+schemaURL {
		t.Errorf("the first line is %q, which names no schema to an editor", first)
	}
	for _, p := range config.Read(data, root).Problems {
		t.Error(p)
	}
	var value any
	if err := yaml.Unmarshal(data, &value); err != nil {
		t.Fatal(err)
	}
	if err := compile(t).Validate(plain(t, value)); err != nil {
		t.Error(err)
	}
}

func compile(t *testing.T) *validator.Schema {
	t.Helper()
	schema, err := validator.NewCompiler().Compile(schemaFile)
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// plain returns a value as JSON has it.
func plain(t *testing.T, value any) any {
	t.Helper()
	data, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	v, err := validator.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	return v
}
