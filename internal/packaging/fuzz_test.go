package packaging_test

import (
	"archive/zip"
	"bytes"
	"errors"
	"io/fs"
	"regexp"
	"strconv"
	"testing"
	"testing/fstest"

	"github.com/driftless-gitops/driftless/internal/fuzzing"
	"github.com/driftless-gitops/driftless/internal/hostile"
	"github.com/driftless-gitops/driftless/internal/packaging"
	"github.com/driftless-gitops/driftless/internal/template"
)

// another is in a file of another application, which no template may have uploaded.
const another = "what another application keeps to itself"

// unpacked returns what is in an archive, after the archive itself.
func unpacked(content []byte) []byte {
	out := bytes.Clone(content)
	archive, err := zip.NewReader(bytes.NewReader(content), int64(len(content)))
	if err != nil {
		return out // it is none
	}
	for _, f := range archive.File {
		if data, err := fs.ReadFile(archive, f.Name); err == nil {
			out = append(append(out, f.Name...), data...)
		}
	}
	return out
}

var artefactKey = regexp.MustCompile(`^artefacts/[0-9a-f]{64}(\.\w+)?$`)

// FuzzPrepare packages whatever a template and its parameter file name: nothing but the
// application's own files, each under the hash of what is in it, the same ones each time.
func FuzzPrepare(f *testing.F) {
	code := func(path string) []byte {
		return []byte("Resources: {F: {Type: AWS::Lambda::Function, Properties: {Code: " + strconv.Quote(path) + ", Role: r, Handler: h, Runtime: python3.12}}, N: {Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: " + strconv.Quote(path) + "}}}")
	}
	for _, path := range append([]string{"src", "src/index.py", "nested.yaml", "../other", "../other/secret.txt", "./../jobs/src", "/stacks/other", "..", ".", "src/../../other", "https://host/x", "s3://b/k"}, hostile.Refused()[:40]...) {
		f.Add(code(path), "")
	}
	for _, text := range hostile.Texts() {
		f.Add(code(text), `{"Parameters":{"A":`+strconv.Quote(text)+`}}`)
	}
	f.Fuzz(func(t *testing.T, data []byte, parameters string) {
		files := fstest.MapFS{"stacks/jobs/template.yaml": {Data: data}, "stacks/jobs/src/index.py": {Data: []byte("def h(): pass\n")},
			"stacks/jobs/nested.yaml": {Data: []byte("Resources: {Q: {Type: AWS::SQS::Queue}}\n")}, "stacks/jobs/prod.json": {Data: []byte(parameters)},
			"stacks/other/secret.txt": {Data: []byte(another)}, "stacks/other/nested.yaml": {Data: []byte("Resources: {Q: {Type: AWS::SQS::Queue, Metadata: " + another + "}}\n")}}
		s := jobs()
		s.Target, s.CloudFormation.Template = target, "template.yaml"
		if parameters != "" {
			s.CloudFormation.Parameters = "prod.json"
		}
		var made packaging.Prepared
		var problems []error
		var err error
		fuzzing.Bounded(t, len(data)+len(parameters), func() { made, problems, err = packaging.Prepare(files, s, bucket) })
		if err != nil {
			t.Fatalf("the files cannot be read: %v", err)
		}
		for _, p := range problems {
			var placed *template.Error
			if !errors.As(p, &placed) || placed.Message == "" {
				t.Errorf("the problem %v has no place", p)
			}
		}
		for _, a := range made.Artefacts {
			content, err := a.Data()
			again, _ := a.Data()
			if err != nil || !artefactKey.MatchString(a.Key) || bytes.Contains(unpacked(content), []byte(another)) || !bytes.Equal(content, again) {
				t.Errorf("%s holds %q, %v", a.Key, content, err)
			}
		}
		if len(problems) == 0 && (len(made.Template) == 0 || bytes.Contains(made.Template, []byte(another)) && !bytes.Contains(data, []byte(another))) {
			t.Errorf("the template is %q", made.Template)
		}
	})
}
