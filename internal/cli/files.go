package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os/exec"
	"path"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/driftless-gitops/driftless/internal/gitops"
)

// largestFile is what is read of one file of a repository, 1 MiB, as internal/git has it.
const largestFile = 1 << 20

// unreadable returns what at and below the paths would be refused once it is pushed, in the
// words of internal/git. What is not there is no affair of its own.
func unreadable(files fs.FS, paths []string) ([]gitops.Problem, error) {
	found := map[string]string{}
	for _, root := range paths {
		err := fs.WalkDir(files, root, func(name string, d fs.DirEntry, err error) error {
			switch {
			case errors.Is(err, fs.ErrNotExist):
				return nil
			case err != nil:
				return err
			case name == ".git": // the repository's own
				return fs.SkipDir
			}
			why, err := refusedFile(files, name, d)
			if why == "" || err != nil {
				return err
			}
			found[name] = why
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", root, err)
		}
	}
	var problems []gitops.Problem
	for name, why := range found {
		problems = append(problems, gitops.Problem{File: name, Message: why})
	}
	slices.SortFunc(problems, func(a, b gitops.Problem) int { return strings.Compare(a.File, b.File) })
	return problems, nil
}

// refusedFile says why a file or a directory cannot be used, or nothing.
func refusedFile(files fs.FS, name string, d fs.DirEntry) (string, error) {
	base := path.Base(name)
	switch mode := d.Type(); {
	case !utf8.ValidString(base):
		return "its name is not UTF-8", nil
	case strings.Contains(base, `\`):
		return "its name holds a slash or backslash", nil
	case strings.ContainsFunc(base, unicode.IsControl):
		return "its name holds a control character", nil
	case mode&fs.ModeSymlink != 0:
		return "a symbolic link; only regular files are read", nil
	case mode.IsDir():
		if _, err := fs.Stat(files, path.Join(name, ".git")); name != "." && err == nil {
			return "a submodule; its files are in another repository", nil
		}
		return "", nil
	case !mode.IsRegular():
		return "neither a directory nor a regular file", nil
	}
	info, err := d.Info()
	if err == nil && info.Size() > largestFile {
		return fmt.Sprintf("%.1f MiB; at most 1 MiB is read", float64(info.Size())/largestFile), nil
	}
	return "", err
}

// pushed leaves out the problems of files that git ignores in the directory: no push holds
// them. Where there is no git, or no repository, everything counts.
func pushed(dir string, problems []gitops.Problem) []gitops.Problem {
	if len(problems) == 0 {
		return problems
	}
	var names, ignored bytes.Buffer
	for _, p := range problems {
		names.WriteString(p.File + "\x00")
	}
	git := exec.Command("git", "-C", dir, "check-ignore", "-z", "--stdin")
	git.Stdin, git.Stdout = &names, &ignored
	_ = git.Run() // it fails where nothing is ignored, too
	return slices.DeleteFunc(problems, func(p gitops.Problem) bool {
		return slices.Contains(strings.Split(ignored.String(), "\x00"), p.File)
	})
}

// quoted returns the problems with names that a terminal can show.
func quoted(problems []gitops.Problem) []gitops.Problem {
	for i, p := range problems {
		if q := strconv.Quote(p.File); q != `"`+p.File+`"` {
			problems[i].File = q
		}
	}
	return problems
}
