// Package tally is what the measured programs print, so that the bench can tell that all of
// them read the same, and with how much memory. It imports the standard library only, since
// it is part of what is measured.
package tally

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
)

// Tally is what a program read, and what it needed.
type Tally struct {
	Files int   `json:"files"`
	Bytes int64 `json:"bytes"`
	Peak  int64 `json:"peak"` // most bytes of memory that the process had at a time
}

// Print reads every file and writes a Tally as JSON.
func Print(w io.Writer, files fs.FS) error {
	var t Tally
	err := fs.WalkDir(files, ".", func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		data, err := fs.ReadFile(files, name)
		t.Files++
		t.Bytes += int64(len(data))
		return err
	})
	if err != nil {
		return fmt.Errorf("read files: %w", err)
	}
	if t.Peak, err = Memory("self", "VmHWM"); err != nil {
		return err
	}
	return json.NewEncoder(w).Encode(t)
}

// Memory reads one of a process's figures in bytes: VmHWM is the most that it had, VmRSS
// what it has. The rusage that a parent gets is no use: at exec the kernel counts what the
// parent had as the child's (Linux, fs/exec.c, exec_mmap).
func Memory(process, figure string) (int64, error) {
	status, err := os.ReadFile("/proc/" + process + "/status")
	if err != nil {
		return 0, fmt.Errorf("read memory of process %s: %w", process, err)
	}
	for line := range bytes.Lines(status) {
		fields := bytes.Fields(line)
		if len(fields) == 3 && string(fields[0]) == figure+":" {
			kilobytes, err := strconv.ParseInt(string(fields[1]), 10, 64)
			if err != nil {
				return 0, fmt.Errorf("read memory of process %s: %w", process, err)
			}
			return kilobytes << 10, nil
		}
	}
	return 0, fmt.Errorf("read memory of process %s: no %s", process, figure)
}
