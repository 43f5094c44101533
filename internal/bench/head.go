package bench

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/driftless-gitops/driftless/internal/git"
	"github.com/driftless-gitops/driftless/internal/gitops"
)

// heads measures G3: what it costs to learn that nothing is new.
func (b *bench) heads(ctx context.Context) error {
	f, err := b.fetching(ctx)
	if err != nil {
		return err
	}
	if err := b.headsOf(ctx, f.ours, f.large, "50,000 files", 0.65); err != nil {
		return err
	}
	repository, err := b.repository(ctx, large)
	if err != nil {
		return err
	}
	many, err := b.referring(ctx, repository, 20_000)
	if err != nil {
		return err
	}
	s, err := b.serve(ctx, many)
	if err != nil {
		return err
	}
	return b.headsOf(ctx, f.ours, s, "20,000 references more", 0.9)
}

// headsOf compares at one server.
func (b *bench) headsOf(ctx context.Context, path string, s *server, what string, limit float64) error {
	whole := &contender{name: "driftless, a process", run: printing(s, program{args: []string{path, "head", s.url, "main"}})}
	client := &git.Client{AllowPrivateHosts: []string{"127.0.0.1"}}
	ours := &contender{name: "driftless, in a process that runs", run: func(ctx context.Context) (usage, error) {
		return s.counted(func() (usage, error) {
			began := time.Now()
			_, err := client.Head(ctx, gitops.Repository{URL: s.url, Branch: "main"})
			return usage{wall: time.Since(began)}, err
		})
	}}
	peer := &contender{name: "git ls-remote", run: printing(s, program{args: []string{"git", "ls-remote", s.url, "refs/heads/main"}})}
	if err := b.interleave(ctx, b.n()*2, whole, ours, peer); err != nil {
		return err
	}
	b.add(
		Row{Goal: "G3", What: "is there anything new, " + what + "; git ls-remote", Ours: whole.millis(), Peer: peer.millis(), Limit: Ratio(limit), Runs: runs(whole, peer)},
		Row{Goal: "G3", What: "- the same in a reconciler that runs; git ls-remote", Ours: ours.millis(), Peer: peer.millis(), Runs: runs(ours, peer)},
		Row{Goal: "G3", What: "- requests; git ls-remote's", Ours: whole.requests(), Peer: peer.requests(), Limit: Exactly(1), Runs: runs(whole, peer)},
		Row{Goal: "G3", What: "- received; by git ls-remote", Ours: received(whole), Peer: received(peer), Runs: runs(whole, peer)},
	)
	return nil
}

// printing runs a program that prints a commit.
func printing(s *server, p program) func(context.Context) (usage, error) {
	return func(ctx context.Context) (usage, error) {
		return s.counted(func() (usage, error) {
			out, u, err := p.do(ctx)
			if err == nil && len(strings.Fields(string(out))) == 0 {
				err = fmt.Errorf("%s printed no commit", p.args[0])
			}
			return u, err
		})
	}
}
