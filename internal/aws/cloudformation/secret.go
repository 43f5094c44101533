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
	*noEcho
	words *regexp.Regexp // their values, as they are and as JSON writes them; nil: none
}

// secretsOf reads the secrets from the work's bundle.
func secretsOf(ctx context.Context, w reconcile.Work) (secrets, error) {
	files, err := w.Files(ctx)
	if err != nil {
		return secrets{}, fmt.Errorf("open bundle %s: %w", w.Bundle, err)
	}
	s := w.Settings.CloudFormation
	known := map[string]*noEcho{}
	hide := secrets{noEcho: declarations(files, path.Join(w.Settings.Path, s.Template), nil, known)}
	var words []string
	for _, d := range known {
		words = append(words, d.defaults...)
	}
	if s.Parameters != "" && len(hide.names) > 0 {
		name := path.Join(w.Settings.Path, s.Parameters)
		data, err := fs.ReadFile(files, name)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return secrets{}, fmt.Errorf("read %s: %w", name, err)
		}
		// What cannot be read was not sent.
		if values, broken := template.Parameters(name, data); err == nil && broken == nil {
			for name := range hide.names {
				words = append(words, values.Parameters[name])
			}
		}
	}
	hide.words, err = expression(words)
	return hide, err
}

// expression returns what finds the values; nil where there are none.
func expression(values []string) (*regexp.Regexp, error) {
	words := map[string]bool{}
	for _, value := range values {
		for _, v := range spellings(value) {
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
	switch {
	case r != nil && r.Stuck != nil && lost(w, s, unread):
		return &gitops.Refusal{Reason: withheld(w, *r.Stuck), Blocked: r.Blocked, Stuck: r.Stuck}
	case lost(w, s, unread):
		return err // it tells of no resource
	case unread != nil:
		return unread // nothing is told before it is known to be harmless
	}
	text := s.text(err.Error())
	switch {
	case text == err.Error():
		return err
	case r != nil:
		return &gitops.Refusal{Reason: text, Blocked: r.Blocked, Stuck: r.Stuck}
	}
	return quiet{err, text}
}

// hushedSighting does the same for the reason of what failed.
func hushedSighting(ctx context.Context, w reconcile.Work, s gitops.Sighting) (gitops.Sighting, error) {
	if s.State != gitops.OperationFailed && s.State != gitops.OperationBlocked || w.Operation.Kind == gitops.OperationDetect {
		return s, nil
	}
	hide, err := secretsOf(ctx, w)
	switch {
	case s.Stuck != nil && lost(w, hide, err):
		s.Reason, s.Cause = withheld(w, *s.Stuck), nil
		return s, nil
	case err != nil:
		return gitops.Sighting{}, err
	}
	s.Reason = hide.text(s.Reason)
	if s.Cause != nil {
		c := *s.Cause
		c.Reason = hide.text(c.Reason)
		s.Cause = &c
	}
	return s, nil
}

// lost reports whether a recovery has to do without what says what is secret: the bundle is not kept
// for as long as a stack can be stuck, and the template in it, which is not the one that the stack
// is stuck with, may be one that nobody can read.
func lost(w reconcile.Work, s secrets, unread error) bool {
	return w.Operation.Kind == gitops.OperationRecover &&
		(errors.Is(unread, reconcile.ErrNotFound) || unread == nil && s.noEcho != nil && s.blind)
}

// withheld says what a stack is stuck in without AWS's words, which may quote a secret.
func withheld(w reconcile.Work, s gitops.Stuck) string {
	return fmt.Sprintf("stack %s is in %s, and why is not told, since what says what is secret is gone or cannot be read: %s",
		w.Settings.CloudFormation.Stack, s.Status, remedy(w, s))
}
