// Program supply says what the functions and the program of builds are made of, as "make sbom" does, and whether
// weaknesses are known of it, as "make vuln" does. It exits with 1 where one is, with 2 when
// it could not tell.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"syscall"

	"github.com/driftless-gitops/driftless/infra/build"
	"github.com/driftless-gitops/driftless/internal/supply"
)

func main() {
	root := flag.String("root", ".", "this project's root")
	architecture := flag.String("architecture", "arm64", "of the functions: arm64 or x86_64")
	tool := flag.String("govulncheck", "govulncheck", "program to look for weaknesses with")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, flag.Arg(0), *root, *architecture, *tool)
	stop()
	if err == nil {
		return
	}
	fmt.Fprintln(os.Stderr, "✗ "+err.Error())
	if errors.Is(err, supply.ErrWeak) {
		os.Exit(1)
	}
	os.Exit(2)
}

func run(ctx context.Context, command, root, architecture, tool string) error {
	switch command {
	case "sbom":
		return bills(ctx, root, architecture)
	case "vuln":
		return supply.Weaknesses(ctx, os.Stdout, tool, root, "./functions/...", "./cmd/driftless", "./cmd/runner")
	}
	return fmt.Errorf("command %q: must be sbom or vuln", command)
}

// bills builds the functions and the program of builds, and writes a bill of materials for
// each into dist.
func bills(ctx context.Context, root, architecture string) error {
	names, err := functions(root)
	if err != nil {
		return err
	}
	code, err := build.Functions(ctx, root, "dist", architecture, names)
	if err != nil {
		return err
	}
	files := map[string]string{}
	for name, dir := range code {
		files[name] = filepath.Join(dir, "bootstrap")
	}
	if files["runner"], err = build.Runner(ctx, root, "dist", architecture); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		bill, err := supply.Bill(files[name], name)
		if err != nil {
			return err
		}
		file := filepath.Join(root, "dist", name+"-"+architecture+".cdx.json")
		if err := os.WriteFile(file, bill, 0o644); err != nil {
			return fmt.Errorf("write bill of %s: %w", name, err)
		}
		fmt.Println(file)
	}
	return nil
}

// functions lists the folders of functions/.
func functions(root string) ([]string, error) {
	entries, err := os.ReadDir(filepath.Join(root, "functions"))
	if err != nil {
		return nil, fmt.Errorf("list functions: %w", err)
	}
	var names []string
	for _, e := range entries {
		if e.IsDir() {
			names = append(names, e.Name())
		}
	}
	return names, nil
}
