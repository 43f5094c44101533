package runner

import (
	"context"
	"errors"
	"fmt"
	"runtime"

	"github.com/driftless-gitops/driftless/internal/build"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

// install finds terraform: the build image's, else that of an earlier build, else the release's.
func (s *session) install(ctx context.Context) error {
	t := s.order.Terraform
	d := download{name: programDir, key: build.CacheKey(s.job.Side, fmt.Sprintf("programs/%s_%s_%s_%s.zip", t.Flavor, t.Version, runtime.GOOS, runtime.GOARCH))}
	absent := false
	kept := func() string {
		if s.Cache == nil {
			return ""
		}
		to := s.path("kept")
		err := s.bring(ctx, d, to)
		switch {
		case errors.Is(err, reconcile.ErrNotFound):
			absent = true
		case err != nil:
			s.log.printf("the %s that an earlier build downloaded is not taken: %v\n", t.Flavor, err)
		default:
			return to
		}
		return ""
	}
	p, err := s.Installer.Install(ctx, t.Flavor, t.Version, kept)
	if err != nil {
		return err
	}
	if p.Distrusted != nil {
		s.log.printf("the %s that an earlier build downloaded is not taken: %v\n", t.Flavor, p.Distrusted)
	}
	if d.dir = p.Downloaded; d.dir != "" && absent {
		s.fresh = append(s.fresh, d)
	}
	s.program = p.Path
	return nil
}
