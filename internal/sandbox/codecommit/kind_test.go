package codecommit_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/driftless-gitops/driftless/internal/sandbox/codecommit"
	"github.com/driftless-gitops/driftless/internal/sandbox/wire"
)

func TestRepositoryOfAStackIsMadeRenamedReadAndRemoved(t *testing.T) {
	kind := newService(t).Kind()
	r := request(map[string]any{"RepositoryName": "infra", "RepositoryDescription": "stacks"})
	made, err := kind.Create(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]any{"Arn": "arn:aws:codecommit:eu-west-1:123456789012:infra", "Name": "infra", "CloneUrlHttp": "http://sandbox/v1/repos/infra"}
	if diff := cmp.Diff(want, made.Attributes); diff != "" {
		t.Error(diff)
	}

	renamed := request(map[string]any{"RepositoryName": "stacks"})
	renamed.PhysicalID, renamed.Previous = made.PhysicalID, r.Properties
	again, err := kind.Update(t.Context(), renamed)
	if err != nil {
		t.Fatal(err)
	}
	if again.PhysicalID != made.PhysicalID {
		t.Errorf("a renamed repository has the id %s, want %s", again.PhysicalID, made.PhysicalID)
	}
	live, found, err := kind.Read(t.Context(), renamed)
	if err != nil || !found {
		t.Fatalf("read: found %v, error %v", found, err)
	}
	if diff := cmp.Diff(map[string]any{"RepositoryName": "stacks"}, live); diff != "" {
		t.Error(diff)
	}

	for range 2 { // the second finds it gone
		if err := kind.Delete(t.Context(), renamed); err != nil {
			t.Fatal(err)
		}
	}
	if _, found, err := kind.Read(t.Context(), renamed); err != nil || found {
		t.Errorf("read after the deletion: found %v, error %v", found, err)
	}
}

func TestRepositoryOfAStackIsRefused(t *testing.T) {
	kind := newService(t).Kind()
	if _, err := kind.Create(t.Context(), request(map[string]any{"RepositoryName": "taken"})); err != nil {
		t.Fatal(err)
	}
	for sentence, c := range map[string]struct {
		properties map[string]any
		code       string
	}{
		"with a name that is taken":       {map[string]any{"RepositoryName": "taken"}, "RepositoryNameExistsException"},
		"without a name":                  {map[string]any{}, "RepositoryNameRequiredException"},
		"with a property that is not had": {map[string]any{"RepositoryName": "a", "Code": map[string]any{}}, "ValidationError"},
	} {
		t.Run(sentence, func(t *testing.T) {
			_, err := kind.Create(t.Context(), request(c.properties))
			refused := new(wire.Error)
			if !errors.As(err, &refused) || refused.Code != c.code {
				t.Errorf("error %v, want %s", err, c.code)
			}
		})
	}
}

func newService(t *testing.T) *codecommit.Service {
	t.Helper()
	s, err := codecommit.New(codecommit.Config{
		Dir: t.TempDir(), Endpoint: func() string { return "http://sandbox" },
		Emit: func(context.Context, wire.Event) {}, Now: time.Now, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func request(properties map[string]any) wire.Request {
	return wire.Request{Account: "123456789012", Region: "eu-west-1", Type: codecommit.Type, LogicalID: "Repository", Properties: properties}
}
