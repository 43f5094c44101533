// Package codecommit says where a CodeCommit repository is read, and as whom: the two
// hooks of git.Client. GetRepository gives the address; the signature that git is given as
// a password is made here, since the SDK's signer cannot make it.
//
// The package reads no repository.
package codecommit

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/smithy-go"

	"github.com/driftless-gitops/driftless/internal/aws/jsonrpc"
	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

// Client answers git.Client's hooks for CodeCommit's repositories, and leaves others alone.
type Client struct {
	cfg aws.Config
	now func() time.Time
	api *jsonrpc.Client // for GetRepository alone, its one right beside codecommit:GitPull

	mu     sync.Mutex
	clones map[string]string // by Repository.URL: a clone URL does not change
}

// New returns a client that calls and signs with cfg's credentials, in the region that a
// repository's address names. now is the time that signatures carry.
func New(cfg aws.Config, now func() time.Time) *Client {
	return &Client{cfg: cfg, now: now, api: jsonrpc.New(cfg, jsonrpc.CodeCommit, now), clones: make(map[string]string)}
}

// address is what people write for git-remote-codecommit: codecommit::<region>://<name>.
var address = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^codecommit::([a-z]{2,4}(?:-[a-z]+)+-[0-9]{1,2})://([\w.-]{1,100})$`)
})

// Resolve returns the https URL of a repository; one that is not CodeCommit's is returned
// as it stands. It calls AWS once for each repository. ErrNotFound: there is no such
// repository. ErrDenied: GetRepository is not allowed.
func (c *Client) Resolve(ctx context.Context, r gitops.Repository) (string, error) {
	normal := gitops.NormalURL(r.URL)
	if !isCodeCommit(normal) {
		return r.URL, nil
	}
	parts := address().FindStringSubmatch(normal)
	if parts == nil {
		return "", fmt.Errorf("%q is not codecommit::<region>://<name>: %w", r.URL, reconcile.ErrNotFound)
	}
	c.mu.Lock()
	clone, ok := c.clones[normal]
	c.mu.Unlock()
	if ok {
		return clone, nil
	}
	var out struct {
		Metadata struct {
			CloneURL string `json:"cloneUrlHttp"`
		} `json:"repositoryMetadata"`
	}
	in := map[string]string{"repositoryName": parts[2]}
	if err := c.api.Call(ctx, parts[1], "GetRepository", in, &out); err != nil {
		return "", translate("get repository "+parts[2], err)
	}
	if clone = out.Metadata.CloneURL; clone == "" {
		return "", fmt.Errorf("get repository %s: the answer has no cloneUrlHttp", parts[2])
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.clones[normal] = clone
	return clone, nil
}

// Credentials returns the user and the password that read the repository at the address
// that Resolve gave, for fifteen minutes. For one that is not CodeCommit's they are empty.
func (c *Client) Credentials(ctx context.Context, r gitops.Repository, at string) (user, password string, err error) {
	normal := gitops.NormalURL(r.URL)
	if !isCodeCommit(normal) {
		return "", "", nil
	}
	parts := address().FindStringSubmatch(normal)
	u, err := url.Parse(at)
	if parts == nil || err != nil || u.Hostname() == "" {
		return "", "", fmt.Errorf("%q is not an address of CodeCommit", at)
	}
	if c.cfg.Credentials == nil {
		return "", "", fmt.Errorf("sign for %s: no AWS credentials: %w", u.Hostname(), reconcile.ErrDenied)
	}
	keys, err := c.cfg.Credentials.Retrieve(ctx)
	if err != nil {
		return "", "", fmt.Errorf("retrieve AWS credentials: %w", err)
	}
	user, password = sign(keys, parts[1], u.Hostname(), u.EscapedPath(), c.now())
	return user, password, nil
}

// isCodeCommit reports whether a URL is of git-remote-codecommit's kind.
func isCodeCommit(normal string) bool {
	const prefix = "codecommit::"
	return len(normal) >= len(prefix) && normal[:len(prefix)] == prefix
}

// denials are the codes of answers that stay the same until a person acts.
var denials = []string{"AccessDenied", "AccessDeniedException", "UnrecognizedClientException", "InvalidClientTokenId",
	"OptInRequired", "EncryptionKeyAccessDeniedException", "EncryptionKeyDisabledException"}

// translate says what an error of AWS means; what is left is transient, or unknown.
func translate(doing string, err error) error {
	var answer smithy.APIError
	if !errors.As(err, &answer) {
		return fmt.Errorf("%s: %w", doing, err)
	}
	switch code := answer.ErrorCode(); {
	case code == "RepositoryDoesNotExistException", code == "InvalidRepositoryNameException":
		return fmt.Errorf("%s: %w", doing, reconcile.ErrNotFound)
	case slices.Contains(denials, code):
		return fmt.Errorf("%s: %w: %s", doing, reconcile.ErrDenied, answer.ErrorMessage())
	}
	return fmt.Errorf("%s: %w", doing, err)
}
