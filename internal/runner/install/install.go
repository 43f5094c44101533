// Package install finds terraform or tofu in exactly the version that is asked for: the one on
// the PATH, else, of terraform, HashiCorp's release, whose signature is checked. Nothing is
// compiled, and no other version is taken.
package install

import (
	"context"
	"encoding/json"
	"fmt"
	"os/exec"

	"github.com/hashicorp/go-version"
	"github.com/hashicorp/hc-install/product"
	"github.com/hashicorp/hc-install/releases"

	"github.com/driftless-gitops/driftless/internal/gitops"
)

// Installer finds programs.
type Installer struct {
	Dir  string // where what is downloaded is put
	From string // where releases are had; empty: https://releases.hashicorp.com
}

// Install returns the path of the program in exactly that version; a *gitops.Refusal says that
// it cannot be had.
func (i Installer) Install(ctx context.Context, flavor gitops.Flavor, wanted string) (string, error) {
	v, err := version.NewSemver(wanted)
	if err != nil {
		return "", &gitops.Refusal{Reason: fmt.Sprintf("%q is no version; an exact one such as 1.11.4 is", wanted)}
	}
	there, path := onPath(ctx, string(flavor))
	if there == v.String() {
		return path, nil
	}
	found := "there is none on the PATH"
	if there != "" {
		found = "the one on the PATH is " + there
	}
	if flavor != gitops.FlavorTerraform {
		return "", &gitops.Refusal{Reason: fmt.Sprintf("%s %s is not to be had: %s, and only terraform is downloaded; name that version, or use an image for builds that has the other", flavor, v, found)}
	}
	release := &releases.ExactVersion{Product: product.Terraform, Version: v, InstallDir: i.Dir, ApiBaseURL: i.From}
	path, err = release.Install(ctx)
	if err != nil {
		return "", &gitops.Refusal{Reason: fmt.Sprintf("terraform %s is not to be had: %s, and the release could not be downloaded: %v", v, found, err)}
	}
	return path, nil
}

// onPath returns the version and the path of a program; nothing where there is none.
func onPath(ctx context.Context, name string) (there, path string) {
	path, err := exec.LookPath(name)
	if err != nil {
		return "", ""
	}
	cmd := exec.CommandContext(ctx, path, "version", "-json")
	cmd.Env = []string{"CHECKPOINT_DISABLE=1"} // it asks its maker for newer ones otherwise
	out, err := cmd.Output()
	// OpenTofu keeps the name (https://opentofu.org/docs/cli/commands/version/).
	var said struct {
		Version string `json:"terraform_version"`
	}
	if err != nil || json.Unmarshal(out, &said) != nil {
		return "", ""
	}
	return said.Version, path
}
