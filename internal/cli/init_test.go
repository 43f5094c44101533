package cli

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/driftless-gitops/driftless/internal/propose"
)

// TestWhatIsProposedOfOthersTemplatesValidates proposes for the templates beside this
// repository, where there are any, and for this repository's own.
func TestWhatIsProposedOfOthersTemplatesValidates(t *testing.T) {
	dirs := []string{"../../templates/starter", "../../templates"}
	if _, err := os.Stat("../../../shared/real"); err == nil {
		dirs = append(dirs, "../../../shared/real")
	}
	for _, dir := range dirs {
		for _, perDirectory := range []bool{false, true} {
			files := os.DirFS(dir)
			found, err := propose.Find(files, nil)
			if err != nil {
				t.Fatal(err)
			}
			p := proposal{Found: found}
			if err := p.settle(files, dir, propose.Layout{PerDirectory: perDirectory}); err != nil {
				t.Errorf("%s: %v", dir, err)
			}
			v, err := validate(over(files, p.Configuration), dir)
			if err != nil || len(v.Problems) > 0 || v.Applications == 0 || v.Applications != len(p.Deployable()) {
				t.Errorf("%s: %d applications of %d, %v, %v", dir, v.Applications, len(p.Deployable()), v.Problems, err)
			}
		}
	}
}

func TestAWaitingPersonIsToldHowFarTheSearchIs(t *testing.T) {
	for says, c := range map[string]struct {
		pass time.Duration
		tty  bool
		want string
	}{
		"after two seconds":         {3 * time.Second, true, "looked at 5000 files in 3s\n"},
		"not before":                {time.Second, true, ""},
		"not where nobody is there": {3 * time.Second, false, ""},
	} {
		t.Run(says, func(t *testing.T) {
			now := time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)
			var errs bytes.Buffer
			f := &flags{Config: Config{Stderr: &errs, TtyErr: c.tty, Now: func() time.Time { return now }}}
			tell := f.searching()
			now = now.Add(c.pass)
			tell(5000)
			tell(6000)
			if errs.String() != c.want {
				t.Errorf("told %q, want %q", errs.String(), c.want)
			}
		})
	}
}

func TestAnOverlayShowsWhatWasPutOverIt(t *testing.T) {
	under := fstest.MapFS{"driftless.yaml": {Data: []byte("old")}, "a/template.yaml": {Data: []byte("x")}, "a/z": {}}
	o := over(under, []propose.File{{Name: "driftless.yaml", Text: "new"}, {Name: "a/driftless.yaml", Text: "of a"}})
	for dir, want := range map[string][]string{".": {"a", "driftless.yaml"}, "a": {"driftless.yaml", "template.yaml", "z"}} {
		entries, err := fs.ReadDir(o, dir)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, e := range entries {
			got = append(got, e.Name())
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s has %v, want %v", dir, got, want)
		}
	}
	if info, err := fs.Stat(o, "a/driftless.yaml"); err != nil || info.Size() != 4 || !info.Mode().IsRegular() {
		t.Errorf("a/driftless.yaml is %v, %v", info, err)
	}
	f, err := o.Open("driftless.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if data, err := io.ReadAll(f); string(data) != "new" || err != nil {
		t.Errorf("driftless.yaml is %q, %v", data, err)
	}
}

func TestLongListsAreCutForPeople(t *testing.T) {
	dir := t.TempDir()
	for i := range 25 {
		sub := filepath.Join(dir, fmt.Sprintf("s%d", i))
		if err := os.MkdirAll(sub, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(sub, "template.yaml"), []byte("Resources:\n  Queue: { Type: AWS::SQS::Queue }\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var out bytes.Buffer
	f := &flags{Config: Config{Stdout: &out, Stderr: io.Discard, Now: time.Now, Env: func(string) string { return "" }}}
	if err := (initialise{dryRun: true}).run(f, dir); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "  and 5 more, which --output json has\n") {
		t.Errorf("shown is\n%s", out.String())
	}
}
