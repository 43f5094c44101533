package cli

import (
	"context"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/driftless-gitops/driftless/internal/forge"
	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/secret"
)

// access is what "repository add" was told of how a private repository is read.
type access struct {
	tokenFile string
	secret    bool
	app       int64
	installed int64
	keyFile   string
}

func (a *access) flags(c *cobra.Command) {
	c.Flags().StringVar(&a.tokenFile, "token-file", "", "file with a token to read a private repository with (- for standard input)")
	c.Flags().BoolVar(&a.secret, "secret", false, "the token goes to Secrets Manager; without --token-file: it is there already")
	c.Flags().Int64Var(&a.app, "github-app", 0, "id of a GitHub App that reads the repository, in place of a token")
	c.Flags().Int64Var(&a.installed, "installation", 0, "id of the App's installation that has the repository")
	c.Flags().StringVar(&a.keyFile, "private-key-file", "", "file with the App's private key, as GitHub generated it (- for standard input)")
}

// check refuses what the forge of the repository cannot be read with.
func (a access) check(f gitops.Forge) error {
	app := a.app != 0 || a.installed != 0 || a.keyFile != ""
	switch {
	case f == gitops.ForgeCodeCommit && (a.secret || a.tokenFile != "" || app):
		return errors.New("CodeCommit is read with Driftless's own role: it takes no token")
	case !app:
		return nil
	case f != gitops.ForgeGitHub:
		return errors.New("--github-app: only GitHub has Apps; --forge github says that it is a GitHub Enterprise")
	case a.tokenFile != "":
		return errors.New("--github-app, --token-file: a repository is read with one of the two")
	case a.app <= 0 || a.installed <= 0 || a.keyFile == "":
		return fmt.Errorf("--github-app %d, --installation %d, --private-key-file %q: a GitHub App needs all three, its numbers as GitHub shows them",
			a.app, a.installed, a.keyFile)
	}
	return nil
}

// read returns what is to be kept; nothing where no file is named.
func (a access) read(f *flags) (secret.Secret, error) {
	if a.keyFile != "" {
		return a.readKey(f)
	}
	if a.tokenFile == "" {
		return secret.Secret{}, nil
	}
	token, err := readSmall(f, "token-file", a.tokenFile)
	if err != nil {
		return secret.Secret{}, err
	}
	if token == "" || strings.ContainsAny(token, "\r\n") {
		return secret.Secret{}, usage(fmt.Errorf("--token-file %s: must hold one line with a token", a.tokenFile))
	}
	return secret.New(token), nil
}

// readKey reads the private key of a GitHub App, and returns the secret of the App.
func (a access) readKey(f *flags) (secret.Secret, error) {
	key, err := readSmall(f, "private-key-file", a.keyFile)
	if err != nil {
		return secret.Secret{}, err
	}
	if !isKey(key) {
		return secret.Secret{}, usage(fmt.Errorf("--private-key-file %s: must hold an RSA private key in PEM, such as GitHub generates for an App", a.keyFile))
	}
	number := func(n int64) json.Number { return json.Number(strconv.FormatInt(n, 10)) }
	data, err := json.Marshal(forge.App{AppID: number(a.app), InstallationID: number(a.installed), PrivateKey: key + "\n"})
	if err != nil {
		return secret.Secret{}, fmt.Errorf("encode the App's secret: %w", err)
	}
	return secret.New(string(data)), nil
}

// isKey reports whether a text is an RSA private key in PEM, of either form.
func isKey(text string) bool {
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return false
	}
	if _, err := x509.ParsePKCS1PrivateKey(block.Bytes); err == nil {
		return true
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	_, isRSA := key.(*rsa.PrivateKey)
	return err == nil && isRSA
}

// put keeps what was read, and returns the reference of where the credentials are; empty
// where none were given.
func (a access) put(ctx context.Context, to secrets, repository string, held secret.Secret) (string, error) {
	reference := gitops.CredentialsOf(repository)
	if a.secret || a.keyFile != "" {
		reference = gitops.SecretOf(repository)
	}
	switch {
	case held == secret.Secret{} && !a.secret:
		return "", nil
	case held == secret.Secret{}:
		if _, err := to.Read(ctx, reference); err != nil {
			return "", fmt.Errorf("look for the secret that --secret promises: %w", err)
		}
		return reference, nil
	}
	if err := to.Put(ctx, reference, held); err != nil {
		return "", fmt.Errorf("store the credentials: %w", err)
	}
	return reference, nil
}
