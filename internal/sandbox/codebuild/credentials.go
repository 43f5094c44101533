package codebuild

import (
	"context"
	"crypto/subtle"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/driftless-gitops/driftless/internal/sandbox/wire"
)

// credentialsPath is where a build fetches its role's credentials, by its own uuid.
const credentialsPath = ControlPath + "credentials/"

// renew returns the build's session, a new one where the last has less than half its life left.
func (s *Service) renew(ctx context.Context, b *build) (Credentials, error) {
	s.mu.Lock()
	lasts, now := s.settings.timing.Session, s.c.Now()
	if b.session.AccessKey != "" && b.session.Expires.Sub(now) > lasts/2 {
		defer s.mu.Unlock()
		return b.session, nil
	}
	s.mu.Unlock()
	made, err := s.c.Session(ctx, b.given.ServiceRole, b.project.arn("project/"+b.ProjectName), "AWSCodeBuild-"+b.uuid, lasts)
	if err != nil {
		return Credentials{}, fmt.Errorf("CodeBuild is not authorized to perform: sts:AssumeRole on %s: %w", b.given.ServiceRole, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if b.key == "" {
		b.key = wire.NewUUID()
	}
	b.session = made
	b.keys = append(b.keys, made.AccessKey)
	return made, nil
}

// serveCredentials answers as the endpoint of containers does, to the build alone and while
// it runs.
func (s *Service) serveCredentials(w http.ResponseWriter, r *http.Request, uuid string) {
	b := s.authorized(uuid, r.Header.Get("Authorization"))
	if b == nil {
		http.Error(w, "no build runs that this token belongs to", http.StatusForbidden)
		return
	}
	c, err := s.renew(r.Context(), b)
	if err != nil {
		http.Error(w, err.Error(), http.StatusForbidden)
		return
	}
	wire.Answer(w, http.StatusOK, map[string]string{"AccessKeyId": c.AccessKey, "SecretAccessKey": c.SecretKey,
		"Token": c.SessionToken, "Expiration": c.Expires.UTC().Format(time.RFC3339), "RoleArn": b.given.ServiceRole})
}

func (s *Service) authorized(uuid, key string) *build {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.IndexFunc(s.builds, func(b *build) bool { return b.uuid == uuid })
	if i < 0 || s.builds[i].key == "" || subtle.ConstantTimeCompare([]byte(key), []byte(s.builds[i].key)) == 0 {
		return nil
	}
	return s.builds[i]
}
