package codecommit

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/driftless-gitops/driftless/internal/sandbox/wire"
)

// target is where a pull request comes from, and what it is to be merged into.
type target struct {
	RepositoryName       string `json:"repositoryName"`
	SourceReference      string `json:"sourceReference"`
	DestinationReference string `json:"destinationReference"`
}

// pullRequest is one pull request.
type pullRequest struct {
	id                        string
	at                        place
	token, title, description string
	author                    string
	source, destination       string // names of branches
	sourceCommit, base        string // where both stood when it was made
	created                   time.Time
	closed, merged            bool
}

// What a pull request may hold (API reference, CreatePullRequest).
const (
	longestTitle       = 150
	longestDescription = 10_240
)

// pull answers the calls about pull requests.
func (s *Service) pull(ctx context.Context, action string, in request) (any, error) {
	s.pulling.Lock()
	defer s.pulling.Unlock()
	switch action {
	case "CreatePullRequest":
		return s.createPull(ctx, in)
	case "GetPullRequest":
		for _, p := range s.pulls {
			if p.id == in.PullRequestID && p.at.account == in.place.account && p.at.region == in.place.region {
				return s.shown(ctx, p)
			}
		}
		return nil, &wire.Error{Code: "PullRequestDoesNotExistException", Message: "Pull request " + in.PullRequestID + " does not exist"}
	}
	ids := []string{}
	for _, p := range slices.Backward(s.pulls) { // the newest first
		if p.at != in.place {
			continue
		}
		if err := s.settle(ctx, p); err != nil {
			return nil, err
		}
		if in.PullRequestStatus == "" || in.PullRequestStatus == p.status() {
			ids = append(ids, p.id)
		}
	}
	return page(ids, in)
}

// page returns a part of the ids: as many as were asked for, a hundred at most.
func page(ids []string, in request) (any, error) {
	from := 0
	if in.NextToken != "" {
		var err error
		if from, err = strconv.Atoi(in.NextToken); err != nil || from > len(ids) {
			return nil, &wire.Error{Code: "InvalidContinuationTokenException", Message: "The specified continuation token is not valid."}
		}
	}
	size := in.MaxResults
	if size <= 0 || size > 100 {
		size = 100
	}
	to := min(from+size, len(ids))
	out := map[string]any{"pullRequestIds": ids[from:to]}
	if to < len(ids) {
		out["nextToken"] = strconv.Itoa(to)
	}
	return out, nil
}

func (s *Service) createPull(ctx context.Context, in request) (any, error) {
	if len(in.Targets) != 1 {
		return nil, &wire.Error{Code: "TargetsRequiredException", Message: "One target is required."}
	}
	t := in.Targets[0]
	at := in.place
	at.name = t.RepositoryName
	r, err := s.store.get(at)
	if err != nil {
		return nil, err
	}
	for _, p := range s.pulls { // the same token is answered with what it made
		if in.ClientRequestToken != "" && p.at == at && p.token == in.ClientRequestToken {
			if p.title != in.Title || p.description != in.Description || p.source != t.SourceReference {
				return nil, &wire.Error{Code: "IdempotencyParameterMismatchException", Message: "The client request token is not valid. Either the token is not in a valid format, or the token has been used in a previous request and cannot be reused."}
			}
			return s.shown(ctx, p)
		}
	}
	heads, err := r.refs(branchPrefix)
	if err != nil {
		return nil, err
	}
	destination := strings.TrimPrefix(t.DestinationReference, branchPrefix)
	if destination == "" {
		destination, _ = r.defaultBranch()
	}
	p := &pullRequest{id: strconv.Itoa(len(s.pulls) + 1), at: at, token: in.ClientRequestToken, title: in.Title, description: in.Description,
		author: in.caller.ARN, source: strings.TrimPrefix(t.SourceReference, branchPrefix), destination: destination, created: s.c.Now()}
	p.sourceCommit, p.base = heads[branchPrefix+p.source], heads[branchPrefix+p.destination]
	switch {
	case p.title == "":
		return nil, &wire.Error{Code: "TitleRequiredException", Message: "A pull request title is required."}
	case utf8.RuneCountInString(p.title) > longestTitle:
		return nil, &wire.Error{Code: "InvalidTitleException", Message: "The title of the pull request is not valid: at most 150 characters."}
	case utf8.RuneCountInString(p.description) > longestDescription:
		return nil, &wire.Error{Code: "InvalidDescriptionException", Message: "The pull request description is not valid: at most 10240 characters."}
	case p.sourceCommit == "" || p.base == "":
		return nil, &wire.Error{Code: "ReferenceDoesNotExistException", Message: "The specified reference does not exist: " + p.source + " or " + p.destination}
	case p.source == p.destination:
		return nil, &wire.Error{Code: "SourceAndDestinationAreSameException", Message: "The source branch and destination branch for the pull request are the same."}
	}
	s.pulls = append(s.pulls, p)
	return s.shown(ctx, p)
}

func (p *pullRequest) status() string {
	if p.closed {
		return "CLOSED"
	}
	return "OPEN"
}

// settle closes a pull request that a push has merged by going forward, or of which a branch is
// gone (user guide, "Merge a pull request").
func (s *Service) settle(ctx context.Context, p *pullRequest) error {
	if p.closed {
		return nil
	}
	r, err := s.store.get(p.at)
	if err != nil {
		p.closed = true
		return nil
	}
	heads, err := r.refs(branchPrefix)
	if err != nil {
		return err
	}
	source, destination := heads[branchPrefix+p.source], heads[branchPrefix+p.destination]
	if destination != "" && destination != p.base {
		went, err := git(ctx, r.dir, "rev-list", "--first-parent", destination, "^"+p.base)
		if err != nil {
			return err
		}
		p.merged = slices.Contains(strings.Fields(went), p.sourceCommit)
	}
	if source != "" {
		p.sourceCommit = source
	}
	p.closed = p.merged || source == "" || destination == ""
	return nil
}

// shown is the answer that describes one pull request.
func (s *Service) shown(ctx context.Context, p *pullRequest) (any, error) {
	if err := s.settle(ctx, p); err != nil {
		return nil, err
	}
	return map[string]any{"pullRequest": map[string]any{
		"pullRequestId": p.id, "title": p.title, "description": p.description, "pullRequestStatus": p.status(), "authorArn": p.author,
		"creationDate": p.created.Unix(), "lastActivityDate": p.created.Unix(), "clientRequestToken": p.token,
		"pullRequestTargets": []any{map[string]any{"repositoryName": p.at.name, "sourceReference": branchPrefix + p.source,
			"destinationReference": branchPrefix + p.destination, "sourceCommit": p.sourceCommit, "destinationCommit": p.base,
			"mergeBase": p.base, "mergeMetadata": map[string]any{"isMerged": p.merged}}},
	}}, nil
}
