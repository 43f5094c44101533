// Package build compiles programs for Lambda: the CDK app its functions, and whoever
// measures or tries them the same bytes. It knows nothing of the CDK, and imports the
// standard library only.
package build

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// goarch names Lambda's architectures in Go's words.
var goarch = map[string]string{"arm64": "arm64", "x86_64": "amd64"}

// Functions compiles functions/<name> of the project at root for Lambda and returns, by
// name, the directory that holds each one's bootstrap, under root/out/<architecture>. An
// unchanged source gives the same bytes, whatever machine and folder it is built in, so that
// a deployment of an unchanged function changes nothing. An out that is absolute is taken
// as it is.
//
// The CDK could be handed the compiler as local bundling instead; then a function that
// does not compile would send it looking for Docker, and hide the compiler's message.
func Functions(ctx context.Context, root, out, architecture string, names []string) (map[string]string, error) {
	if !filepath.IsAbs(out) {
		out = filepath.Join(root, out)
	}
	out = filepath.Join(out, architecture)
	packages := make([]string, 0, len(names))
	for _, name := range names {
		packages = append(packages, "./functions/"+name)
	}
	bin := filepath.Join(out, "bin")
	if err := Programs(ctx, root, bin, architecture, packages...); err != nil {
		return nil, fmt.Errorf("build functions for %s: %w", architecture, err)
	}
	code := map[string]string{}
	for _, name := range names {
		dir := filepath.Join(out, name)
		if err := copyFile(filepath.Join(bin, name), filepath.Join(dir, "bootstrap")); err != nil {
			return nil, err
		}
		code[name] = dir
	}
	return code, nil
}

// Runner compiles cmd/runner, the program of builds, as Functions does its own, and returns
// its path: root/out/<architecture>/runner.
func Runner(ctx context.Context, root, out, architecture string) (string, error) {
	if !filepath.IsAbs(out) {
		out = filepath.Join(root, out)
	}
	out = filepath.Join(out, architecture)
	if err := Programs(ctx, root, out, architecture, "./cmd/runner"); err != nil {
		return "", fmt.Errorf("build runner for %s: %w", architecture, err)
	}
	return filepath.Join(out, "runner"), nil
}

// Programs compiles main packages of the project at root, such as ./cmd/x, into the
// directory bin as functions are compiled. The error is the compiler's message.
func Programs(ctx context.Context, root, bin, architecture string, packages ...string) error {
	if err := os.MkdirAll(bin, 0o755); err != nil {
		return fmt.Errorf("make %s: %w", bin, err)
	}
	// lambda.norpc leaves out the old go1.x runtime's RPC; an empty buildid and -trimpath
	// keep folder and time out of the bytes.
	args := []string{"build", "-trimpath", "-buildvcs=false", "-tags", "lambda.norpc", "-ldflags", "-s -w -buildid=", "-o", bin + string(filepath.Separator)}
	cmd := exec.CommandContext(ctx, "go", append(args, packages...)...)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+goarch[architecture])
	var messages bytes.Buffer
	cmd.Stdout, cmd.Stderr = &messages, &messages
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%w\n%s", err, messages.String())
	}
	return nil
}

// copyFile copies an executable. The directory is made.
func copyFile(from, to string) error {
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return fmt.Errorf("make %s: %w", filepath.Dir(to), err)
	}
	data, err := os.ReadFile(from)
	if err != nil {
		return fmt.Errorf("read %s: %w", from, err)
	}
	if err := os.WriteFile(to, data, 0o755); err != nil {
		return fmt.Errorf("write %s: %w", to, err)
	}
	return nil
}
