package propose_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/driftless-gitops/driftless/internal/config"
	"github.com/driftless-gitops/driftless/internal/propose"
)

const queue = "Resources:\n  Queue: { Type: AWS::SQS::Queue }\n"

// put writes a file below a directory.
func put(t *testing.T, dir, name, text string) {
	t.Helper()
	full := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(full), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(full, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// names returns the names of what can be deployed.
func names(f propose.Found) []string {
	var names []string
	for _, a := range f.Deployable() {
		names = append(names, a.Name)
	}
	return names
}

func TestWhatIsNoPlainFileIsNotLookedInto(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, "jobs/template.yaml", queue)
	put(t, dir, "other/.git", "gitdir: elsewhere")
	put(t, dir, "other/template.yaml", queue)
	put(t, dir, ".terraform/modules/x/template.yaml", queue)
	put(t, dir, "large/template.yaml", queue+strings.Repeat("#", 1<<20))
	put(t, dir, "odd\nname/template.yaml", queue)
	put(t, dir, "pattern[1]/template.yaml", queue)
	for link, to := range map[string]string{"link.yaml": "jobs/template.yaml", "loop": ".", "jobs/up": "..", "gone.yaml": "nowhere"} {
		if err := os.Symlink(to, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	found, err := propose.Find(os.DirFS(dir), nil)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"jobs"}, names(found)); diff != "" {
		t.Errorf("applications (-want +got):\n%s", diff)
	}
	want := []propose.Passed{{Path: "odd\nname/template.yaml", Why: "its path holds a character that a driftless.yaml cannot name"}, {Path: "other", Why: "a submodule; its files are in another repository"}, {Path: "pattern[1]/template.yaml", Why: "its path holds a character that a driftless.yaml cannot name"}}
	if diff := cmp.Diff(want, found.Passed); diff != "" {
		t.Errorf("passed over (-want +got):\n%s", diff)
	}
}

// unreadable cannot read what is below a directory.
type unreadable struct {
	fstest.MapFS
	dir string
	err error
}

func (u unreadable) ReadDir(name string) ([]fs.DirEntry, error) {
	if name == u.dir {
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: u.err}
	}
	return u.MapFS.ReadDir(name)
}

func TestADirectoryThatMayNotBeReadIsPassedOver(t *testing.T) {
	files := fstest.MapFS{"a/template.yaml": {Data: []byte(queue)}, "secret/template.yaml": {Data: []byte(queue)}}
	found, err := propose.Find(unreadable{files, "secret", fs.ErrPermission}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]propose.Passed{{Path: "secret", Why: "it may not be read"}}, found.Passed); diff != "" || len(found.Applications) != 1 {
		t.Errorf("%v, passed over (-want +got):\n%s", names(found), diff)
	}
	broken := errors.New("input/output error")
	if _, err := propose.Find(unreadable{files, "secret", broken}, nil); !errors.Is(err, broken) {
		t.Errorf("the error is %v", err)
	}
}

func TestMoreApplicationsThanAreProposedAreCounted(t *testing.T) {
	dir := t.TempDir()
	for i := range 1001 {
		put(t, dir, fmt.Sprintf("s/a%04d/template.yaml", i), queue)
	}
	told := 0
	found, err := propose.Find(os.DirFS(dir), func(files int) { told = files })
	if err != nil {
		t.Fatal(err)
	}
	if n := len(found.Applications); n != 1000 || len(found.Passed) != 1 || found.Passed[0].Path != "s/a1000/template.yaml" {
		t.Errorf("%d applications, passed over %v", n, found.Passed)
	}
	if told != 1000 {
		t.Errorf("progress was told of %d files", told)
	}
}

func TestEveryNameIsAllowedAndItsOwn(t *testing.T) {
	files := fstest.MapFS{}
	for _, dir := range []string{strings.Repeat("long", 40), strings.Repeat("long", 40) + "er", "stack", "stacks/stack", "--", "__", "1", "ÄÖ", "a.b", "a-b", "a_b", "A B", "null", "stacks"} {
		files[path.Join(dir, "template.yaml")] = &fstest.MapFile{Data: []byte(queue)}
	}
	found, err := propose.Find(files, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range found.Write(layout) {
		files[f.Name] = &fstest.MapFile{Data: []byte(f.Text)}
	}
	c := config.Load(files, func(name string) ([]byte, error) { return fs.ReadFile(files, name) })
	if len(c.Problems) > 0 || len(c.Applications) != 14 {
		t.Errorf("%d applications, %v", len(c.Applications), c.Problems)
	}
}

func TestWhatIsLeftOutIsWrittenAsACommentWithItsReason(t *testing.T) {
	files := fstest.MapFS{"a/template.yaml": {Data: []byte(queue)}, "b/template.yaml": {Data: []byte(queue)}}
	found, err := propose.Find(files, nil)
	if err != nil {
		t.Fatal(err)
	}
	found.LeaveOut("b", "it is\nbroken: *x\n- name: c")
	found.LeaveOut("b", "another reason")
	written := found.Write(propose.Layout{})
	if !strings.Contains(written[0].Text, "\n  # b/template.yaml: it is broken: *x - name: c\n  # - name: b\n  #   path: b\n  #   cloudformation: {}\n") {
		t.Errorf("written is\n%s", written[0].Text)
	}
	found.LeaveOut("a", "too")
	if written := found.Write(propose.Layout{}); written != nil {
		t.Errorf("a file without applications was written: %v", written)
	}
}
