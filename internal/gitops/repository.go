package gitops

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/url"
	"strings"
	"time"
)

// Repository is a git repository that is watched, with what the last look at it found.
type Repository struct {
	ID      string   `json:"id"`
	URL     string   `json:"url"`
	Branch  string   `json:"branch,omitempty"`  // that is tracked; empty where a tag is
	Tag     string   `json:"tag,omitempty"`     // that is tracked in place of a branch
	Forge   Forge    `json:"forge,omitempty"`   // whose webhooks and commit statuses it has; empty: plain git
	Targets []Target `json:"targets,omitempty"` // where its applications may go; empty: wherever the installation may
	// Credentials names the secret to read it with, one of CredentialsOf or SecretOf; empty for
	// CodeCommit, which is read with Driftless's own role, and for public repositories.
	Credentials string `json:"credentials,omitempty"`

	// Observing is the look that was begun last, Done the number of the one that ended:
	// while they differ the repository is unfinished.
	Observing Observing `json:"observing"`
	Done      int64     `json:"done"`
	Head      Revision  `json:"head,omitzero"` // what the last ended look saw
	// Files are the configuration files that the last ended look read. The next look asks for
	// them beforehand, which saves a request; what it then finds decides.
	Files []string `json:"files,omitempty"`
	// Applications are those that the last ended look found in the files.
	Applications []string `json:"applications,omitempty"`
	// Problems is what keeps (part of) it from moving; with an empty Application it holds for all.
	Problems []Problem `json:"problems,omitempty"`
	// Trouble is why the last look could not be taken; what was known before still holds.
	Trouble string `json:"trouble,omitempty"`
	// Note is something a person may want to know that stops nothing, such as rewritten history.
	Note string `json:"note,omitempty"`

	AddedBy string    `json:"addedBy,omitempty"`
	AddedAt time.Time `json:"addedAt,omitzero"`
	SeenAt  time.Time `json:"seenAt,omitzero"` // when the branch was last seen to have moved
	Version int64     `json:"version"`
}

// Observing is one numbered look at a repository's head.
type Observing struct {
	N      int64  `json:"n"`
	Commit string `json:"commit,omitempty"`
}

// Forge is a git host that is more than git: it sends webhooks and shows commit statuses.
type Forge string

// The forges. Stored values never change.
const (
	ForgeGitHub     Forge = "github"
	ForgeGitLab     Forge = "gitlab"
	ForgeCodeCommit Forge = "codecommit"
)

// Forges returns every forge.
func Forges() []Forge { return []Forge{ForgeGitHub, ForgeGitLab, ForgeCodeCommit} }

// ForgeOf returns the forge that a URL is certain to lead to, empty where its host could be
// anybody's: a GitHub Enterprise or a GitLab of one's own is named when it is added.
func ForgeOf(rawURL string) Forge {
	normal := NormalURL(rawURL)
	switch {
	case strings.HasPrefix(normal, "codecommit::"):
		return ForgeCodeCommit
	case strings.HasPrefix(normal, "https://github.com/"):
		return ForgeGitHub
	case strings.HasPrefix(normal, "https://gitlab.com/"):
		return ForgeGitLab
	}
	return ""
}

// Ref returns the full name of the reference that is tracked: "refs/heads/main", "refs/tags/v1".
func (r Repository) Ref() string {
	if r.Tag != "" {
		return "refs/tags/" + r.Tag
	}
	return "refs/heads/" + r.Branch
}

// Tracked returns the tracked branch's or tag's name, for people and for revisions.
func (r Repository) Tracked() string {
	if r.Tag != "" {
		return r.Tag
	}
	return r.Branch
}

// Unfinished reports whether a look was begun and has not ended.
func (r Repository) Unfinished() bool { return r.Observing.N != r.Done }

// Revision is one commit of one branch. Seq is the number of the observation that first
// saw it there: it orders revisions, so that a force push to an older commit is newer.
type Revision struct {
	Branch  string    `json:"branch,omitempty"` // or tag
	Commit  string    `json:"commit,omitempty"`
	Author  string    `json:"author,omitempty"`
	Message string    `json:"message,omitempty"` // the subject line
	At      time.Time `json:"at,omitzero"`       // the commit's own time
	Seq     int64     `json:"seq"`
}

// String returns the revision as flux writes it: "main@sha1:0cbd2a7".
func (r Revision) String() string {
	if r.Commit == "" {
		return ""
	}
	return r.Branch + "@sha1:" + Short(r.Commit)
}

// Short returns the first seven characters of a commit id.
func Short(commit string) string {
	if len(commit) > 7 {
		return commit[:7]
	}
	return commit
}

// Problem is something wrong in a repository, with where and what is allowed.
type Problem struct {
	Application string `json:"application,omitempty"`
	File        string `json:"file,omitempty"`
	Line        int    `json:"line,omitempty"`
	Column      int    `json:"column,omitempty"`
	Path        string `json:"path,omitempty"` // of the value: applications[2].cloudformation.template
	Message     string `json:"message"`
	// Within, without an Application, is the configuration file whose applications alone it
	// concerns; empty: those of the whole repository.
	Within string `json:"within,omitempty"`
	// Passing: it may end without a commit, as a claim that somebody else holds does; so every
	// resync looks again.
	Passing bool `json:"passing,omitempty"`
}

// Concerns reports whether the problem is one of an application's: of its own, of the file
// that it stands in (Settings.File), or of the whole repository.
func (p Problem) Concerns(application, file string) bool {
	if p.Application != "" {
		return p.Application == application
	}
	return p.Within == "" || p.Within == file
}

// String returns "file:line:column: path: message", without the parts that are not known.
func (p Problem) String() string {
	var b strings.Builder
	if p.File != "" {
		b.WriteString(p.File)
		if p.Line > 0 {
			fmt.Fprintf(&b, ":%d:%d", p.Line, max(p.Column, 1))
		}
		b.WriteString(": ")
	}
	if p.Path != "" {
		b.WriteString(p.Path + ": ")
	}
	b.WriteString(p.Message)
	return b.String()
}

// RepositoryID returns the id of a branch or tag of a repository: a hash of the normalised
// URL and the reference, fit for a path of the webhook and for a secret's name. A reference
// is a branch's bare name, or begins with "refs/" (Repository.Ref).
func RepositoryID(rawURL, ref string) string {
	sum := sha256.Sum256([]byte(NormalURL(rawURL) + "\x00" + strings.TrimPrefix(ref, "refs/heads/")))
	return hex.EncodeToString(sum[:])[:16]
}

// NormalURL returns a URL of a repository in the one form in which URLs are compared:
// scheme and host in lower case, no user, no trailing slash and no ".git".
// Repositories are matched by this exact string, never by a pattern.
func NormalURL(raw string) string {
	raw = strings.TrimSpace(raw)
	if rest, ok := strings.CutPrefix(raw, "codecommit::"); ok {
		return "codecommit::" + strings.TrimSuffix(rest, "/")
	}
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" {
		return strings.TrimSuffix(strings.TrimSuffix(raw, "/"), ".git")
	}
	path := strings.TrimSuffix(strings.TrimSuffix(u.Path, "/"), ".git")
	return strings.ToLower(u.Scheme) + "://" + strings.ToLower(u.Host) + path
}

// CredentialsOf returns the one secret that a repository may be read with, a SecureString of
// SSM's Parameter Store. It is named after the repository, so that whoever adds a repository
// of their own cannot have another one's token sent to it.
func CredentialsOf(repository string) string { return "ssm:/driftless/git/" + repository }

// SecretOf returns the one other place that a repository's credentials may be in: a secret of
// Secrets Manager, which can hold the key of a GitHub App as well.
func SecretOf(repository string) string { return "secretsmanager:driftless/git/" + repository }
