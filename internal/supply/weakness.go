package supply

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
)

// ErrWeak says that a weakness is known of something that a program calls.
var ErrWeak = errors.New("a weakness is known of what is called")

// foundSome is govulncheck's exit code where something was found
// (pkg.go.dev/golang.org/x/vuln/cmd/govulncheck, "Exit codes").
const foundSome = 3

// unreachable begins what govulncheck says where its database does not answer.
const unreachable = "fetching vulnerabilities: "

// Weaknesses asks govulncheck, the program at tool, whether a weakness is known of anything
// that the packages of the module at root call. What it says goes to out. Where its database
// cannot be reached nothing is known, which is said plainly and is no error; ErrWeak where
// something was found.
func Weaknesses(ctx context.Context, out io.Writer, tool, root string, packages ...string) error {
	cmd := exec.CommandContext(ctx, tool, packages...)
	cmd.Dir = root
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = io.MultiWriter(out, &said), io.MultiWriter(out, &said)
	err := cmd.Run()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &exit) && exit.ExitCode() == foundSome:
		return ErrWeak
	case strings.Contains(said.String(), unreachable):
		fmt.Fprintln(out, "NOT CHECKED: the database of weaknesses, vuln.go.dev, cannot be reached from here, so that nothing is known of them")
		return nil
	}
	return fmt.Errorf("run govulncheck: %w", err)
}
