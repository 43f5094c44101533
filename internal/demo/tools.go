package demo

import (
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
)

// Lacking returns the first of some programs that is not on the PATH, "" where all are.
func Lacking(programs []string) string {
	for _, p := range programs {
		if _, err := exec.LookPath(p); err != nil {
			return p
		}
	}
	return ""
}

// TerraformVersion returns the version of the terraform on the PATH, which a build uses where it
// is asked for that one; exec.ErrNotFound.
func TerraformVersion(ctx context.Context) (string, error) {
	out, err := exec.CommandContext(ctx, "terraform", "version", "-json").Output()
	if err != nil {
		return "", fmt.Errorf("ask terraform for its version: %w", err)
	}
	var said struct {
		Version string `json:"terraform_version"`
	}
	if err := json.Unmarshal(out, &said); err != nil || said.Version == "" {
		return "", fmt.Errorf("ask terraform for its version: it printed %q", out)
	}
	return said.Version, nil
}
