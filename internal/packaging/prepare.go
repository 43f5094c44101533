package packaging

import (
	"fmt"
	"io/fs"
	"maps"
	"slices"

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

// autoExpand is the capability without which CloudFormation expands no macro of a nested
// template.
const autoExpand = "CAPABILITY_AUTO_EXPAND"

// maxTags is how many tags a stack may have (CreateChangeSet, API reference).
const maxTags = 50

// Prepare reads an application's template, its parameters and every file that they name.
// The bucket is the artefact bucket of the target's account and region; "" where there is
// none, which is a problem of an application that needs one. The problems are a person's
// to mend, each with its place; the error is that the files cannot be read at all.
func Prepare(files fs.FS, s gitops.Settings, bucket string) (Prepared, []error, error) {
	src, problems, err := readSource(files, s)
	if err == nil && len(problems) == 0 {
		problems = src.inOrder(template.Check(src.template, s.CloudFormation), template.CheckValues(src.template, src.values),
			template.CheckLimits(src.template, src.values),
			src.values.CheckTemplatePath(src.name))
	}
	if err != nil || len(problems) > 0 {
		return Prepared{}, problems, err
	}
	return prepare(files, s, bucket, src)
}

// Check returns what Prepare would find wrong with an application in a region that has a
// bucket.
func Check(files fs.FS, s gitops.Settings) ([]error, error) {
	_, problems, err := Prepare(files, s, anyBucket)
	return problems, err
}

// CheckTemplate returns what is wrong with a template whatever application it is for: no
// value is missing where no parameter file is given, and what a deployment file of Git sync
// says of the template's path is not held against a root that may be another one.
func CheckTemplate(files fs.FS, s gitops.Settings) ([]error, error) {
	src, problems, err := readSource(files, s)
	if err == nil && len(problems) == 0 {
		problems = template.Check(src.template, s.CloudFormation)
		if s.CloudFormation.Parameters != "" {
			problems = src.inOrder(problems, template.CheckValues(src.template, src.values), template.CheckLimits(src.template, src.values))
		}
	}
	if err != nil || len(problems) > 0 {
		return problems, err
	}
	_, problems, err = prepare(files, s, anyBucket, src)
	return problems, err
}

// anyBucket stands for the bucket where nothing will be sent.
const anyBucket = "bucket"

// prepare packages what was read.
func prepare(files fs.FS, s gitops.Settings, bucket string, src source) (Prepared, []error, error) {
	p := &packager{files: files, settings: s, bucket: bucket,
		artefacts: map[string]Artefact{}, made: map[string]Artefact{}, nested: map[string]nested{}, transforms: map[string]bool{}}
	objects, err := p.objects(src.name, src.template)
	if err != nil {
		return Prepared{}, nil, err
	}
	body := src.template.Rewrite(objects)
	out := Prepared{Template: body, Values: src.values, Tags: map[string]string{}, Capabilities: slices.Clone(s.CloudFormation.Capabilities)}
	switch n := len(body); {
	case n > template.MaxSize:
		p.problem(&template.Error{File: src.name}, tooLong, n, template.MaxSize)
	case n > template.MaxInline:
		a := inMemory(body, ".template")
		out.Key, out.URL = a.Key, p.url(a.Key)
		p.keep(a, need{fmt.Sprintf("the template with its %d bytes (a call takes %d)", n, template.MaxInline), &template.Error{File: src.name}})
	}
	maps.Copy(out.Tags, src.values.Tags)
	maps.Copy(out.Tags, s.CloudFormation.Tags)
	if n := len(out.Tags); n > maxTags {
		p.problem(&template.Error{File: src.name}, "the stack has %d tags, from driftless.yaml and the parameter file; at most %d are allowed", n, maxTags)
	}
	p.checkBucket()
	if len(p.problems) > 0 {
		return Prepared{}, p.problems, nil
	}
	out.Transforms = slices.Sorted(maps.Keys(p.transforms))
	if len(out.Transforms) > 0 && !slices.Contains(out.Capabilities, autoExpand) {
		out.Capabilities = append(out.Capabilities, autoExpand)
	}
	for _, key := range slices.Sorted(maps.Keys(p.artefacts)) {
		out.Artefacts = append(out.Artefacts, p.artefacts[key])
	}
	return out, nil, nil
}
