package template_test

import (
	"encoding/json"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/driftless-gitops/driftless/internal/template"
)

// edited makes the edits of a script, "set path value" and the like, a line each; the value is
// JSON, or else a text.
func edited(t *testing.T, name string, data []byte, script string) (template.Source, error) {
	t.Helper()
	s, err := template.ReadSource(name, data)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(script) {
		verb, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		at, value, _ := strings.Cut(rest, " ")
		path := strings.Split(at, ".")
		switch verb {
		case "set":
			s, err = s.Set(path, decoded(value))
		case "insert":
			s, err = s.Insert(path, decoded(value))
		case "remove":
			s, err = s.Remove(path)
		case "":
		default:
			t.Fatalf("there is no edit %q", verb)
		}
		if err != nil {
			return s, err
		}
	}
	return s, nil
}

func decoded(text string) any {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return text
	}
	if n, ok := v.(json.Number); ok {
		return n.String() // as a report has it
	}
	return v
}

// Each archive is a source, the edits, and what comes of them: the file, or why there is none.
func TestAnEditChangesNothingElse(t *testing.T) {
	files, err := filepath.Glob("testdata/edits/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d archives, %v", len(files), err)
	}
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(strings.TrimSpace(string(archive.Comment)), func(t *testing.T) {
			before, edits, want := archive.Files[0], archive.Files[1], archive.Files[2]
			s, err := edited(t, before.Name, before.Data, string(edits.Data))
			got := string(s.Bytes())
			if err != nil {
				got = err.Error() + "\n"
			}
			if diff := cmp.Diff(string(want.Data), got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", file, diff)
			}
			var refused *template.Error
			if err != nil && !errors.As(err, &refused) {
				t.Errorf("%v has no place", err)
			}
		})
	}
}

func TestAFileKeepsItsLastLineAsItIs(t *testing.T) {
	const before = "\xef\xbb\xbfResources:\n  Queue:\n    Type: AWS::SQS::Queue\n    Properties:\n      Name: a"
	for edits, want := range map[string]string{
		"set Resources.Queue.Properties.Name b":      strings.Replace(before, "Name: a", "Name: b", 1),
		"insert Resources.Queue.Properties.Other b":  before + "\n      Other: b",
		"insert Resources.Queue.DeletionPolicy Keep": before + "\n    DeletionPolicy: Keep",
	} {
		s, err := edited(t, "t.yaml", []byte(before), edits)
		if err != nil || string(s.Bytes()) != want {
			t.Errorf("%s: %v\n%q\nwant\n%q", edits, err, s.Bytes(), want)
		}
	}
}
