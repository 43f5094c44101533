package cli

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"regexp"
	"strings"

	"github.com/spf13/cobra"

	"github.com/driftless-gitops/driftless/internal/gitops"
)

// The names that AWS gives: a region, an account, and a repository of CodeCommit
// (CreateRepository, API reference).
var (
	regionPattern     = regexp.MustCompile(`^[a-z]{2}(-[a-z]+)+-[0-9]+$`)
	accountPattern    = regexp.MustCompile(`^[0-9]{12}$`)
	codecommitPattern = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,100}$`)
)

const urlForms = "codecommit::<region>://<name>, or https://<host>/<path>"

// checkURL refuses what cannot be watched, with what can.
func checkURL(raw string) error {
	if rest, ok := strings.CutPrefix(raw, "codecommit::"); ok {
		region, name, _ := strings.Cut(rest, "://")
		if !regionPattern.MatchString(region) || !codecommitPattern.MatchString(name) {
			return fmt.Errorf("%q: must be codecommit::<region>://<name>, such as codecommit::eu-west-1://infrastructure", raw)
		}
		return nil
	}
	u, err := url.Parse(raw)
	raw = withoutSecrets(raw)
	switch {
	case err != nil || u.Scheme != "https" && u.Scheme != "http":
		return fmt.Errorf("%q: must be %s; ssh is not read", raw, urlForms)
	case u.Scheme == "http" && gitops.ForgeOf("https://"+u.Host+u.Path) != "":
		return fmt.Errorf("%q: must begin with https://", raw)
	case u.Host == "" || strings.Trim(u.Path, "/") == "":
		return fmt.Errorf("%q: must name a host and a path: https://<host>/<path>", raw)
	case u.User != nil: // the URL is stored and shown; it is not repeated here either
		return errors.New("the URL holds a name or a token, which everybody would see: leave it out, and give the token by --token-file")
	case u.RawQuery != "" || u.Fragment != "":
		return fmt.Errorf("%q: must end with the path, without ? and #", raw)
	}
	return nil
}

// withoutSecrets is a URL as an error may repeat it: without a password, and without what follows the
// path, where people put tokens.
func withoutSecrets(raw string) string {
	raw, _, _ = strings.Cut(raw, "#")
	raw, _, _ = strings.Cut(raw, "?")
	scheme, rest, found := strings.Cut(raw, "://")
	if at := strings.LastIndex(rest, "@"); found && at >= 0 {
		return scheme + "://***@" + rest[at+1:]
	}
	return raw
}

// reference is the branch or the tag that a command is told.
type reference struct{ branch, tag string }

// flags adds the two flags, of which one may be given.
func (r *reference) flags(c *cobra.Command, what string) {
	c.Flags().StringVar(&r.branch, "branch", "", what+"branch to follow (default main)")
	c.Flags().StringVar(&r.tag, "tag", "", what+"tag to follow in place of a branch")
}

// repository returns what is known of the repository at a URL, once the names are such as
// git has them (git-check-ref-format).
func (r reference) repository(url string) (gitops.Repository, error) {
	repo := gitops.Repository{URL: url, Tag: r.tag}
	name, flag, example := r.tag, "tag", "v1.2.0"
	if r.tag != "" && r.branch != "" {
		return repo, fmt.Errorf("--branch %s, --tag %s: a repository is followed by one of the two", r.branch, r.tag)
	}
	if r.tag == "" {
		repo.Branch = cmp.Or(r.branch, "main")
		name, flag, example = repo.Branch, "branch", "main"
	}
	if strings.HasPrefix(name, "-") || strings.HasPrefix(name, "refs/") || strings.ContainsAny(name, " \t\n~^:?*[\\\x7f") {
		return repo, fmt.Errorf("--%s %q: must be the name of a %s, such as %s", flag, name, flag, example)
	}
	repo.ID = gitops.RepositoryID(url, repo.Ref())
	return repo, nil
}

// targets reads ACCOUNT and ACCOUNT:REGION.
func targets(given []string) ([]gitops.Target, error) {
	var all []gitops.Target
	for _, t := range given {
		account, region, named := strings.Cut(t, ":")
		if !accountPattern.MatchString(account) || named && !regionPattern.MatchString(region) {
			return nil, fmt.Errorf("--target %q: must be ACCOUNT or ACCOUNT:REGION, such as 111122223333:eu-west-1", t)
		}
		all = append(all, gitops.Target{Account: account, Region: region})
	}
	return all, nil
}

// largestToken is what is read of a file that should hold a token.
const largestToken = 8 << 10

// readSmall reads the beginning of a file, or of standard input, named by a flag.
func readSmall(f *flags, flag, file string) (string, error) {
	in := f.Stdin
	if file != "-" {
		opened, err := os.Open(file)
		if err != nil {
			return "", usage(fmt.Errorf("--%s: %w", flag, err))
		}
		defer func() { _ = opened.Close() }() // it is only read
		in = opened
	}
	data, err := io.ReadAll(io.LimitReader(in, largestToken))
	if err != nil {
		return "", fmt.Errorf("read what --%s names: %w", flag, err)
	}
	return strings.TrimSpace(string(data)), nil
}
