package e2e_test

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/driftless-gitops/driftless/internal/demo"
	"github.com/driftless-gitops/driftless/internal/sandbox"
	"github.com/driftless-gitops/driftless/internal/sandbox/access"
	"github.com/driftless-gitops/driftless/internal/sandbox/lambda/policy"
	"github.com/driftless-gitops/driftless/internal/sentinel"
)

// vault holds the secrets that the tests feed in.
var vault = &sentinel.Vault{}

// Tokens of people, which the forges take.
var (
	forgeToken = vault.Plant("the token of a forge")
	labToken   = vault.Plant("the token of GitLab")
)

// witness remembers what Driftless asked for and what it let out, for the tests that come last.
type witness struct {
	mu      sync.Mutex
	asked   map[string]map[string]policy.Request // by role and the request's text
	unknown map[string]bool                      // calls that nobody can judge
	denied  map[string]bool
	outputs []sentinel.Output
	told    map[[sha256.Size]byte]bool // bodies that are among the outputs already
}

var seen = &witness{asked: map[string]map[string]policy.Request{}, unknown: map[string]bool{}, denied: map[string]bool{}, told: map[[sha256.Size]byte]bool{}}

// watch is shown every request that comes through the gateway of the sandbox that the tests
// share, listen those of another one.
func (w *witness) watch(x sandbox.Exchange) {
	w.listen(x)
	role, ours := ourRole(x.By.RoleARN)
	if !ours {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.asked[role] == nil {
		w.asked[role] = map[string]policy.Request{}
	}
	for _, r := range x.Asked {
		w.asked[role][access.String(r)] = r
	}
}

// listen takes what a role of Driftless sends for an output, and what a function's address
// answers too. What is refused and what nobody can judge is remembered.
func (w *witness) listen(x sandbox.Exchange) {
	if x.Service == "url" {
		w.output(sentinel.Output{Where: "an answer of " + x.Path, Body: x.Out})
		return
	}
	role, ours := ourRole(x.By.RoleARN)
	if !ours {
		return
	}
	vault.Keep("the secret key of a session of "+role+" "+x.By.AccessKey, x.By.SecretKey)
	vault.Keep("the token of a session of "+role+" "+x.By.AccessKey, x.By.SessionToken)
	w.output(sentinel.Output{Where: fmt.Sprintf("%s %s %s of %s", x.Service, x.Action, x.Path, role), Body: x.In, FilesOfGit: holdsFiles(x)})
	w.mu.Lock()
	defer w.mu.Unlock()
	if !x.Known {
		w.unknown[fmt.Sprintf("%s: %s %s %s %s", role, x.Service, x.Action, x.Method, x.Path)] = true
	}
	if x.Denied != "" {
		w.denied[role+": "+x.Denied] = true
	}
}

// holdsFiles reports whether a request hands over files of a repository by design: a bundle,
// what a template names, the template and its parameters themselves.
func holdsFiles(x sandbox.Exchange) bool {
	return x.Service == "cloudformation" || x.Service == "s3" && filesOfGit(strings.TrimPrefix(x.Path, "/"))
}

// filesOfGit reports whether an object, named by its bucket and key, holds files of a repository.
func filesOfGit(object string) bool {
	bucket, key, _ := strings.Cut(object, "/")
	return strings.HasPrefix(bucket, "driftless-artefacts-") || strings.HasPrefix(key, "bundles/")
}

// ourRole returns the short name of a role of the installation, such as "reconciler" or
// "driftless-deploy".
func ourRole(arn string) (string, bool) {
	name := arn[strings.LastIndex(arn, "/")+1:]
	if strings.HasPrefix(name, "driftless-") {
		return name, true
	}
	function, rest, ok := strings.Cut(strings.TrimPrefix(name, "Driftless-"), "Role")
	return function, ok && rest != "" && strings.HasPrefix(name, "Driftless-")
}

// missed reports whether a role was told that an object of a bucket is not there.
func (w *witness) missed(role, bucket string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, r := range w.asked[role] {
		if r.Action == "s3:ListBucket" && r.Resource == "arn:aws:s3:::"+bucket {
			return true
		}
	}
	return false
}

// output remembers what came out, the same body once.
func (w *witness) output(o sentinel.Output) {
	w.mu.Lock()
	defer w.mu.Unlock()
	sum := sha256.Sum256(o.Body)
	if len(o.Body) == 0 || w.told[sum] {
		return
	}
	w.told[sum] = true
	w.outputs = append(w.outputs, o)
}

// everything returns the outputs so far.
func (w *witness) everything() []sentinel.Output {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.outputs)
}

// stage is a demo's stage whose command line is listened to.
type stage struct{ demo.Stage }

// Run is that of the demo's stage.
func (s *stage) Run(ctx context.Context, args ...string) (string, error) {
	out, err := s.Stage.Run(ctx, args...)
	s.heard(args, out, err)
	return out, err
}

// Both is that of the demo's stage.
func (s *stage) Both(ctx context.Context, args ...string) (string, error) {
	out, err := s.Stage.Both(ctx, args...)
	if slices.Contains(args, "--webhook") {
		return out, err // it tells the secret that it made, once, to whom it is for: see saidOnce
	}
	s.heard(args, out, err)
	return out, err
}

// JSON is that of the demo's stage.
func (s *stage) JSON(ctx context.Context, into any, args ...string) error {
	out, err := s.Run(ctx, append(slices.Clone(args), "-o", "json")...)
	if err != nil {
		return err
	}
	return json.Unmarshal([]byte(out), into)
}

// heard remembers what the program printed. The first line of an error is the stage's own.
func (s *stage) heard(args []string, out string, err error) {
	seen.output(sentinel.Output{Where: "what driftless " + args[0] + " printed", Body: []byte(out)})
	if err != nil {
		_, said, _ := strings.Cut(err.Error(), "\n")
		seen.output(sentinel.Output{Where: "what driftless " + args[0] + " said", Body: []byte(said)})
	}
}

// saidOnce keeps the secret that "repository add --webhook" told, and remembers the rest of what
// it said.
func saidOnce(out, secret string) string {
	vault.Keep("the secret of a webhook", secret)
	seen.output(sentinel.Output{Where: "what driftless repository said", Body: []byte(strings.ReplaceAll(out, secret, ""))})
	return secret
}

// logs are the files that the functions log to.
func logs() ([]string, error) {
	return filepath.Glob(filepath.Join(shared.Sandbox.Dir(), "lambda", "logs", "*.log"))
}
