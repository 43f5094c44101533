// Package install finds terraform or tofu in exactly the version that is asked for: the one on
// the PATH, else, of terraform, HashiCorp's release, from the files that an earlier build
// downloaded or from its site. A release's signature and checksum are checked wherever it comes
// from. Nothing is compiled, and no other version is taken.
package install

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/hashicorp/go-version"
	"github.com/hashicorp/hc-install/httpclient"
	"github.com/hashicorp/hc-install/product"
	"github.com/hashicorp/hc-install/releases"

	"github.com/driftless-gitops/driftless/internal/gitops"
)

// Installer finds programs.
type Installer struct {
	Dir  string // where what is downloaded is put, below directories of its own
	From string // where releases are had; empty: https://releases.hashicorp.com
	Key  string // armoured public key that releases are signed with; empty: HashiCorp's
}

// Program is one that was found.
type Program struct {
	Path string
	// Downloaded is a directory with the files of the release, each signed or with a signed
	// checksum, for later builds; empty where nothing was downloaded.
	Downloaded string
	// Distrusted is why the files of an earlier build were not taken; nil where they were, and
	// where there were none.
	Distrusted error
}

// Install returns the program in exactly that version; a *gitops.Refusal says that it cannot be
// had. Where it is not on the PATH, kept is asked for a directory with the files that an earlier
// Install downloaded, which may be anybody's by now; nil, and an empty name, are for none.
func (i Installer) Install(ctx context.Context, flavor gitops.Flavor, wanted string, kept func() (dir string)) (Program, error) {
	v, err := version.NewSemver(wanted)
	if err != nil {
		return Program{}, &gitops.Refusal{Reason: fmt.Sprintf("%q is no version; an exact one such as 1.11.4 is", wanted)}
	}
	there, path := onPath(ctx, string(flavor))
	if there == v.String() {
		return Program{Path: path}, nil
	}
	found := "there is none on the PATH"
	if there != "" {
		found = "the one on the PATH is " + there
	}
	if flavor != gitops.FlavorTerraform {
		return Program{}, &gitops.Refusal{Reason: fmt.Sprintf("%s %s is not to be had: %s, and only terraform is downloaded; name that version, or use an image for builds that has the other", flavor, v, found)}
	}
	p, err := i.release(ctx, v, kept)
	if err != nil {
		return Program{}, &gitops.Refusal{Reason: fmt.Sprintf("terraform %s is not to be had: %s, and the release could not be downloaded: %v", v, found, err)}
	}
	return p, nil
}

// release unpacks a release of terraform, from what was kept of it if that is genuine.
func (i Installer) release(ctx context.Context, v *version.Version, kept func() string) (p Program, err error) {
	if kept != nil {
		if dir := kept(); dir != "" {
			p.Path, p.Distrusted = i.unpack(ctx, v, shelf{dir: dir, version: v.String()})
			if p.Distrusted == nil {
				return p, nil
			}
		}
	}
	p.Downloaded = filepath.Join(i.Dir, "release")
	if err := os.Mkdir(p.Downloaded, 0o700); err != nil {
		return p, fmt.Errorf("make a directory: %w", err)
	}
	p.Path, err = i.unpack(ctx, v, recorder{site: httpclient.New().Transport, dir: p.Downloaded})
	return p, err
}

// unpack has the release's files brought, checks them, and returns the program's path.
func (i Installer) unpack(ctx context.Context, v *version.Version, from source) (string, error) {
	// A directory of its own for each attempt: hc-install loses the error of an archive that is
	// not the signed one (0.10.0, releasesjson.Downloader, whose deferred removal overwrites it),
	// unpacks nothing, and would return whatever program is there. Nor is it Dir, in which
	// terraform's own directory has the program's name.
	dir, err := os.MkdirTemp(i.Dir, "program-")
	if err != nil {
		return "", fmt.Errorf("make a directory: %w", err)
	}
	r := &releases.ExactVersion{Product: product.Terraform, Version: v, InstallDir: dir, ApiBaseURL: i.From, ArmoredPublicKey: i.Key, HTTPClient: client(from)}
	path, err := r.Install(ctx)
	var missing *fs.PathError
	if errors.As(err, &missing) && missing.Path == filepath.Join(dir, product.Terraform.BinaryName()) {
		return "", errors.New("the archive of the release did not come whole, or does not have the checksum that is signed")
	}
	return path, err
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
