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
	"strconv"
	"strings"
	"testing"

	"github.com/driftless-gitops/driftless/internal/git"
	"github.com/driftless-gitops/driftless/internal/gitops"
)

// readsFrom is set for this test's own binary when it is to read a repository at a URL
// instead of running tests: only a process of its own shows what reading takes.
const readsFrom = "DRIFTLESS_TEST_READS_FROM"

func TestMain(m *testing.M) {
	address := os.Getenv(readsFrom)
	if address == "" {
		os.Exit(m.Run())
	}
	files, err := readOnce(context.Background(), address)
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

// readOnce reads one directory of the head and returns how many files are in it.
func readOnce(ctx context.Context, address string) (count int, err error) {
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
	files, err := snap.Fetch(ctx, "services/svc-0042/infra")
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

// generate fills the repository with services of files that do not compress.
func (s *server) generate(services, files, bytes int) {
	s.t.Helper()
	in, out := io.Pipe()
	command := exec.CommandContext(s.t.Context(), "git", "fast-import", "--quiet")
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

// What a function may take is fixed (128 MB, most of it for other things), whatever the
// repository: here it has 20,000 files and 120 MB that do not compress.
func TestR47_MemoryDoesNotGrowWithTheRepository(t *testing.T) {
	const most = 128 << 10 // KiB
	for name, c := range map[string]struct {
		config []string
		most   int64 // KiB
	}{
		"from a server that filters":        {partial, 32 << 10},
		"from one that sends whole commits": {nil, most / 2},
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t, c.config...)
			s.generate(200, 100, 6000)
			child := exec.CommandContext(t.Context(), os.Args[0])
			child.Env = append(os.Environ(), readsFrom+"="+s.repository().URL, "TMPDIR="+t.TempDir())
			child.Stderr = os.Stderr
			said, err := child.Output()
			if err != nil {
				t.Fatal(err)
			}
			var files int
			var peak int64
			if _, err := fmt.Sscan(string(said), &files, &peak); err != nil || files != 10 {
				t.Fatalf("it read %q, %v; want ten files", said, err)
			}
			if peak > c.most {
				t.Errorf("it took %d KiB, want at most %d", peak, c.most)
			}
			t.Logf("peak: %d KiB", peak)
		})
	}
}
