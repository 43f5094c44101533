package codecommit

import (
	"context"
	"fmt"

	"github.com/driftless-gitops/driftless/internal/sandbox/wire"
)

// Type is the CloudFormation type that Kind makes.
const Type = "AWS::CodeCommit::Repository"

// kind makes repositories for CloudFormation.
type kind struct{ s *Service }

// Kind makes the repositories of CloudFormation stacks. It takes a name, a description and
// tags, and refuses the properties Code, Triggers and KmsKeyId by name.
func (s *Service) Kind() interface {
	wire.Kind
	wire.Reader
} {
	return kind{s}
}

// Create implements wire.Kind.
func (k kind) Create(ctx context.Context, r wire.Request) (wire.Made, error) {
	if err := checkProperties(r); err != nil {
		return wire.Made{}, err
	}
	repo, err := k.s.store.create(ctx,
		place{r.Account, r.Region, text(r.Properties, "RepositoryName")},
		text(r.Properties, "RepositoryDescription"), r.Tags)
	if err != nil {
		return wire.Made{}, err
	}
	return k.made(repo), nil
}

// Update implements wire.Kind. A new name renames the repository, as it does on AWS.
func (k kind) Update(_ context.Context, r wire.Request) (wire.Made, error) {
	if err := checkProperties(r); err != nil {
		return wire.Made{}, err
	}
	repo, err := k.s.store.change(k.find(r), text(r.Properties, "RepositoryName"),
		text(r.Properties, "RepositoryDescription"))
	if err != nil {
		return wire.Made{}, err
	}
	return k.made(repo), nil
}

// Delete implements wire.Kind.
func (k kind) Delete(_ context.Context, r wire.Request) error {
	_, err := k.s.store.remove(k.find(r))
	return err
}

// Read implements wire.Reader.
func (k kind) Read(_ context.Context, r wire.Request) (map[string]any, bool, error) {
	repo, err := k.s.store.get(k.find(r))
	if err != nil {
		return nil, false, nil
	}
	live := map[string]any{"RepositoryName": repo.name}
	if repo.description != "" {
		live["RepositoryDescription"] = repo.description
	}
	return live, true, nil
}

// find is where the repository with the resource's physical id is now, under whatever name;
// without one it is the name that the template gives.
func (k kind) find(r wire.Request) place {
	at := place{r.Account, r.Region, text(r.Properties, "RepositoryName")}
	for _, repo := range k.s.store.list(at) {
		if repo.id == r.PhysicalID {
			return repo.place
		}
	}
	return at
}

// made is what Ref and GetAtt answer: the id, and the attributes of the resource's page in
// the CloudFormation reference.
func (k kind) made(r *repository) wire.Made {
	return wire.Made{PhysicalID: r.id, Attributes: map[string]any{
		"Arn": r.arn(), "Name": r.name, "CloneUrlHttp": k.s.cloneURL(r.name),
	}}
}

func checkProperties(r wire.Request) error {
	for name := range r.Properties {
		switch name {
		case "RepositoryName", "RepositoryDescription", "Tags":
		default:
			return &wire.Error{Code: "ValidationError", Message: fmt.Sprintf("%s of %s is not supported by the sandbox", name, Type)}
		}
	}
	return checkName(text(r.Properties, "RepositoryName"))
}

func text(m map[string]any, key string) string {
	s, _ := m[key].(string)
	return s
}
