package codecommit_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/driftless-gitops/driftless/internal/aws/awstest"
	"github.com/driftless-gitops/driftless/internal/aws/codecommit"
	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

var infra = gitops.Repository{URL: "codecommit::eu-west-1://infra", Branch: "main"}

func at() time.Time { return time.Date(2026, 11, 21, 3, 4, 5, 0, time.UTC) }

// The vector was made by an independent implementation of git-remote-codecommit's sign().
func TestSignatureIsThatOfGitRemoteCodeCommit(t *testing.T) {
	const url = "https://git-codecommit.eu-west-1.amazonaws.com/v1/repos/infra"
	const password = "20261121T030405Zb619e52253d58f12e36ba74fd054015d66e06691eb885520e3a91ad576ffc63e"
	for name, c := range map[string]struct{ token, user, url string }{
		"a user's keys":     {"", "AKIDEXAMPLE", url},
		"a role's session":  {"token/+=", "AKIDEXAMPLE%token/+=", url},
		"a port in the URL": {"", "AKIDEXAMPLE", strings.Replace(url, ".com", ".com:443", 1)},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := aws.Config{Region: "us-east-1", Credentials: credentials.NewStaticCredentialsProvider(
				"AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", c.token)}
			user, got, err := codecommit.New(cfg, at).Credentials(t.Context(), infra, c.url)
			if err != nil || user != c.user || got != password {
				t.Errorf("got %s, %s, %v", user, got, err)
			}
		})
	}
}

// moto cannot stand in here: it writes creationDate as text, which the SDK refuses.
func TestRepositoryIsResolvedOnce(t *testing.T) {
	const clone = "https://git-codecommit.eu-west-1.amazonaws.com/v1/repos/infra"
	calls := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		calls++
		body, _ := io.ReadAll(r.Body)
		if target := r.Header.Get("X-Amz-Target"); target != "CodeCommit_20150413.GetRepository" || string(body) != `{"repositoryName":"infra"}` {
			t.Errorf("%s was called with %s", target, body)
		}
		if !strings.Contains(r.Header.Get("Authorization"), "/eu-west-1/codecommit/") {
			t.Errorf("signed for another region: %s", r.Header.Get("Authorization"))
		}
		_, _ = w.Write([]byte(`{"repositoryMetadata":{"repositoryName":"infra","creationDate":1.7e9,"cloneUrlHttp":"` + clone + `"}}`))
	}))
	defer server.Close()
	cfg := awstest.At(server.URL)
	cfg.Region = "us-east-1" // the address decides, not where Driftless runs
	client := codecommit.New(cfg, at)
	for _, url := range []string{"codecommit::eu-west-1://infra", "codecommit::eu-west-1://infra/"} {
		if got, err := client.Resolve(t.Context(), gitops.Repository{URL: url}); err != nil || got != clone {
			t.Errorf("Resolve(%s) = %s, %v", url, got, err)
		}
	}
	if calls != 1 {
		t.Errorf("%d calls, want one", calls)
	}
}

func TestRepositoriesOfOtherHostsAreLeftAlone(t *testing.T) {
	client := codecommit.New(aws.Config{}, at)
	r := gitops.Repository{URL: "https://github.com/acme/infra.git"}
	if got, err := client.Resolve(t.Context(), r); err != nil || got != r.URL {
		t.Errorf("Resolve = %s, %v", got, err)
	}
	if user, password, err := client.Credentials(t.Context(), r, r.URL); err != nil || user != "" || password != "" {
		t.Errorf("Credentials = %q, %q, %v", user, password, err)
	}
}

func TestAddressesThatAreNone(t *testing.T) {
	client := codecommit.New(aws.Config{}, at)
	for _, url := range []string{"codecommit::eu-west-1://", "codecommit://infra", "codecommit::eu-west-1://profile@infra",
		"codecommit::eu-west-1://infra/../other", "codecommit::evil.example://infra", "codecommit::"} {
		r := gitops.Repository{URL: url}
		got, err := client.Resolve(t.Context(), r)
		if strings.HasPrefix(url, "codecommit::") && !errors.Is(err, reconcile.ErrNotFound) {
			t.Errorf("Resolve(%s) = %s, %v; want ErrNotFound", url, got, err)
		}
		if user, _, _ := client.Credentials(t.Context(), r, "https://evil.example/v1/repos/infra"); user != "" {
			t.Errorf("%s was signed for", url)
		}
	}
}

func TestErrorsOfAWS(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		code   string
		want   error // nil: neither
	}{
		"a missing right is denied":              {400, "AccessDeniedException", reconcile.ErrDenied},
		"a key that may not be used is too":      {400, "EncryptionKeyAccessDeniedException", reconcile.ErrDenied},
		"unknown credentials are too":            {400, "UnrecognizedClientException", reconcile.ErrDenied},
		"a right refused in the older wording":   {400, "AccessDenied", reconcile.ErrDenied},
		"a key that is disabled is too":          {400, "EncryptionKeyDisabledException", reconcile.ErrDenied},
		"an access key that is gone is too":      {400, "InvalidClientTokenId", reconcile.ErrDenied},
		"a region that is not opted into is too": {400, "OptInRequired", reconcile.ErrDenied},
		"expired credentials pass":               {400, "ExpiredTokenException", nil},
		"throttling passes":                      {400, "ThrottlingException", nil},
		"an error of the server passes":          {500, "InternalFailure", nil},
		"a repository that is gone is known":     {400, "RepositoryDoesNotExistException", reconcile.ErrNotFound},
		"a name that none has is too":            {400, "InvalidRepositoryNameException", reconcile.ErrNotFound},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("X-Amzn-Errortype", c.code)
				w.Header().Set("Content-Type", "application/x-amz-json-1.1")
				w.WriteHeader(c.status)
				_, _ = w.Write([]byte(`{"__type":"` + c.code + `","message":"not you"}`))
			}))
			defer server.Close()
			_, err := codecommit.New(awstest.At(server.URL), at).Resolve(t.Context(), infra)
			for _, sentinel := range []error{reconcile.ErrNotFound, reconcile.ErrDenied} {
				if err == nil || errors.Is(err, sentinel) != (sentinel == c.want) {
					t.Errorf("got %v, want %v", err, c.want)
				}
			}
		})
	}
}

func TestCredentialsThatCannotBeRetrievedAreNoRefusal(t *testing.T) {
	cfg := aws.Config{Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{}, errors.New("no answer")
	})}
	_, _, err := codecommit.New(cfg, at).Credentials(t.Context(), infra, "https://git-codecommit.eu-west-1.amazonaws.com/v1/repos/infra")
	if err == nil || errors.Is(err, reconcile.ErrDenied) {
		t.Errorf("got %v, want a plain error", err)
	}
}
