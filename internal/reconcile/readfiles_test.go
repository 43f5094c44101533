package reconcile

import (
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/driftless-gitops/driftless/internal/gitops"
)

// oneObject is a snapshot all of whose entries have one object.
type oneObject struct {
	Snapshot
	tree fstest.MapFS
}

func (a oneObject) Tree() fs.FS                   { return a.tree }
func (a oneObject) Object(string) (string, error) { return "0a1b", nil }

func TestOnlyARegularFileOfTheSameRepositoryIsTakenForOneThatWasRead(t *testing.T) {
	s := oneObject{tree: fstest.MapFS{"driftless.yaml": {}, "link.yaml": {Mode: fs.ModeSymlink}, "folder/more": {}}}
	one, other := gitops.Repository{ID: "one"}, gitops.Repository{ID: "other"}
	var f readFiles
	f.put(whichFile(one, s, "driftless.yaml"), []byte("version: 1\n"))
	if data, read := f.get(whichFile(one, s, "driftless.yaml")); !read || string(data) != "version: 1\n" {
		t.Errorf("the file is kept as %q, %t", data, read)
	}
	if _, read := f.get(whichFile(other, s, "driftless.yaml")); read {
		t.Error("another repository has read it")
	}
	for _, name := range []string{"link.yaml", "folder", "missing.yaml"} {
		if key := whichFile(one, s, name); key != "" {
			t.Errorf("%s is kept under %q", name, key)
		}
	}
	f.put("", []byte("x"))
	if _, read := f.get(""); read {
		t.Error("what has no key was kept")
	}
}

func TestWhatIsKeptOfFilesIsBounded(t *testing.T) {
	var f readFiles
	f.put("large", make([]byte, maxReadFiles/8+1))
	if _, read := f.get("large"); read {
		t.Error("a file of an eighth of all was kept")
	}
	for i := range 1000 {
		f.put(strings.Repeat("k", i+1), make([]byte, maxReadFiles/100))
		sum := 0
		for _, data := range f.files {
			sum += len(data)
		}
		if sum != f.bytes || sum > maxReadFiles {
			t.Fatalf("%d bytes are kept, %d are counted, of %d at most", sum, f.bytes, maxReadFiles)
		}
	}
}
