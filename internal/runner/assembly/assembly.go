package assembly

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/driftless-gitops/driftless/internal/gitops"
)

// What an assembly may hold.
const (
	MaxStacks    = 200
	MaxTemplate  = 1_000_000 // bytes: what CloudFormation takes from S3 (internal/template, MaxSize)
	maxManifest  = 32 << 20  // bytes: with the metadata of every resource of 200 stacks
	maxArtifacts = 5000
	maxDepth     = 8 // stages within stages
	maxID        = 255
)

// Assembly is what an app synthesised.
type Assembly struct {
	// Stacks stand each after those that it depends on, else by their ids. The Template of each
	// is its file in the directory.
	Stacks []gitops.Stack
	Files  int // assets that have to be published, beside the templates themselves
}

// The types of artifacts that mean anything here (cloud-assembly-schema, ArtifactType).
const (
	typeStack  = "aws:cloudformation:stack"
	typeAssets = "cdk:asset-manifest"
	typeStage  = "cdk:cloud-assembly"
)

// manifest is what of an assembly's manifest.json is read.
type manifest struct {
	Artifacts map[string]artifact `json:"artifacts"`
	Missing   []struct {
		Key string `json:"key"`
	} `json:"missing"`
}

type artifact struct {
	Type         string          `json:"type"`
	Environment  string          `json:"environment"`
	Dependencies []string        `json:"dependencies"`
	Properties   json.RawMessage `json:"properties"`
}

type stackProperties struct {
	TemplateFile string            `json:"templateFile"`
	StackName    string            `json:"stackName"`
	Parameters   map[string]string `json:"parameters"`
	Tags         map[string]string `json:"tags"`
}

// reader reads one assembly with all that is nested in it.
type reader struct {
	files     fs.FS
	artifacts int
	stacks    map[string]gitops.Stack
	named     map[string]string // where a stack goes, with its name, to its id
	templates map[string]bool   // files
	assets    []assets
}

// Read returns what the directory of an assembly holds. Its errors are words for people: what
// is wrong, in which file.
func Read(files fs.FS) (Assembly, error) {
	r := &reader{files: files, stacks: map[string]gitops.Stack{}, named: map[string]string{}, templates: map[string]bool{}}
	if err := r.read(".", 0); err != nil {
		return Assembly{}, err
	}
	if len(r.stacks) == 0 {
		return Assembly{}, errors.New("the app has no stacks")
	}
	ordered, err := order(r.stacks)
	if err != nil {
		return Assembly{}, err
	}
	a := Assembly{Stacks: ordered}
	for _, list := range r.assets {
		n, err := r.count(list)
		if err != nil {
			return Assembly{}, err
		}
		a.Files += n
	}
	return a, nil
}

// read adds what one directory's manifest says.
func (r *reader) read(dir string, depth int) error {
	name := path.Join(dir, "manifest.json")
	if depth > maxDepth {
		return fmt.Errorf("%s: stages are nested deeper than %d", shown(name), maxDepth)
	}
	var m manifest
	if err := r.decode(name, &m); err != nil {
		return err
	}
	if r.artifacts += len(m.Artifacts); r.artifacts > maxArtifacts {
		return fmt.Errorf("%s: the app has more than %d artifacts", shown(name), maxArtifacts)
	}
	if len(m.Missing) > 0 {
		return fmt.Errorf("%s: the app lacks the context %s: let \"cdk synth\" look it up, and commit cdk.context.json", shown(name), shown(m.Missing[0].Key))
	}
	for _, id := range slices.Sorted(maps.Keys(m.Artifacts)) {
		if err := r.add(dir, depth, id, m.Artifacts); err != nil {
			return fmt.Errorf("%s: %s: %w", shown(name), shown(id), err)
		}
	}
	return nil
}

// add adds one artifact of a manifest.
func (r *reader) add(dir string, depth int, id string, all map[string]artifact) error {
	a := all[id]
	switch a.Type {
	case typeStack:
		return r.addStack(dir, id, all)
	case typeAssets:
		var p struct{ File string }
		if err := a.properties(&p); err != nil {
			return err
		}
		file, err := below(dir, p.File)
		r.assets = append(r.assets, assets{dir, id, file})
		return err
	case typeStage:
		var p struct{ DirectoryName string }
		if err := a.properties(&p); err != nil {
			return err
		}
		stage, err := below(dir, p.DirectoryName)
		if err != nil {
			return err
		}
		return r.read(stage, depth+1)
	}
	return nil // a tree, a report: nothing that is deployed
}

// Names of stacks and where they go (CloudFormation API reference, CreateChangeSet, StackName).
var (
	stackName   = regexp.MustCompile(`^[A-Za-z][-A-Za-z0-9]{0,127}$`)
	environment = regexp.MustCompile(`^aws://(unknown-account|[0-9]{12})/(unknown-region|[a-z]{2,}(?:-[a-z]+)+-[0-9]+)$`)
)

// addStack adds one stack.
func (r *reader) addStack(dir, id string, all map[string]artifact) error {
	a := all[id]
	var p stackProperties
	if err := a.properties(&p); err != nil {
		return err
	}
	s := gitops.Stack{ID: id, Name: p.StackName, Parameters: p.Parameters, Tags: p.Tags}
	if s.Name == "" {
		s.Name = id
	}
	if id != gitops.Printable(id) || len(id) > maxID {
		return fmt.Errorf("its id is %s: characters that can be shown are allowed, %d at most", shown(id), maxID)
	}
	if !stackName.MatchString(s.Name) {
		return fmt.Errorf("the stack's name is %q: a letter, then letters, digits and hyphens are allowed, 128 at most", shown(s.Name))
	}
	at := environment.FindStringSubmatch(a.Environment)
	if at == nil {
		return fmt.Errorf("the stack's environment is %q: aws://ACCOUNT/REGION is allowed", shown(a.Environment))
	}
	s.Account, s.Region = strings.TrimPrefix(at[1], "unknown-account"), strings.TrimPrefix(at[2], "unknown-region")
	where := s.Account + "/" + s.Region + "/" + s.Name
	if other, ok := r.named[where]; ok {
		return fmt.Errorf("the stack %s of %s has the same name", shown(other), s.Name)
	}
	if _, ok := r.stacks[id]; ok {
		return errors.New("another stage has a stack of this id")
	}
	if len(r.stacks) == MaxStacks {
		return fmt.Errorf("the app has more than %d stacks", MaxStacks)
	}
	var err error
	if s.Template, err = below(dir, p.TemplateFile); err != nil {
		return err
	}
	if err := r.template(s.Template); err != nil {
		return err
	}
	if s.DependsOn, err = dependencies(id, all); err != nil {
		return err
	}
	r.stacks[id], r.named[where], r.templates[s.Template] = s, id, true
	return nil
}

// dependencies are the stacks that one names. Stages are islands: nothing depends across their
// bounds (aws-cdk, packages/aws-cdk-lib/core/lib/deps.ts).
func dependencies(id string, all map[string]artifact) ([]string, error) {
	var stacks []string
	for _, on := range all[id].Dependencies {
		a, ok := all[on]
		switch {
		case !ok || a.Type == typeStage:
			return nil, fmt.Errorf("it depends on %s, which is no stack beside it", shown(on))
		case a.Type == typeStack:
			stacks = append(stacks, on)
		}
	}
	slices.Sort(stacks)
	return slices.Compact(stacks), nil
}

// order sorts stacks so that each stands after those that it depends on.
func order(stacks map[string]gitops.Stack) ([]gitops.Stack, error) {
	var ordered []gitops.Stack
	done := map[string]bool{}
	ids := slices.Sorted(maps.Keys(stacks))
	for len(ordered) < len(stacks) {
		i := slices.IndexFunc(ids, func(id string) bool {
			return !slices.ContainsFunc(stacks[id].DependsOn, func(on string) bool { return !done[on] })
		})
		if i < 0 {
			return nil, fmt.Errorf("the stacks %s depend on each other in a circle", shown(strings.Join(ids, ", ")))
		}
		ordered, done[ids[i]] = append(ordered, stacks[ids[i]]), true
		ids = slices.Delete(ids, i, i+1)
	}
	return ordered, nil
}

// properties decodes those of an artifact.
func (a artifact) properties(into any) error {
	if err := json.Unmarshal(a.Properties, into); err != nil {
		return fmt.Errorf("its properties are not as they should be: %s", shown(err.Error()))
	}
	return nil
}

// decode reads a file of JSON.
func (r *reader) decode(name string, into any) error {
	data, err := r.file(name, maxManifest)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, into); err != nil {
		return fmt.Errorf("%s is not as it should be: %s", shown(name), shown(err.Error()))
	}
	return nil
}

// template refuses what CloudFormation would.
func (r *reader) template(name string) error {
	data, err := r.file(name, MaxTemplate)
	if err == nil && !json.Valid(data) {
		err = fmt.Errorf("%s is no JSON", shown(name))
	}
	return err
}

// file reads a regular file of at most so many bytes.
func (r *reader) file(name string, most int64) ([]byte, error) {
	f, err := r.files.Open(name)
	if err != nil {
		return nil, fmt.Errorf("%s cannot be read: %s", shown(name), why(err))
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is no file", shown(name))
	}
	data, err := io.ReadAll(io.LimitReader(f, most+1))
	if err != nil {
		return nil, fmt.Errorf("%s cannot be read: %s", shown(name), why(err))
	}
	if int64(len(data)) > most {
		return nil, fmt.Errorf("%s has more than %d bytes", shown(name), most)
	}
	return data, nil
}

// why is an error without the name that it is about.
func why(err error) string {
	var p *fs.PathError
	if errors.As(err, &p) {
		err = p.Err
	}
	return shown(err.Error())
}

// below joins a name that a manifest gives with the manifest's directory, and refuses one that
// leads elsewhere.
func below(dir, name string) (string, error) {
	if name == "" || name == "." || !fs.ValidPath(name) || strings.Contains(name, `\`) {
		return "", fmt.Errorf("%q is no name of a file below the assembly", shown(name))
	}
	return path.Join(dir, name), nil
}

// shown is a text of the app's as it can be shown.
func shown(s string) string {
	if len(s) > 200 {
		s = strings.ToValidUTF8(s[:200], "") + "…"
	}
	return gitops.Printable(s)
}
