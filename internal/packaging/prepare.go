package packaging

import (
	"io/fs"

	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/template"
)

// Prepared is what an engine needs to plan: nothing of it is in AWS yet.
type Prepared struct {
	// Template is the template as CloudFormation is to read it, byte for byte the file but
	// for the replaced values. URL is empty where it is sent in the call itself; else it is
	// too large for one, lies under Key among the Artefacts and is sent as its URL.
	Template []byte
	Key, URL string

	Values       template.Values   // parameters, given and previous
	Tags         map[string]string // of the stack: the parameter file's, replaced by those of driftless.yaml
	Capabilities []string          // those of the settings, and CAPABILITY_AUTO_EXPAND where a macro is called
	Transforms   []string          // macros that the templates call, sorted; all of them are allowed
	Artefacts    []Artefact        // what has to lie in the bucket before the template is sent, sorted by key
}

// Artefact is an object that the template names.
type Artefact struct {
	Key  string // prefix and hash of the content: an object of this key never has to be written again
	Size int64  // of what it is made from, in bytes
	// Data makes the object. It may be asked for again and gives the same bytes; what it
	// gave is not kept, so that only one artefact is in memory at a time.
	Data func() ([]byte, error)
}

// Prepare reads an application's template, its parameters and every file that they name.
// The bucket is the artefact bucket of the target's account and region; "" where there is
// none, which is a problem of an application that needs one. The problems are a person's
// to mend, each with its place; the error is that the files cannot be read at all.
func Prepare(files fs.FS, s gitops.Settings, bucket string) (Prepared, []error, error) {
	t, values, problems, err := template.Load(files, s)
	if err != nil || len(problems) > 0 {
		return Prepared{}, problems, err
	}
	return Prepared{
		Template: t.Body, Values: template.Values{Parameters: values},
		Tags: s.CloudFormation.Tags, Capabilities: s.CloudFormation.Capabilities,
	}, nil, nil
}
