package packaging

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/template"
)

// maxNesting is how deep templates may nest, and maxNested how many there may be: far more
// than anybody has.
const (
	maxNesting = 10
	maxNested  = 200
)

// packager packages an application: its template and those nested in it.
type packager struct {
	files    fs.FS
	settings gitops.Settings
	bucket   string

	artefacts  map[string]Artefact // by key
	made       map[string]Artefact // by what they are made from
	nested     map[string]nested   // by file
	transforms map[string]bool
	chain      []string // templates whose packaging has begun
	needs      []need
	problems   []error
}

// need is what needs a bucket.
type need struct {
	what string
	at   *template.Error // its place
}

// nested is a template that another one names.
type nested struct {
	key      string
	template template.Template
}

// maxProblems caps what is told of all files: a reason has to hold it.
const maxProblems = 20

// tell notes problems, as long as there is room for them.
func (p *packager) tell(problems []error) {
	p.problems = append(p.problems, problems[:min(len(problems), maxProblems-len(p.problems))]...)
}

// problem notes what a person has to mend.
func (p *packager) problem(at *template.Error, format string, args ...any) {
	p.tell([]error{&template.Error{File: at.File, Line: at.Line, Column: at.Column, Message: fmt.Sprintf(format, args...)}})
}

// tooLong is said of a template that has more bytes than CloudFormation reads.
const tooLong = "with the addresses of its files the template has %d bytes; at most %d are allowed"

// keep notes an artefact and what needs it.
func (p *packager) keep(a Artefact, n need) {
	p.artefacts[a.Key] = a
	p.needs = append(p.needs, n)
}

// url returns where CloudFormation reads an object of the bucket.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html
func (p *packager) url(key string) string {
	region, suffix := p.settings.Target.Region, "amazonaws.com"
	if strings.HasPrefix(region, "cn-") {
		suffix += ".cn"
	}
	return "https://" + p.bucket + ".s3." + region + "." + suffix + "/" + key
}

// checkBucket names the bucket that is missing once, and what needs it.
func (p *packager) checkBucket() {
	if p.bucket != "" || len(p.needs) == 0 {
		return
	}
	first := p.needs[0]
	more := ""
	if n := len(p.needs) - 1; n > 0 {
		more = fmt.Sprintf(" (and %d more)", n)
	}
	target := p.settings.Target
	p.problem(first.at, "region %s of account %s has no artefact bucket, which %s needs%s: "+
		"deploy templates/target-events.yaml there and name it in the CDK context", target.Region, target.Account, first.what, more)
}

// objects makes what a template names, and returns where each of its Locals will lie.
func (p *packager) objects(name string, t template.Template) ([]template.Object, error) {
	p.chain = append(p.chain, name)
	defer func() { p.chain = p.chain[:len(p.chain)-1] }()
	for _, m := range t.Transforms {
		p.transforms[m.Name] = true
	}
	objects := make([]template.Object, len(t.Locals))
	for i, l := range t.Locals {
		if l.Object != "" {
			continue
		}
		key, err := p.local(name, t, l)
		if err != nil {
			return nil, err
		}
		objects[i] = template.Object{Bucket: p.bucket, Key: key, URL: p.url(key)}
	}
	return objects, nil
}

// local makes what one place names, and returns its key. A problem gives no key.
func (p *packager) local(name string, t template.Template, l template.Local) (string, error) {
	at := &template.Error{File: name, Line: l.Line, Column: l.Column}
	file, ok := p.resolve(at, path.Dir(name), l)
	if !ok {
		return "", nil
	}
	info, err := fs.Stat(p.files, file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		p.problem(at, "%s names %q, and there is no %s", l.Where, l.Path, file)
		return "", nil
	case err != nil:
		return "", fmt.Errorf("read %s: %w", file, err)
	case info.IsDir() && (l.Nested || l.Macro):
		p.problem(at, "%s names %q, and %s is a directory; a file is needed", l.Where, l.Path, file)
		return "", nil
	case l.Nested:
		return p.stack(at, file, t, l)
	case l.Macro:
		if err := p.snippet(at, file); err != nil {
			return "", err
		}
	}
	a, err := p.make(file, info, l.Zip)
	var large tooLarge
	var pointer pointerError
	switch {
	case errors.As(err, &large):
		p.problem(at, "%s names %q: %s", l.Where, l.Path, large.Error())
		return "", nil
	case errors.As(err, &pointer):
		p.problem(at, "%s names %q: %s", l.Where, l.Path, pointer.Error())
		return "", nil
	case err != nil:
		return "", err
	}
	p.keep(a, need{l.Where, at})
	return a.Key, nil
}

// resolve returns the path that a place names, from the repository's root. It must be among
// the application's files: others are in no bundle, and changing them would deploy nothing.
func (p *packager) resolve(at *template.Error, dir string, l template.Local) (string, bool) {
	file := path.Join(dir, l.Path)
	if path.IsAbs(l.Path) || file == ".." || strings.HasPrefix(file, "../") || !fs.ValidPath(file) {
		p.problem(at, "%s names %q, which is not in the repository", l.Where, l.Path)
		return "", false
	}
	ours := slices.Concat([]string{p.settings.Path}, p.settings.Watch)
	if !slices.ContainsFunc(ours, func(of string) bool { return within(file, path.Clean(of)) }) {
		p.problem(at, "%s names %q, and %s is not among the application's files: add it to watch in driftless.yaml", l.Where, l.Path, file)
		return "", false
	}
	return file, true
}

func within(file, dir string) bool {
	return dir == "." || file == dir || strings.HasPrefix(file, dir+"/")
}

// make makes an artefact of a file or folder, once for all places that name it.
func (p *packager) make(file string, info fs.FileInfo, zipped bool) (Artefact, error) {
	how := fmt.Sprint(zipped, " ", file)
	if a, known := p.made[how]; known {
		return a, nil
	}
	var a Artefact
	var err error
	switch {
	case info.IsDir():
		var members []member
		if members, err = folder(p.files, file); err == nil {
			a, err = archive(p.files, members)
		}
	case zipped:
		var data []byte
		if data, err = fs.ReadFile(p.files, file); err == nil && !isArchive(data) {
			a, err = archive(p.files, []member{{name: file, as: path.Base(file), size: info.Size(), executable: info.Mode()&0o111 != 0}})
			break
		}
		a, err = single(p.files, file)
	default:
		a, err = single(p.files, file)
	}
	if err == nil {
		p.made[how] = a
	}
	return a, err
}
