package invoke

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"github.com/driftless-gitops/driftless/infra/build"
)

// Print builds a function of the project at root, runs it on the event of a file and prints
// what happened. An empty function is the one that the event's name is of. It needs the
// template that "make synth" writes.
func Print(ctx context.Context, out io.Writer, root, function, file string) error {
	if function == "" {
		var err error
		if function, err = FunctionOf(file); err != nil {
			return err
		}
	}
	event, expected, err := Read(file)
	if errors.Is(err, fs.ErrNotExist) { // an event of one's own: nothing is made beforehand
		event, err = os.ReadFile(file)
	}
	if err != nil {
		return err
	}
	t, err := synthesised(root)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "driftless-invoke-")
	if err != nil {
		return fmt.Errorf("make directory: %w", err)
	}
	defer os.RemoveAll(dir)
	code, err := build.Functions(ctx, root, dir, Machine(), []string{function})
	if err != nil {
		return err
	}
	w, err := Open(ctx, dir)
	if err != nil {
		return err
	}
	defer w.Close()
	if err := w.Prepare(ctx, expected); err != nil {
		return err
	}
	o, err := w.Run(ctx, t, function, Alias(function), code[function], event)
	if err != nil {
		return err
	}
	return o.print(out)
}

// Machine is this machine's processor, as Lambda names it.
func Machine() string {
	if runtime.GOARCH == "arm64" {
		return "arm64"
	}
	return "x86_64"
}

// Alias is the alias by which a function is called: api has one that may read.
func Alias(function string) string {
	if function == "api" {
		return "read"
	}
	return ""
}

// synthesised reads the template of the last synthesis.
func synthesised(root string) (t Template, err error) {
	data, err := os.ReadFile(filepath.Join(root, "cdk.out", "Driftless.template.json"))
	if err != nil {
		return t, fmt.Errorf("read template, which \"make synth\" writes: %w", err)
	}
	if err := json.Unmarshal(data, &t); err != nil {
		return t, fmt.Errorf("read template: %w", err)
	}
	return t, nil
}

// print writes the outcome for people; a function that failed is an error.
func (o Outcome) print(out io.Writer) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s\n", bytes.TrimSpace(o.Log))
	fmt.Fprintf(&b, "answer   %s\n", o.Response)
	for _, m := range o.Messages {
		fmt.Fprintf(&b, "message  to %s: %s\n", m.Group(), m.Reason)
	}
	for _, e := range o.Events {
		fmt.Fprintf(&b, "event    %s %s %v\n", e.Source, e.DetailType, e.Detail)
	}
	if _, err := out.Write(b.Bytes()); err != nil {
		return fmt.Errorf("print outcome: %w", err)
	}
	if o.Failed {
		return errors.New("the function failed")
	}
	return nil
}
