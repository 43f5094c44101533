package sandbox

import (
	"context"
	"fmt"
	"net/http"
	"path/filepath"

	"github.com/driftless-gitops/driftless/internal/sandbox/codecommit"
	"github.com/driftless-gitops/driftless/internal/sandbox/events"
	"github.com/driftless-gitops/driftless/internal/sandbox/sts"
)

// wire makes the parts, connects them and returns the gateway in front of them.
func (s *Sandbox) wire(ctx context.Context) (http.Handler, error) {
	proxy, err := newProxy(s.moto.URL(), s.o.Log)
	if err != nil {
		return nil, fmt.Errorf("make proxy: %w", err)
	}
	s.sts = sts.New(sts.Config{Moto: s.moto.URL(), Account: Account, Region: Region, Next: proxy,
		Now: s.o.Now, Log: s.o.Log})
	s.events = events.New(events.Config{Moto: s.moto.URL(), Account: Account, Region: Region, Next: proxy,
		Caller: s.caller, Invoke: s.invoke, ScheduleSpeed: s.o.ScheduleSpeed, DropEvents: s.o.DropEvents,
		Now: s.o.Now, Log: s.o.Log})
	if s.git, err = codecommit.New(codecommit.Config{Dir: filepath.Join(s.o.Dir, "codecommit"), Endpoint: s.URL,
		Caller: s.caller, Identity: s.sts.Identity, Emit: s.events.Emit, Filter: s.o.GitFilter,
		Account: Account, Region: Region, Now: s.o.Now, Log: s.o.Log}); err != nil {
		return nil, err
	}
	return &gateway{
		control: s.control(),
		git:     s.git.Git(),
		services: map[string]http.Handler{
			"sts":        s.sts,
			"iam":        s.sts.IAM(),
			"events":     s.events,
			"codecommit": s.git,
		},
		moto: proxy,
	}, nil
}

// caller names the account and region that a request belongs to: those of its signature.
func (s *Sandbox) caller(r *http.Request) (account, region string) {
	account, region = Account, Region
	if scope, ok := sts.ScopeOf(r); ok {
		region = scope.Region
		if who, ok := s.sts.Identity(scope.AccessKey); ok {
			account = who.Account
		}
	}
	return account, region
}

func (s *Sandbox) invoke(context.Context, string, []byte) error { return nil }
