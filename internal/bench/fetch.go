package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/driftless-gitops/driftless/internal/bench/tally"
)

// directory is what is fetched.
var directory = service(42) + "/infra"

// fetches measures G1 and G2: the files of one directory of a large repository, by a process
// that begins with nothing.
func (b *bench) fetches(ctx context.Context) error {
	f, err := b.fetching(ctx)
	if err != nil {
		return err
	}
	ours := &contender{name: "driftless", run: f.program(f.ours, f.large, "directory", f.large.url, "main", directory)}
	cli := &contender{name: "git clone --depth 1 --filter=blob:none --sparse", run: f.cli}
	memory := &contender{name: "go-git, Depth: 1, into memory", run: f.program(f.gogit, f.large, f.large.url, "main", directory)}
	if err := b.interleave(ctx, b.n(), ours, cli, memory); err != nil {
		return err
	}
	b.add(
		Row{Goal: "G1", What: "one directory of 50,000 files, cold; git CLI, depth 1, blob:none, sparse", Ours: ours.millis(), Peer: cli.millis(), Limit: Ratio(0.65), Runs: runs(ours, cli)},
		Row{Goal: "G1", What: "the same; go-git v5, Depth 1, into memory", Ours: ours.millis(), Peer: memory.millis(), Limit: Ratio(0.02), Runs: runs(ours, memory)},
		Row{Goal: "G1", What: "- requests; the git CLI's", Ours: ours.requests(), Peer: cli.requests(), Runs: runs(ours, cli)},
		Row{Goal: "G1", What: "- received; by the git CLI", Ours: received(ours), Peer: received(cli), Runs: runs(ours, cli)},
		Row{Goal: "G2", What: "peak memory of that; go-git v5, Depth 1, into memory", Ours: ours.memory(), Peer: memory.memory(), Limit: Ratio(0.035), Runs: runs(ours, memory)},
	)
	tiny := &contender{name: "driftless, a repository of 100 files", run: f.program(f.ours, f.small, "directory", f.small.url, "main", service(4)+"/infra")}
	if err := b.interleave(ctx, b.n(), tiny); err != nil {
		return err
	}
	b.add(Row{Goal: "G2", What: "the same; ours with a repository of 100 files", Ours: ours.memory(), Peer: tiny.memory(), Limit: Ratio(2), Runs: runs(ours, tiny)})
	return nil
}

func received(c *contender) Quantity {
	return Quantity{float64(of(c, func(u usage) int64 { return u.received })) / 1e3, "kB"}
}

// fetching is what the measurements of git share.
type fetching struct {
	scratch      string
	large, small *server
	ours, gogit  string // programs
}

func (b *bench) fetching(ctx context.Context) (*fetching, error) {
	if b.fetch != nil {
		return b.fetch, nil
	}
	f := &fetching{scratch: b.scratch}
	for s, server := range map[shape]**server{large: &f.large, small: &f.small} {
		repository, err := b.repository(ctx, s)
		if err != nil {
			return nil, err
		}
		if *server, err = b.serve(ctx, repository); err != nil {
			return nil, err
		}
	}
	for name, program := range map[string]*string{"ours": &f.ours, "gogit": &f.gogit} {
		var err error
		if *program, err = b.build(ctx, "internal/bench/programs/"+name); err != nil {
			return nil, err
		}
	}
	b.fetch = f
	return f, nil
}

// program returns what runs one of our programs against a server, and checks that it read
// what there is to read.
func (f *fetching) program(path string, s *server, args ...string) func(context.Context) (usage, error) {
	return func(ctx context.Context) (usage, error) {
		return s.counted(func() (usage, error) {
			out, u, err := program{args: append([]string{path}, args...)}.do(ctx)
			if err != nil {
				return u, err
			}
			var got tally.Tally
			if err := json.Unmarshal(out, &got); err != nil {
				return u, fmt.Errorf("decode what %s printed: %w", filepath.Base(path), err)
			}
			u.peak = got.Peak
			if got.Files != infraFiles {
				return u, fmt.Errorf("%s read %d files, want %d", filepath.Base(path), got.Files, infraFiles)
			}
			return u, nil
		})
	}
}

// cli is the git command line at its best.
func (f *fetching) cli(ctx context.Context) (usage, error) {
	dir := filepath.Join(f.scratch, "clone")
	defer os.RemoveAll(dir)
	u, err := f.large.counted(func() (usage, error) {
		return chain(ctx,
			program{args: []string{"git", "clone", "-q", "--depth", "1", "--filter=blob:none", "--sparse", f.large.url, dir}},
			program{dir: dir, args: []string{"git", "sparse-checkout", "set", directory}})
	})
	if err != nil {
		return u, err
	}
	there, err := filepath.Glob(filepath.Join(dir, directory, "*"))
	if err != nil || len(there) != infraFiles {
		return u, fmt.Errorf("git checked out %d files (%v), want %d", len(there), err, infraFiles) //nolint:errorlint // for people
	}
	return u, nil
}
