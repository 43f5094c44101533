package codecommit

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/driftless-gitops/driftless/internal/sandbox/sts"
	"github.com/driftless-gitops/driftless/internal/sandbox/wire"
)

const maxBody = 20 << 20 // a commit's files may have as much (user guide, "Quotas")

// Config is what the service needs of the sandbox.
type Config struct {
	Dir             string        // where the bare repositories are; emptied by New
	Endpoint        func() string // the sandbox's URL
	Account, Region string        // of SignedURL
	Caller          func(*http.Request) (account, region string)
	Identity        func(accessKey string) (sts.Identity, bool)
	Emit            wire.Emit
	Filter          bool // whether git may fetch partially
	Now             func() time.Time
	Log             *slog.Logger
}

// Service is CodeCommit's API; Git is its git server.
type Service struct {
	c     Config
	store store

	pulling sync.Mutex
	pulls   []*pullRequest // of all accounts and regions, in their order
}

// New makes the service with no repositories.
func New(c Config) (*Service, error) {
	if err := os.RemoveAll(c.Dir); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(c.Dir, 0o700); err != nil {
		return nil, err
	}
	return &Service{c: c, store: newStore(c)}, nil
}

// SignedURL is the URL of a repository with a fresh credential in it.
func (s *Service) SignedURL(name string, by sts.Credentials, at time.Time) string {
	u, err := url.Parse(s.cloneURL(name))
	if err != nil {
		return s.cloneURL(name)
	}
	user, password := Sign(by.AccessKey, by.SecretKey, by.SessionToken, s.c.Region, u.Host, u.Path, at)
	u.User = url.UserPassword(user, password)
	return u.String()
}

func (s *Service) cloneURL(name string) string { return s.c.Endpoint() + "/v1/repos/" + name }

// request is what the calls may send, together.
type request struct {
	RepositoryName        string            `json:"repositoryName"`
	RepositoryDescription string            `json:"repositoryDescription"`
	BranchName            string            `json:"branchName"`
	DefaultBranchName     string            `json:"defaultBranchName"`
	CommitID              string            `json:"commitId"`
	Tags                  map[string]string `json:"tags"`

	ParentCommitID string            `json:"parentCommitId"`
	CommitMessage  string            `json:"commitMessage"`
	AuthorName     string            `json:"authorName"`
	Email          string            `json:"email"`
	PutFiles       []putFile         `json:"putFiles"`
	DeleteFiles    []json.RawMessage `json:"deleteFiles"`
	SetFileModes   []json.RawMessage `json:"setFileModes"`

	PullRequestID      string   `json:"pullRequestId"`
	PullRequestStatus  string   `json:"pullRequestStatus"`
	Title              string   `json:"title"`
	Description        string   `json:"description"`
	ClientRequestToken string   `json:"clientRequestToken"`
	Targets            []target `json:"targets"`
	MaxResults         int      `json:"maxResults"`
	NextToken          string   `json:"nextToken"`

	place  place
	caller sts.Identity
}

// ServeHTTP answers the CodeCommit API.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		wire.Refuse(w, &wire.Error{Code: "SerializationException", Message: err.Error()})
		return
	}
	var in request
	if err := json.Unmarshal(body, &in); err != nil {
		wire.Refuse(w, &wire.Error{Code: "SerializationException", Message: err.Error()})
		return
	}
	in.place.account, in.place.region = s.c.Caller(r)
	in.place.name = in.RepositoryName
	if scope, ok := sts.ScopeOf(r); ok {
		in.caller, _ = s.c.Identity(scope.AccessKey)
	}
	action := strings.TrimPrefix(r.Header.Get("X-Amz-Target"), "CodeCommit_20150413.")
	out, err := s.do(r.Context(), action, in)
	if err != nil {
		wire.Refuse(w, err)
		return
	}
	wire.Answer(w, http.StatusOK, out)
}

func (s *Service) do(ctx context.Context, action string, in request) (any, error) {
	switch action {
	case "CreatePullRequest", "GetPullRequest": // the account's
		return s.pull(ctx, action, in)
	case "ListRepositories":
	default:
		if err := checkName(in.RepositoryName); err != nil {
			return nil, err
		}
	}
	switch action {
	case "CreateRepository":
		made, err := s.store.create(ctx, in.place, in.RepositoryDescription, in.Tags)
		if err != nil {
			return nil, err
		}
		return s.metadata(ctx, made), nil
	case "GetRepository":
		found, err := s.store.get(in.place)
		if err != nil {
			return nil, err
		}
		return s.metadata(ctx, found), nil
	case "ListRepositories":
		return s.list(in.place), nil
	case "DeleteRepository":
		id, err := s.store.remove(in.place)
		if id == "" || err != nil { // a repository that is gone already is no error
			return struct{}{}, err
		}
		return map[string]string{"repositoryId": id}, nil
	case "GetBranch":
		return s.branch(ctx, in)
	case "ListBranches":
		found, err := s.store.get(in.place)
		if err != nil {
			return nil, err
		}
		heads, err := found.refs(branchPrefix)
		return map[string][]string{"branches": names(heads)}, err
	case "CreateBranch", "DeleteBranch", "UpdateDefaultBranch":
		found, err := s.store.get(in.place)
		if err != nil {
			return nil, err
		}
		return s.changeBranch(ctx, found, action, in)
	case "CreateCommit":
		found, err := s.store.get(in.place)
		if err != nil {
			return nil, err
		}
		return s.createCommit(ctx, found, in)
	case "ListPullRequests":
		if _, err := s.store.get(in.place); err != nil {
			return nil, err
		}
		return s.pull(ctx, action, in)
	default:
		return nil, &wire.Error{Code: "UnknownOperationException", Message: "the sandbox's CodeCommit has no " + action}
	}
}

func (s *Service) branch(ctx context.Context, in request) (any, error) {
	if in.BranchName == "" {
		return nil, &wire.Error{Code: "BranchNameRequiredException", Message: "A branch name is required, but was not specified."}
	}
	found, err := s.store.get(in.place)
	if err != nil {
		return nil, err
	}
	heads, err := found.refs(branchPrefix)
	if err != nil {
		return nil, err
	}
	commit, ok := heads[branchPrefix+in.BranchName]
	if !ok {
		return nil, &wire.Error{Code: "BranchDoesNotExistException", Message: "Branch " + in.BranchName + " does not exist"}
	}
	return map[string]any{"branch": map[string]string{"branchName": in.BranchName, "commitId": commit}}, nil
}

func (s *Service) list(at place) any {
	type item struct {
		Name string `json:"repositoryName"`
		ID   string `json:"repositoryId"`
	}
	items := []item{}
	for _, r := range s.store.list(at) {
		items = append(items, item{r.name, r.id})
	}
	return map[string]any{"repositories": items}
}

// metadata is the answer that describes one repository.
func (s *Service) metadata(ctx context.Context, r *repository) any {
	m := map[string]any{
		"accountId": r.account, "repositoryId": r.id, "repositoryName": r.name, "Arn": r.arn(),
		"cloneUrlHttp": s.cloneURL(r.name), "cloneUrlSsh": "",
		"creationDate": r.created.Unix(), "lastModifiedDate": r.created.Unix(),
	}
	if r.description != "" {
		m["repositoryDescription"] = r.description
	}
	if head, ok := r.defaultBranch(); ok {
		m["defaultBranch"] = head
	}
	return map[string]any{"repositoryMetadata": m}
}
