package codecommit

import (
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"

	"github.com/driftless-gitops/driftless/internal/sandbox/sts"
	"github.com/driftless-gitops/driftless/internal/sandbox/wire"
)

// gitPath is where CodeCommit serves git: /v1/repos/NAME/info/refs and so on.
const gitPath = "/v1/repos/"

// Git serves git's smart HTTP protocol under /v1/repos/.
func (s *Service) Git() http.Handler { return http.HandlerFunc(s.serveGit) }

func (s *Service) serveGit(w http.ResponseWriter, r *http.Request) {
	name, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, gitPath), "/")
	user, password, ok := r.BasicAuth()
	if !ok { // git asks without a credential first
		w.Header().Set("WWW-Authenticate", `Basic realm="codecommit"`)
		http.Error(w, "a credential is required", http.StatusUnauthorized)
		return
	}
	caller, repo, err := s.authorize(r, user, password, name)
	if err != nil {
		s.c.Log.Debug("git request refused", "repository", name, "error", err)
		http.Error(w, "403: "+err.Error(), http.StatusForbidden)
		return
	}
	if repo == nil {
		http.Error(w, "repository "+name+" not found", http.StatusNotFound)
		return
	}
	if r.Method == http.MethodPost && rest == "git-receive-pack" {
		s.push(w, r, repo, caller)
		return
	}
	s.backend(w, r, repo, rest)
}

// authorize checks the credential and finds the repository in the caller's account, in the
// region that the signature was made for. The repository is nil when there is none.
func (s *Service) authorize(r *http.Request, user, password, name string) (sts.Identity, *repository, error) {
	accessKey, token, _ := strings.Cut(user, "%")
	caller, ok := s.c.Identity(accessKey)
	if !ok || caller.SessionToken != token {
		return sts.Identity{}, nil, errors.New("the access key or its session token is not known")
	}
	hosts := []string{r.Host}
	if host, _, err := net.SplitHostPort(r.Host); err == nil {
		hosts = append(hosts, host) // AWS's host has no port: clients differ in what they sign
	}
	path := gitPath + name
	found := s.store.named(caller.Account, name)
	if len(found) == 0 {
		return caller, nil, check(password, caller.SecretKey, s.c.Region, hosts, path, s.c.Now())
	}
	var err error
	for _, repo := range found {
		if err = check(password, caller.SecretKey, repo.region, hosts, path, s.c.Now()); err == nil {
			return caller, repo, nil
		}
	}
	return sts.Identity{}, nil, err
}

// push runs a push and puts an event on the bus for every reference that it changed.
func (s *Service) push(w http.ResponseWriter, r *http.Request, repo *repository, caller sts.Identity) {
	repo.pushing.Lock()
	defer repo.pushing.Unlock()
	ctx := context.WithoutCancel(r.Context()) // what was pushed is announced, client or not
	before, err := repo.refs("refs/")
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	s.backend(w, r, repo, "git-receive-pack")
	after, err := repo.refs("refs/")
	if err != nil {
		s.c.Log.Error("push not announced", "repository", repo.name, "error", err)
		return
	}
	if err := repo.adoptDefault(ctx, after); err != nil {
		s.c.Log.Error("default branch not set", "repository", repo.name, "error", err)
	}
	all := maps.Clone(before)
	maps.Copy(all, after)
	for _, ref := range slices.Sorted(maps.Keys(all)) {
		if before[ref] != after[ref] {
			s.announce(ctx, repo, caller, ref, before[ref], after[ref])
		}
	}
}

// announce emits "CodeCommit Repository State Change" for one reference. What a deletion
// carries is not documented; it carries the last commit as oldCommitId here.
func (s *Service) announce(ctx context.Context, repo *repository, caller sts.Identity, ref, before, after string) {
	detail := map[string]string{
		"event": "referenceUpdated", "repositoryName": repo.name, "repositoryId": repo.id,
		"referenceFullName": ref, "commitId": after, "oldCommitId": before, "callerUserArn": caller.ARN,
	}
	switch {
	case before == "":
		detail["event"] = "referenceCreated"
		delete(detail, "oldCommitId")
	case after == "":
		detail["event"] = "referenceDeleted"
		delete(detail, "commitId")
	}
	var ok bool
	if detail["referenceName"], ok = strings.CutPrefix(ref, branchPrefix); ok {
		detail["referenceType"] = "branch"
	} else if detail["referenceName"], ok = strings.CutPrefix(ref, tagPrefix); ok {
		detail["referenceType"] = "tag"
	} else {
		return // CodeCommit announces branches and tags only
	}
	encoded, err := json.Marshal(detail)
	if err != nil {
		s.c.Log.Error("push not announced", "repository", repo.name, "error", err)
		return
	}
	s.c.Emit(ctx, wire.Event{Source: "aws.codecommit", DetailType: "CodeCommit Repository State Change",
		Resources: []string{repo.arn()}, Detail: encoded, Account: repo.account, Region: repo.region})
}

// backend answers a request of the smart protocol as git http-backend does, without the two
// processes that it takes on top. It speaks protocol version 0 only, which is what CodeCommit
// is known to speak.
func (s *Service) backend(w http.ResponseWriter, r *http.Request, repo *repository, rest string) {
	service := strings.TrimPrefix(rest, "git-")
	asked := strings.TrimPrefix(r.URL.Query().Get("service"), "git-")
	switch {
	case r.Method == http.MethodPost && services[service]:
		s.exchange(w, r, repo, service)
	case r.Method == http.MethodGet && rest == "info/refs" && services[asked]:
		header(w, asked, "advertisement")
		if _, err := io.WriteString(w, pktLine("# service=git-"+asked+"\n")+"0000"); err == nil {
			s.run(w, r, http.NoBody, repo, asked, "--advertise-refs")
		}
	default:
		http.NotFound(w, r)
	}
}

// services are what git may ask for.
var services = map[string]bool{"upload-pack": true, "receive-pack": true}

func (s *Service) exchange(w http.ResponseWriter, r *http.Request, repo *repository, service string) {
	body := io.Reader(r.Body)
	if r.Header.Get("Content-Encoding") == "gzip" {
		unzipped, err := gzip.NewReader(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		body = unzipped
	}
	header(w, service, "result")
	_ = http.NewResponseController(w).EnableFullDuplex() // git reports while it still reads; HTTP/2 does so anyway
	s.run(w, r, body, repo, service)
}

func header(w http.ResponseWriter, service, kind string) {
	w.Header().Set("Content-Type", "application/x-git-"+service+"-"+kind)
	w.Header().Set("Cache-Control", "no-cache")
}

// run runs one of git's services. What goes wrong in it git itself tells the client.
func (s *Service) run(w http.ResponseWriter, r *http.Request, body io.Reader, repo *repository, service string, flags ...string) {
	cmd := exec.CommandContext(r.Context(), "git", slices.Concat([]string{service, "--stateless-rpc"}, flags, []string{repo.dir})...)
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH")}, gitEnv(s.c.Dir)...)
	cmd.Stdin, cmd.Stdout = body, w
	var complaint strings.Builder
	cmd.Stderr = &complaint
	if err := cmd.Run(); err != nil {
		s.c.Log.Debug("git service failed", "repository", repo.name, "service", service, "error", err, "said", strings.TrimSpace(complaint.String()))
	}
}

// pktLine is a line in git's framing: its length in hex, itself included.
func pktLine(text string) string { return fmt.Sprintf("%04x%s", len(text)+4, text) }
