package main_test

import (
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/driftless-gitops/driftless/internal/aws/awstest"
	"github.com/driftless-gitops/driftless/internal/aws/dynamodb"
	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

// A limit on the size of a file stands for a disk that is full: either way a write fails that
// began well. No file may grow beyond a megabyte, which one of the repositories needs.
func TestR19_AFullDiskIsToldOfWhatNeedsItAndHoldsUpNothingElse(t *testing.T) {
	const limit = "ulimit -f 2048" // of 512 bytes
	cfg := awstest.Moto(t)
	store := installation(t, cfg)
	large, small := watch(t, store, serve(t, noise("large", 3<<20))), watch(t, store, serve(t, noise("small", 100)))
	process, _ := reconciler(t, cfg, limit)
	for range 2 {
		for _, repo := range []gitops.Repository{large, small} {
			invoke(t, process, reconcile.Message{Repository: repo.ID, Reason: "pushed"})
		}
	}
	if got, err := store.Repository(t.Context(), large.ID); err != nil || !strings.Contains(got.Trouble, "file too large") {
		t.Errorf("of the repository that is too large it says %q, %v", got.Trouble, err)
	}
	invoke(t, process, reconcile.Message{Application: "small", Reason: "wanted"})
	done(t, store, "small")

	roomy, _ := reconciler(t, cfg, "")
	invoke(t, roomy, reconcile.Message{Repository: large.ID, Reason: "swept"})
	process, log := reconciler(t, cfg, limit)
	invoke(t, process, reconcile.Message{Application: "large", Reason: "wanted"})
	if said := log(); !strings.Contains(said, "file too large") || !strings.Contains(said, `"app":"large"`) {
		t.Errorf("the log does not tell what was too large:\n%s", said)
	}
	if a, err := store.Application(t.Context(), "large"); err != nil || a.Ended.Deployment != "" {
		t.Errorf("a disk that is full ended a deployment: %+v, %v", a.Ended, err)
	}
	invoke(t, roomy, reconcile.Message{Application: "large", Reason: "swept"})
	done(t, store, "large")
}

// done fails unless an application's deployment ended, which is where there are no plans.
func done(t *testing.T, store *dynamodb.Store, id string) {
	t.Helper()
	a, err := store.Application(t.Context(), id)
	if err != nil || a.Wanted.Seq == 0 || a.Ended.Seq != a.Wanted.Seq || !strings.Contains(a.Ended.Reason, "no plans") {
		t.Errorf("application %s is not done: wanted %d, ended %+v, %v", id, a.Wanted.Seq, a.Ended, err)
	}
}

// noise returns a commit with one application, whose files do not compress.
func noise(app string, size int) func(io.Writer) {
	content := make([]byte, size)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(content) // it never fails
	files := map[string][]byte{"template.yaml": []byte("Resources: { Queue: { Type: AWS::SQS::Queue } }\n")}
	for i := range 1 + (size-1)>>20 { // a file may have a megabyte
		files[fmt.Sprint("noise/", i)] = content[i<<20 : min(size, (i+1)<<20)]
	}
	return commit(app, files)
}

// commit writes the commit of one application as "git fast-import" reads it.
func commit(app string, files map[string][]byte) func(io.Writer) {
	return func(w io.Writer) {
		file := func(name string, content []byte) {
			fmt.Fprintf(w, "M 100644 inline %s\ndata %d\n%s\n", name, len(content), content)
		}
		fmt.Fprint(w, "commit refs/heads/main\ncommitter Ada <ada@example.com> 1763631667 +0000\ndata 1\nx\n")
		file("driftless.yaml", fmt.Appendf(nil, "version: 1\napplications:\n  - { name: %s, path: app, target: { account: \"%s\", region: %s }, cloudformation: {} }\n",
			app, account, awstest.Region))
		for name, content := range files {
			file("app/"+name, content)
		}
		fmt.Fprintln(w, "done")
	}
}
