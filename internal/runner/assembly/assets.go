package assembly

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// ErrDocker says that an app has a Docker image among its assets, which no build can make.
var ErrDocker = errors.New("builds have no Docker")

// assets is a list of them, and where it stands.
type assets struct {
	dir, id, file string
}

// list is what of a list of assets is read (cloud-assembly-schema, AssetManifest).
type list struct {
	Files map[string]struct {
		Source struct {
			Path string `json:"path"`
		} `json:"source"`
	} `json:"files"`
	DockerImages map[string]struct {
		DisplayName string `json:"displayName"`
	} `json:"dockerImages"`
}

// count returns how many files a list has that are no stack's template; ErrDocker where there
// are images in it.
func (r *reader) count(a assets) (int, error) {
	var l list
	if err := r.decode(a.file, &l); err != nil {
		return 0, err
	}
	if len(l.DockerImages) > 0 {
		id := slices.Min(slices.Collect(maps.Keys(l.DockerImages)))
		name := cmp.Or(l.DockerImages[id].DisplayName, id)
		return 0, fmt.Errorf("stack %s needs the Docker image asset %s: %w", shown(strings.TrimSuffix(a.id, ".assets")), shown(name), ErrDocker)
	}
	n := 0
	for _, f := range l.Files {
		if name, err := below(a.dir, f.Source.Path); err != nil || !r.templates[name] {
			n++ // whatever else it is, the CDK's command line looks at it
		}
	}
	return n, nil
}
