package cli

import (
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"regexp"
	"strings"

	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/reconcile"
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
	switch {
	case err != nil || u.Scheme != "https":
		return fmt.Errorf("%q: must be %s; ssh and plain http are not read", raw, urlForms)
	case u.Host == "" || strings.Trim(u.Path, "/") == "":
		return fmt.Errorf("%q: must name a host and a path: https://<host>/<path>", raw)
	case u.User != nil: // the URL is stored and shown; it is not repeated here either
		return errors.New("the URL holds a name or a token, which everybody would see: leave it out, and give the token by --token-file")
	case u.RawQuery != "" || u.Fragment != "":
		return fmt.Errorf("%q: must end with the path, without ? and #", raw)
	}
	return nil
}

// checkBranch refuses what git has as no branch's name (git-check-ref-format).
func checkBranch(branch string) error {
	if branch == "" || strings.HasPrefix(branch, "-") || strings.HasPrefix(branch, "refs/") || strings.ContainsAny(branch, " \t\n~^:?*[\\\x7f") {
		return fmt.Errorf("--branch %q: must be the name of a branch, such as main", branch)
	}
	return nil
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

// readToken reads a token from a file, or from standard input.
func readToken(f *flags, file string) (string, error) {
	in := f.Stdin
	if file != "-" {
		opened, err := os.Open(file)
		if err != nil {
			return "", usage(fmt.Errorf("--token-file: %w", err))
		}
		defer func() { _ = opened.Close() }() // it is only read
		in = opened
	}
	data, err := io.ReadAll(io.LimitReader(in, largestToken))
	if err != nil {
		return "", fmt.Errorf("read the token: %w", err)
	}
	token := strings.TrimSpace(string(data))
	if token == "" || strings.ContainsAny(token, "\r\n") {
		return "", usage(fmt.Errorf("--token-file %s: must hold one line with a token", file))
	}
	return token, nil
}

// unwatched says what to look for where there is no such repository.
func unwatched(err error, given, branch string) error {
	if !errors.Is(err, reconcile.ErrNotFound) {
		return err
	}
	if strings.Contains(given, "://") {
		given += " with the branch " + branch
	}
	return fmt.Errorf("%s is not watched: 'driftless repository list' shows what is", given)
}
