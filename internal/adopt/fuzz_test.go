package adopt_test

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/driftless-gitops/driftless/internal/adopt"
	"github.com/driftless-gitops/driftless/internal/fuzzing"
	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/template"
)

// paths returns the paths of at most so many places of a source.
func paths(s template.Source, at []string, most int) [][]string {
	var all [][]string
	spot := s.At(at...)
	names := spot.Keys
	for i := range spot.Len {
		names = append(names, strconv.Itoa(i))
	}
	for _, name := range names {
		below := append(append([]string(nil), at...), name)
		if all = append(all, below); len(all) >= most || len(below) > 12 {
			break
		}
		all = append(all, paths(s, below, most-len(all))...)
	}
	return all
}

// outside returns how many bytes two texts have in common at their beginning and their end.
func outside(a, b []byte) int {
	least, n, m := min(len(a), len(b)), 0, 0
	for n < least && a[n] == b[n] {
		n++
	}
	for m < least-n && a[len(a)-1-m] == b[len(b)-1-m] {
		m++
	}
	return n + m
}

// kept fails the test where an edit changed more than it was about.
func kept(t *testing.T, before, after template.Source, verb string, path []string) {
	t.Helper()
	for _, at := range before.Differs(after) {
		if n := min(len(at), len(path)); !slices.Equal(at[:n], path[:n]) {
			t.Errorf("%s %q changed %q:\n%q\n%q", verb, path, at, before.Bytes(), after.Bytes())
		}
	}
	same := outside(before.Bytes(), after.Bytes())
	switch verb {
	case "insert":
		if same < len(before.Bytes()) {
			t.Errorf("insert %v took something away:\n%q\n%q", path, before.Bytes(), after.Bytes())
		}
	case "remove":
		if parent := after.At(path[:len(path)-1]...); same < len(after.Bytes()) && len(parent.Keys)+parent.Len > 0 {
			t.Errorf("remove %v added something:\n%q\n%q", path, before.Bytes(), after.Bytes())
		}
	}
}

// edits makes each kind of edit at one of the places of a source.
func edits(t *testing.T, s template.Source, which uint8, value string) {
	t.Helper()
	all := paths(s, nil, 256)
	if len(all) == 0 {
		return
	}
	path := all[int(which)%len(all)]
	beside := append(append([]string(nil), path[:len(path)-1]...), "Beside")
	if _, err := strconv.Atoi(path[len(path)-1]); err == nil && s.At(path[:len(path)-1]...).Len > 0 {
		beside = path
	}
	for verb, edit := range map[string]func() (template.Source, error){
		"set": func() (template.Source, error) { return s.Set(path, value) },
		"insert": func() (template.Source, error) {
			return s.Insert(beside, map[string]any{"A": value, "B": []any{true, value}})
		},
		"remove": func() (template.Source, error) { return s.Remove(path) },
	} {
		after, err := edit()
		if err != nil {
			if !bytes.Equal(after.Bytes(), s.Bytes()) {
				t.Errorf("%s was refused, and changed something", verb)
			}
			continue
		}
		at := path
		if verb == "insert" {
			at = beside
		}
		kept(t, s, after, verb, at)
		if got := after.At(path...); verb == "set" && (got.Form != template.Scalar || got.Text != value) {
			t.Errorf("set %v to %q, and it is %+v:\n%q", path, value, got, after.Bytes())
		}
	}
}

// FuzzEdit edits a template in one place, in each way, or adopts one difference into a Terraform
// configuration: what comes of it is read, and nothing else is changed.
func FuzzEdit(f *testing.F) {
	for _, pattern := range []string{"testdata/*.txtar", "../template/testdata/edits/*.txtar"} {
		archives, _ := filepath.Glob(pattern)
		for i, name := range archives {
			a, err := txtar.ParseFile(name)
			if err != nil {
				f.Fatal(err)
			}
			for _, file := range a.Files {
				f.Add(file.Data, strings.HasSuffix(file.Name, ".tf"), uint8(i*7), "5")
				f.Add(file.Data, strings.HasSuffix(file.Name, ".tf"), uint8(i*5), "a: b\n# c\n")
			}
		}
	}
	f.Add([]byte("resource \"aws_sqs_queue\" \"jobs\" {\n a = "+strings.Repeat("[", 20_000)), true, uint8(0), "1")
	for which := range uint8(4) { // keys that have the look of a path, or of none
		f.Add([]byte(".:\n  Group:"), false, which, ".")
		f.Add([]byte("a.b: 1\na:\n  b: 1\n\"\":\n  \"\": 1\n"), false, which, "2")
	}
	f.Fuzz(func(t *testing.T, data []byte, terraform bool, which uint8, value string) {
		value = strings.ToValidUTF8(value, "")
		fuzzing.Bounded(t, 4*len(data), func() {
			if terraform {
				configured(t, data, which, value)
				return
			}
			s, err := template.ReadSource("t.yaml", data)
			if err != nil {
				return
			}
			edits(t, s, which, value)
			templated(t, s, which, value)
		})
	})
}

// attributes are those that the archives' configurations have, with what they say.
var attributes = [][2]string{{"/name", "jobs"}, {"/name", "web"}, {"/visibility_timeout_seconds", "30"}, {"/message_retention_seconds", "600"}, {"/fifo_queue", "false"},
	{"/gone", "x"}, {"/empty", `""`}, {"/tags/Name", "jobs"}, {"/tags/Old", "x"}, {"/tags/new", ""}, {"/lists/1", "a"}, {"/lists/3", ""}, {"/cidrs/0", "10.0.0.0/8"},
	{"/cidrs/2", ""}, {"/rule/0/days", "5"}, {"/spread/a", "1"}, {"/spread/b", "2"}, {"/empty_map/a", ""}, {"/empty_list/0", ""}}

// configured adopts one difference into a configuration.
func configured(t *testing.T, data []byte, which uint8, live string) {
	t.Helper()
	d := attributes[int(which)%len(attributes)]
	s := gitops.Settings{Name: "a", Path: ".", Engine: gitops.EngineTerraform}
	for _, address := range []string{"aws_sqs_queue.jobs", "aws_security_group.web"} {
		held(t, fstest.MapFS{"main.tf": {Data: data}}, s, address, "aws", gitops.Difference{Path: d[0], Declared: d[1], Live: live})
	}
}

// templated adopts one difference into a template.
func templated(t *testing.T, source template.Source, which uint8, live string) {
	t.Helper()
	s := gitops.Settings{Name: "a", Path: ".", Engine: gitops.EngineCloudFormation, CloudFormation: gitops.CloudFormation{Template: "t"}}
	for _, id := range source.At("Resources").Keys {
		all := paths(source, []string{"Resources", id, "Properties"}, 64)
		if len(all) == 0 {
			continue
		}
		at := all[int(which)%len(all)]
		held(t, fstest.MapFS{"t": {Data: source.Bytes()}}, s, id, source.At("Resources", id, "Type").Text,
			gitops.Difference{Path: "/" + strings.Join(at[3:], "/"), Declared: source.At(at...).Text, Live: live})
	}
}

// held adopts a difference, which may be left, but breaks nothing.
func held(t *testing.T, files fstest.MapFS, s gitops.Settings, id, kind string, d gitops.Difference) {
	t.Helper()
	r, err := adopt.From(files, s, gitops.DriftReport{Resources: []gitops.ResourceDrift{{LogicalID: id, Type: kind, Status: gitops.ResourceModified,
		Properties: []gitops.Difference{d}}}})
	if err != nil {
		t.Fatalf("an edit changes something else, or breaks the file: %v", err)
	}
	if len(r.Written)+len(r.Left) == 0 && len(r.Files) > 0 || len(r.Written) == 0 && len(r.Files) > 0 {
		t.Errorf("%+v is edited, and nobody is told", d)
	}
	if len(r.Body()) > 10_240 {
		t.Errorf("the body has %d bytes", len(r.Body()))
	}
}

// Templates that others wrote, where they are at hand.
func TestARealTemplateKeepsEveryOtherByte(t *testing.T) {
	files, _ := filepath.Glob("../../../shared/real/*.y*ml")
	more, _ := filepath.Glob("../../../shared/real/aws/*.y*ml")
	files = append(files, more...)
	if len(files) == 0 {
		t.Skip("NOT TESTED with templates that others wrote: there is no ../shared/real beside the project")
	}
	asked, done := 0, 0
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		s, err := template.ReadSource(file, data)
		if err != nil {
			t.Fatal(err)
		}
		for which, path := range paths(s, nil, 256) {
			if s.At(path...).Form != template.Scalar {
				continue
			}
			asked++
			if _, err := s.Set(path, "by hand: 5"); err == nil {
				done++
			}
			if which%8 == 0 {
				edits(t, s, uint8(which), "by hand: 5")
			}
		}
	}
	if t.Logf("%d of %d values of %d templates can be edited", done, asked, len(files)); done*10 < asked*9 {
		t.Error("those are less than nine of ten")
	}
}
