package git_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/driftless-gitops/driftless/internal/git"
	"github.com/driftless-gitops/driftless/internal/gitops"
)

// readsFrom is set for this test's own binary when it is to read paths of a repository, its
// URL and they by turns, instead of running tests: only a process of its own shows what
// reading takes.
const readsFrom = "DRIFTLESS_TEST_READS_FROM"

func TestMain(m *testing.M) {
	reads := strings.Fields(os.Getenv(readsFrom))
	if len(reads) == 0 {
		os.Exit(m.Run())
	}
	files, err := readOnce(context.Background(), reads[0], reads[1:])
	if err == nil {
		var peak int64
		peak, err = peakMemory()
		fmt.Println(files, peak)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// readOnce reads every file at and below the paths at the head, and counts them.
func readOnce(ctx context.Context, address string, paths []string) (count int, err error) {
	client := &git.Client{AllowPrivateHosts: []string{"127.0.0.1"}}
	r := gitops.Repository{URL: address, Branch: "main"}
	head, err := client.Head(ctx, r)
	if err != nil {
		return 0, err
	}
	snap, err := client.Snapshot(ctx, r, head)
	if err != nil {
		return 0, err
	}
	files, err := snap.Fetch(ctx, paths...)
	if err != nil {
		return 0, err
	}
	err = fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			count++
			_, err = fs.ReadFile(files, name)
		}
		return err
	})
	return count, err
}

// peakMemory returns the most memory that this process had at any time, in KiB.
func peakMemory() (int64, error) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(status)) {
		if value, found := strings.CutPrefix(line, "VmHWM:"); found {
			return strconv.ParseInt(strings.Fields(value)[0], 10, 64)
		}
	}
	return 0, fmt.Errorf("no VmHWM in %s", status)
}

// overhead is how much more memory a binary may take that looks for data races in itself
// ("five to ten times", says go.dev/doc/articles/race_detector, and three are seen here).
func overhead() int64 {
	info, _ := debug.ReadBuildInfo()
	if info != nil && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"}) {
		return 4
	}
	return 1
}

// generate fills the repository with services of files that do not compress.
func (s *server) generate(services, files, bytes int) {
	s.t.Helper()
	s.git("config", "pack.window", "0") // nothing to be found by looking for differences
	s.git("config", "core.compression", "0")
	in, out := io.Pipe()
	command := exec.CommandContext(s.t.Context(), "git", "-c", "core.compression=0", "fast-import", "--quiet", "--depth=0")
	command.Dir, command.Env, command.Stdin = s.dir, environment(), in
	go func() { _ = out.CloseWithError(writeHistory(out, services, files, bytes)) }()
	if said, err := command.CombinedOutput(); err != nil {
		s.t.Fatalf("git fast-import: %v\n%s", err, said)
	}
}

func writeHistory(out io.Writer, services, files, bytes int) error {
	w := bufio.NewWriter(out)
	noise := rand.NewChaCha8([32]byte{1})
	data := make([]byte, bytes)
	for i := range services * files {
		_, _ = noise.Read(data) // it never fails
		fmt.Fprintf(w, "blob\nmark :%d\ndata %d\n%s\n", i+1, bytes, data)
	}
	fmt.Fprint(w, "commit refs/heads/main\ncommitter Ada <ada@example.com> 1763631667 +0000\ndata 1\nx\n")
	for i := range services * files {
		dir := "infra"
		if n := i % files / 10; n > 0 {
			dir = fmt.Sprintf("src/d%d", n)
		}
		fmt.Fprintf(w, "M 100644 :%d services/svc-%04d/%s/f%d.yaml\n", i+1, i/files, dir, i%10)
	}
	return w.Flush()
}

// What a function may take is fixed (128 MB, and most of that is for other things), whatever
// the repository: here it has 20,000 files and 120 MB that do not compress.
func TestR47_MemoryDoesNotGrowWithTheRepository(t *testing.T) {
	s := newServer(t)
	s.generate(200, 100, 6000)
	var all []string
	for i := range 200 {
		all = append(all, fmt.Sprintf("services/svc-%04d", i))
	}
	one := []string{"services/svc-0042/infra"}
	for name, c := range map[string]struct {
		filter string
		paths  []string
		files  int
		most   int64 // KiB
	}{
		"one directory, from a server that filters":          {"true", one, 10, 24 << 10},
		"one directory, from one that sends whole commits":   {"false", one, 10, 32 << 10},
		"every directory, from a server that filters":        {"true", all, 20_000, 64 << 10},
		"every directory, from one that sends whole commits": {"false", all, 20_000, 64 << 10},
	} {
		t.Run(name, func(t *testing.T) {
			s.git("config", "uploadpack.allowFilter", c.filter)
			child := exec.CommandContext(t.Context(), os.Args[0])
			child.Env = append(os.Environ(), readsFrom+"="+s.repository().URL+" "+strings.Join(c.paths, " "), "TMPDIR="+t.TempDir())
			child.Stderr = os.Stderr
			said, err := child.Output()
			if err != nil {
				t.Fatal(err)
			}
			var files int
			var peak int64
			if _, err := fmt.Sscan(string(said), &files, &peak); err != nil || files != c.files {
				t.Fatalf("it read %q, %v; want %d files", said, err, c.files)
			}
			if most := c.most * overhead(); peak > most {
				t.Errorf("it took %d KiB, want at most %d", peak, most)
			}
		})
	}
}
