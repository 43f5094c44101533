package sim

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// Mutant is a bug that is planted into the real source, to show that the simulation finds it.
type Mutant struct {
	Name   string
	Breaks string // what it does wrong
	Edits  []Edit
}

// Edit replaces a text of a file, which must stand there exactly once.
type Edit struct{ File, Old, New string }

// Planted is the bugs that a world has to find.
type Planted struct {
	World   string
	Mutants []Mutant
}

// MutantOptions say which mutants are tried.
type MutantOptions struct {
	Planted []Planted
	Root    string // the project's
	Seeds   uint64 // within which each has to be found
	Only    string // name of one; empty: all
	Part    string // "i/n": the i-th part of n; empty: all
	Out     io.Writer
	Now     func() time.Time
}

// TryMutants builds the simulation with each planted bug and runs it until the bug is found.
// It prints a table, and returns an error that names those that were not found or could not
// be planted: then the simulation is too weak, or the source has changed.
func TryMutants(ctx context.Context, o MutantOptions) error {
	list, worlds, err := o.chosen()
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "driftless-mutants-")
	if err != nil {
		return fmt.Errorf("make a folder for mutants: %w", err)
	}
	defer os.RemoveAll(dir)
	began, missed := o.Now(), []error(nil)
	fmt.Fprintf(o.Out, "%-28s %-10s %7s  %s\n", "PLANTED BUG", "FOUND BY", "AT SEED", "WHAT IT DOES")
	for i, m := range list {
		if ctx.Err() != nil {
			return fmt.Errorf("try planted bugs: %w", ctx.Err())
		}
		f, err := m.try(ctx, o, worlds[i], dir)
		if err != nil {
			missed = append(missed, fmt.Errorf("%s: %w", m.Name, err))
			f = finding{"not found", "-"}
		}
		fmt.Fprintf(o.Out, "%-28s %-10s %7s  %s\n", m.Name, f.invariant, f.seed, m.Breaks)
	}
	fmt.Fprintf(o.Out, "%d of %d planted bugs found in %s\n", len(list)-len(missed), len(list), o.Now().Sub(began).Round(time.Second))
	return errors.Join(missed...)
}

// chosen returns the mutants that are tried, and in which worlds.
func (o MutantOptions) chosen() (list []Mutant, worlds []string, err error) {
	i, n := 1, 1
	if o.Part != "" {
		if _, err := fmt.Sscanf(o.Part, "%d/%d", &i, &n); err != nil || i < 1 || i > n {
			return nil, nil, fmt.Errorf("part %q: must be i/n with i from 1 to n", o.Part)
		}
	}
	at := 0
	for _, p := range o.Planted {
		for _, m := range p.Mutants {
			if (o.Only == "" || o.Only == m.Name) && at%n == i-1 {
				list, worlds = append(list, m), append(worlds, p.World)
			}
			at++
		}
	}
	if len(list) == 0 {
		return nil, nil, fmt.Errorf("no planted bug is called %q", o.Only)
	}
	return list, worlds, nil
}

// finding is how a mutant was found.
type finding struct{ invariant, seed string }

func (m Mutant) try(ctx context.Context, o MutantOptions, world, dir string) (finding, error) {
	overlay, err := m.overlay(o.Root, dir)
	if err != nil {
		return finding{}, err
	}
	binary := filepath.Join(dir, "sim")
	build := exec.CommandContext(ctx, "go", "build", "-ldflags=-s -w", "-overlay", overlay, "-o", binary, "./cmd/sim")
	build.Dir = o.Root
	if out, err := build.CombinedOutput(); err != nil {
		return finding{}, fmt.Errorf("build: %w\n%s", err, out)
	}
	run := exec.CommandContext(ctx, binary, "run", "-world", world, "-most", "1", "-seeds", fmt.Sprint(o.Seeds))
	out, err := run.Output()
	var exit *exec.ExitError
	if err == nil {
		return finding{}, fmt.Errorf("not found in %d seeds: the simulation is too weak", o.Seeds)
	}
	if !errors.As(err, &exit) || exit.ExitCode() != 1 {
		return finding{}, fmt.Errorf("run: %w", err)
	}
	lines := strings.SplitN(string(out), "\n", 3)
	if len(lines) < 3 {
		return finding{}, fmt.Errorf("run: printed %q", out)
	}
	_, after, told := strings.Cut(lines[0], "-seed ")
	if !told {
		return finding{}, fmt.Errorf("run: printed %q", lines[0])
	}
	seed, _, _ := strings.Cut(after, " ")
	invariant, _, _ := strings.Cut(strings.TrimSpace(lines[1]), " ")
	return finding{invariant, seed}, nil
}

// overlay writes the changed files, and the list of them that go build reads.
func (m Mutant) overlay(root, dir string) (string, error) {
	changed, err := m.Apply(root)
	if err != nil {
		return "", err
	}
	list := struct{ Replace map[string]string }{map[string]string{}}
	for file, text := range changed {
		at := filepath.Join(dir, m.Name+"-"+strings.ReplaceAll(file, "/", "-"))
		if err := os.WriteFile(at, []byte(text), 0o600); err != nil {
			return "", fmt.Errorf("write %s: %w", file, err)
		}
		from, err := filepath.Abs(filepath.Join(root, file))
		if err != nil {
			return "", fmt.Errorf("find %s: %w", file, err)
		}
		list.Replace[from] = at
	}
	data, err := json.Marshal(list)
	if err != nil {
		return "", fmt.Errorf("encode overlay: %w", err)
	}
	at := filepath.Join(dir, m.Name+".json")
	if err := os.WriteFile(at, data, 0o600); err != nil {
		return "", fmt.Errorf("write overlay: %w", err)
	}
	return at, nil
}

// Apply returns the files of the project with the bug in them. A text that is not there
// exactly once is an error: the source has changed, and the table has to follow.
func (m Mutant) Apply(root string) (map[string]string, error) {
	changed := map[string]string{}
	for _, e := range m.Edits {
		text, ok := changed[e.File]
		if !ok {
			data, err := os.ReadFile(filepath.Join(root, e.File))
			if err != nil {
				return nil, fmt.Errorf("read %s: %w", e.File, err)
			}
			text = string(data)
		}
		if n := strings.Count(text, e.Old); n != 1 {
			return nil, fmt.Errorf("plant into %s: %q stands there %d times, must be once", e.File, e.Old, n)
		}
		changed[e.File] = strings.Replace(text, e.Old, e.New, 1)
	}
	return changed, nil
}
