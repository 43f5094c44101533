package cli

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

func numbered(n int) []string {
	var names []string
	for i := range n {
		names = append(names, fmt.Sprintf("a/%d/f%d", i%100, i))
	}
	return names
}

func TestCapsOfAPushAreToldBeforeIt(t *testing.T) {
	deep := strings.Repeat("d/", 30)
	for says, c := range map[string]struct {
		files []string
		want  []string
	}{
		"as many files as are read":         {numbered(10_000), nil},
		"one file more":                     {numbered(10_001), []string{".: more than 10000 files, the most that is read"}},
		"as deep as is read":                {[]string{"a/" + deep + "f"}, nil},
		"one deeper":                        {[]string{"a/" + deep + "d/f"}, []string{"a/" + deep + "d/f: lies 33 deep; at most 32 is read"}},
		"names apart in case":               {[]string{"a/X/y", "a/x"}, []string{`a/x: differs from "X" in case alone`}},
		"a name of git's":                   {[]string{"a/git~1/f"}, []string{"a/git~1: a directory of git's own inside the tree"}},
		"a name that reads as another":      {[]string{"a/x\u202ey"}, []string{`"a/x\u202ey": its name holds a character that changes the direction of text or its lines`}},
		"a name that is too long":           {[]string{"a/" + strings.Repeat("n", 256)}, []string{"a/" + strings.Repeat("n", 256) + ": its name has 256 bytes; at most 255 are read"}},
		"what lies beside a worktree's own": {[]string{".git", "a/f", "a/git~1"}, []string{"a/git~1: a directory of git's own inside the tree"}},
		"one name in two places":            {[]string{"a/x/z", "a/y/z"}, nil},
	} {
		t.Run(says, func(t *testing.T) {
			files := fstest.MapFS{}
			for _, name := range c.files {
				files[name] = &fstest.MapFile{}
			}
			problems, err := unreadable(files, t.TempDir(), []string{"."})
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, p := range problems {
				got = append(got, p.String())
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
		})
	}
}

func TestFilesThatGitIgnoresAreNotCounted(t *testing.T) {
	dir := t.TempDir()
	if out, err := exec.Command("git", "init", "--quiet", dir).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if err := os.WriteFile(filepath.Join(dir, ".gitignore"), []byte("f1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	files := fstest.MapFS{}
	for _, name := range numbered(10_001) {
		files[name] = &fstest.MapFile{}
	}
	problems, err := unreadable(files, dir, []string{"a"})
	if err != nil || len(problems) > 0 {
		t.Errorf("%v, %v", problems, err)
	}
}

func TestATooLargeTemplateIsToldOnce(t *testing.T) {
	dir := t.TempDir()
	large := append([]byte("Resources: {}\n"), bytes.Repeat([]byte("#\n"), largestFile/2)...)
	for name, data := range map[string][]byte{
		"driftless.yaml": []byte("version: 1\ndefaults: {target: {account: '111122223333', region: eu-west-1}}\n" +
			"applications: [{name: jobs, path: jobs, cloudformation: {template: template.yaml}}]\n"),
		"jobs/template.yaml": large,
	} {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	v, _, err := validateRepository([]string{dir})
	if err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf("the file has %d bytes; at most 1000000 are allowed", len(large))
	if len(v.Problems) != 1 || v.Problems[0].Message != want {
		t.Errorf("got %v", v.Problems)
	}
}
