package runner

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// book returns a log of which every upload is noted.
func book(t *testing.T) (l *logbook, uploads *[]string) {
	t.Helper()
	f, err := os.OpenFile(filepath.Join(t.TempDir(), "log"), os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	uploads = &[]string{}
	return &logbook{file: f, put: func(_ context.Context, data []byte) error {
		*uploads = append(*uploads, string(bytes.Clone(data)))
		return nil
	}}, uploads
}

func TestALogIsUploadedAsItGrowsByWholeLines(t *testing.T) {
	l, uploads := book(t)
	for _, text := range []string{"one\n", "", "half", " a line\n"} {
		l.printf("%s", text)
		if err := l.upload(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff([]string{"one\n", "one\nhalf a line\n"}, *uploads); diff != "" {
		t.Error(diff)
	}
}

func TestWhatAPlanPrintsOfValuesIsHeldBackUntilItIsKnownWhatIsSecret(t *testing.T) {
	for name, c := range map[string]struct{ prints, before string }{
		"a plan":               {"refreshing\n\nTerraform used the selected providers to generate\n  + secret\n", "refreshing\n\n"},
		"OpenTofu's":           {"OpenTofu used the selected providers to generate\n  + secret\n", ""},
		"a look for drift":     {"Note: Objects have changed outside of Terraform\n  + secret\n", ""},
		"outputs alone":        {"Changes to Outputs:\n  + secret\n", ""},
		"a plan that failed":   {"Terraform planned the following actions, but then encountered a problem:\n secret\n", ""},
		"a plan of no changes": {"No changes.\n", "No changes.\n"},
	} {
		t.Run(name, func(t *testing.T) {
			l, uploads := book(t)
			l.printf("Changes to Outputs:\nof an earlier call\n")
			l.holdBack(values)
			l.printf("%s", c.prints)
			earlier := "Changes to Outputs:\nof an earlier call\n"
			for _, want := range []string{earlier + c.before, earlier + c.prints} {
				if err := l.upload(t.Context()); err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(want, (*uploads)[len(*uploads)-1]); diff != "" {
					t.Error(diff)
				}
				l.holdBack(nil)
			}
		})
	}
}

func TestALogHasAnEnd(t *testing.T) {
	l, uploads := book(t)
	l.printf("%s", strings.Repeat(strings.Repeat("x", 1023)+"\n", maxLog>>10))
	l.printf("one line more\n")
	for range 2 {
		if err := l.upload(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if len(*uploads) != 1 || len((*uploads)[0]) > maxLog+100 || !strings.HasSuffix((*uploads)[0], "x\n(cut here: a log holds at most 4194304 bytes)\n") {
		t.Errorf("%d uploads, the first of %d bytes", len(*uploads), len((*uploads)[0]))
	}
}
