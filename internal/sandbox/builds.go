package sandbox

import (
	"context"
	"net/http"
	"path/filepath"
	"time"

	"github.com/driftless-gitops/driftless/internal/sandbox/codebuild"
	"github.com/driftless-gitops/driftless/internal/sandbox/sts"
)

// codeBuild is the name under which CodeBuild assumes roles.
const codeBuild = "codebuild.amazonaws.com"

// Builds is CodeBuild, for the switches that its package documents.
func (s *Sandbox) Builds() *codebuild.Service { return s.builds }

// makeBuilds makes CodeBuild and connects it.
func (s *Sandbox) makeBuilds() (err error) {
	s.builds, err = codebuild.New(codebuild.Config{
		Dir: filepath.Join(s.o.Dir, "codebuild"), Account: Account, Region: Region, Endpoint: s.URL,
		Caller: s.caller,
		Initiator: func(r *http.Request) string {
			scope, _ := sts.ScopeOf(r)
			who, _ := s.sts.Identity(scope.AccessKey)
			return who.ARN
		},
		Trusted: func(ctx context.Context, roleARN, projectARN string) error {
			return s.sts.Trusts(ctx, roleARN, codeBuild, projectARN)
		},
		Session: func(ctx context.Context, roleARN, projectARN, session string, lasts time.Duration) (codebuild.Credentials, error) {
			i, err := s.sts.SessionOf(ctx, roleARN, codeBuild, projectARN, session, lasts)
			return codebuild.Credentials{AccessKey: i.AccessKey, SecretKey: i.SecretKey, SessionToken: i.SessionToken, Expires: i.Expires}, err
		},
		Emit: s.events.Emit, Now: s.o.Now, Log: s.o.Log,
	})
	return err
}
