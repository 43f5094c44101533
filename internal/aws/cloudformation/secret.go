package cloudformation

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/reconcile"
	"github.com/driftless-gitops/driftless/internal/template"
)

// mask stands for a value that must not be shown.
const mask = "****"

// shortest is how long a secret is that is masked wherever its letters stand. A shorter
// one is masked where it stands as a word: "on" is not to be taken out of "description".
const shortest = 4

// secrets are the NoEcho parameters of an application's templates, and what it gives them.
// AWS masks those parameters in what it answers, but promises that neither for a property
// that is made from one nor for the text of an error.
type secrets struct {
	noEcho
	words *regexp.Regexp // their values, as they are and as JSON writes them; nil: none
}

// noEcho are the NoEcho parameters that one template declares, and those of the templates
// nested in it, by the logical id of the stack.
type noEcho struct {
	names  map[string]bool
	nested map[string]noEcho
}

// secretsOf reads the secrets from the work's bundle.
func secretsOf(ctx context.Context, w reconcile.Work) (secrets, error) {
	files, err := w.Files(ctx)
	if err != nil {
		return secrets{}, fmt.Errorf("open bundle %s: %w", w.Bundle, err)
	}
	s := w.Settings.CloudFormation
	hide := secrets{noEcho: declarations(files, path.Join(w.Settings.Path, s.Template), map[string]noEcho{})}
	if s.Parameters == "" || len(hide.names) == 0 {
		return hide, nil
	}
	name := path.Join(w.Settings.Path, s.Parameters)
	data, err := fs.ReadFile(files, name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return secrets{}, fmt.Errorf("read %s: %w", name, err)
	}
	values, broken := template.Parameters(name, data)
	if err != nil || broken != nil {
		return hide, nil // then nothing was sent
	}
	hide.words, err = hide.expression(values.Parameters)
	return hide, err
}

// declarations reads what a template and those nested in it declare, each once. One that
// cannot be read declares nothing: no change set comes of it.
func declarations(files fs.FS, name string, known map[string]noEcho) noEcho {
	if d, ok := known[name]; ok {
		return d
	}
	d := noEcho{names: map[string]bool{}, nested: map[string]noEcho{}}
	known[name] = d
	data, err := fs.ReadFile(files, name)
	if err != nil {
		return d
	}
	t, err := template.Read(name, data)
	if err != nil {
		return d
	}
	for parameter, p := range t.Parameters {
		if p.NoEcho {
			d.names[parameter] = true
		}
	}
	for _, l := range t.Locals {
		id, ok := strings.CutPrefix(strings.TrimSuffix(l.Where, ".Properties.TemplateURL"), "Resources.")
		if ok && l.Nested {
			d.nested[id] = declarations(files, path.Join(path.Dir(name), l.Path), known)
		}
	}
	return d
}

// expression returns what finds the values that are given to the parameters; nil where
// there are none.
func (d noEcho) expression(values map[string]string) (*regexp.Regexp, error) {
	words := map[string]bool{}
	for name := range d.names {
		for _, v := range spellings(values[name]) {
			words[pattern(v)] = true
		}
	}
	if len(words) == 0 {
		return nil, nil
	}
	// The longest first: one secret may begin as another does.
	longest := func(a, b string) int { return cmp.Or(len(b)-len(a), strings.Compare(a, b)) }
	e, err := regexp.Compile(strings.Join(slices.SortedFunc(maps.Keys(words), longest), "|"))
	if err != nil { // its own text would tell them
		return nil, errors.New("hide the values of NoEcho parameters: one is no text")
	}
	return e, nil
}

// pattern returns the expression that finds a value.
func pattern(v string) string {
	p := regexp.QuoteMeta(v)
	if len(v) >= shortest {
		return p
	}
	if wordly.MatchString(v[:1]) {
		p = `\b` + p
	}
	if wordly.MatchString(v[len(v)-1:]) {
		p += `\b`
	}
	return p
}

var wordly = regexp.MustCompile(`\w`)

// spellings returns a value as it is and as it stands inside JSON, which may write & < >
// as escapes or not.
func spellings(v string) []string {
	if v == "" {
		return nil
	}
	escaped, _ := json.Marshal(v) // text always has a JSON form
	plain := shown([]string{v})
	return []string{v, string(escaped[1 : len(escaped)-1]), plain[2 : len(plain)-2]}
}

// text returns a text without the secrets.
func (s secrets) text(v string) string {
	if s.words == nil {
		return v
	}
	return s.words.ReplaceAllLiteralString(v, mask)
}

// properties takes the secrets out of what is shown of a resource.
func (s secrets) properties(list []gitops.PropertyChange) {
	for i := range list {
		p := &list[i]
		p.LastDeployed, p.Live, p.Proposed = s.text(p.LastDeployed), s.text(p.Live), s.text(p.Proposed)
	}
}

// masked returns the names of the parameters whose values AWS answers as asterisks.
func masked(parameters []types.Parameter) map[string]bool {
	m := map[string]bool{}
	for _, p := range parameters {
		if v := aws.ToString(p.ParameterValue); v != "" && strings.Trim(v, "*") == "" {
			m[aws.ToString(p.ParameterKey)] = true
		}
	}
	return m
}

// hideParameters masks what a nested stack is given for its own NoEcho parameters.
func hideParameters(list []gitops.PropertyChange, secret map[string]bool) {
	for i := range list {
		p := &list[i]
		for _, v := range []*string{&p.LastDeployed, &p.Live, &p.Proposed} {
			if name, one := strings.CutPrefix(p.Path, "/Parameters/"); one && secret[name] && *v != "" {
				*v = mask
			}
			if p.Path == "/Parameters" {
				*v = withoutValues(*v, secret)
			}
		}
	}
}

// withoutValues masks members of a JSON object. What is no such object, because AWS cut it
// short, is masked as a whole where anything of it is secret.
func withoutValues(object string, secret map[string]bool) string {
	if object == "" || len(secret) == 0 {
		return object
	}
	var members map[string]json.RawMessage
	if json.Unmarshal([]byte(object), &members) != nil {
		return mask
	}
	for name := range members {
		if secret[name] {
			members[name] = json.RawMessage(`"` + mask + `"`)
		}
	}
	return shown(members)
}

// quiet is an error whose text tells no secret.
type quiet struct {
	error
	text string
}

func (q quiet) Error() string { return q.text }
func (q quiet) Unwrap() error { return q.error }

// hushed returns an error without the secrets of the work's template: CloudFormation quotes
// values that it refuses. Only where it was given any, which a plan alone does, or where
// the error is shown to people.
func hushed(ctx context.Context, w reconcile.Work, err error) error {
	var r *gitops.Refusal
	if err == nil || !errors.As(err, &r) && w.Operation.Kind != gitops.OperationPlan || w.Operation.Kind == gitops.OperationDetect {
		return err
	}
	s, unread := secretsOf(ctx, w)
	if unread != nil {
		return unread // nothing is told before it is known to be harmless
	}
	text := s.text(err.Error())
	switch {
	case text == err.Error():
		return err
	case r != nil:
		return &gitops.Refusal{Reason: text, Blocked: r.Blocked}
	}
	return quiet{err, text}
}

// hushedSighting does the same for the reason of what failed.
func hushedSighting(ctx context.Context, w reconcile.Work, s gitops.Sighting) (gitops.Sighting, error) {
	if s.State != gitops.OperationFailed && s.State != gitops.OperationBlocked || w.Operation.Kind == gitops.OperationDetect {
		return s, nil
	}
	hide, err := secretsOf(ctx, w)
	if err != nil {
		return gitops.Sighting{}, err
	}
	s.Reason = hide.text(s.Reason)
	return s, nil
}
