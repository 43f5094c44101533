package packaging_test

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
	"go.yaml.in/yaml/v3"

	"github.com/driftless-gitops/driftless/internal/aws/awstest"
	"github.com/driftless-gitops/driftless/internal/gitops"
)

const bucket = "driftless-artefacts"

// TestPackagedAsTheCLIDoes packages one template twice, with "aws cloudformation package" and
// here, and holds both against each other: which values were replaced, by what form of
// address, and what lies there, file for file. It is told once in YAML and once in JSON.
func TestPackagedAsTheCLIDoes(t *testing.T) {
	cli, err := exec.LookPath("aws")
	if err != nil {
		t.Skip("NOT TESTED against the AWS CLI: there is no aws on the PATH")
	}
	dir := t.TempDir()
	extract(t, "testdata/every_property.txtar", dir)
	asJSON(t, filepath.Join(dir, "template.yaml"), filepath.Join(dir, "template.json"))
	cfg := awstest.Moto(t)
	client := s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true })
	if _, err := client.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String(bucket),
		CreateBucketConfiguration: &types.CreateBucketConfiguration{LocationConstraint: awstest.Region}}); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"template.yaml", "template.json"} {
		t.Run(name, func(t *testing.T) {
			theirs := world{t, func(key string) []byte {
				out, err := client.GetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String(bucket), Key: &key})
				if err != nil {
					t.Fatalf("get %s: %v", key, err)
				}
				data, err := io.ReadAll(out.Body)
				if err != nil {
					t.Fatal(err)
				}
				return data
			}}
			want := theirs.plain(command(t, cli, dir, *cfg.BaseEndpoint, "cloudformation", "package",
				"--template-file", name, "--s3-bucket", bucket, "--use-json"))
			p := prepare(t, os.DirFS(dir), gitops.Settings{Path: ".", CloudFormation: gitops.CloudFormation{
				Template: name, Transforms: []string{"AWS::Serverless-2016-10-31", "AWS::Include", "Mine"}}})
			ours := world{t, func(key string) []byte { return data(t, p, key) }}
			if diff := cmp.Diff(want, ours.plain(p.Template)); diff != "" {
				t.Errorf("packaged (-AWS CLI +here):\n%s", diff)
			}
			if len(p.Artefacts) < 12 {
				t.Errorf("%d artefacts were made, of a template that names more", len(p.Artefacts))
			}
		})
	}
}

// world is where the addresses of a packaged template lead.
type world struct {
	t   *testing.T
	get func(key string) []byte
}

// plain returns a packaged template with each address replaced by what lies there.
func (w world) plain(template []byte) any {
	w.t.Helper()
	var tree any
	if err := yaml.Unmarshal(template, &tree); err != nil {
		w.t.Fatalf("parse %s: %v", template, err)
	}
	return w.resolve(tree)
}

var address = regexp.MustCompile(`^(s3|https?)://(?:.*/)?` + bucket + `(?:\.s3\.[^/]*)?/(.+)$`)

func (w world) resolve(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for of, key := range map[string]string{"Bucket": "Key", "S3Bucket": "S3Key"} {
			if v[of] == bucket {
				v[key] = w.content(fmt.Sprint(v[key]))
			}
		}
		for key, value := range v {
			v[key] = w.resolve(value)
		}
	case []any:
		for i := range v {
			v[i] = w.resolve(v[i])
		}
	case string:
		if m := address.FindStringSubmatch(v); m != nil {
			return []any{strings.TrimSuffix(m[1], "s"), w.content(m[2])}
		}
	}
	return v
}

// content describes an object: an archive by its files, a nested template by what it says
// in its turn, anything else by its hash.
func (w world) content(key string) any {
	w.t.Helper()
	data := w.get(key)
	if strings.HasSuffix(key, ".template") {
		return w.plain(data)
	}
	archive, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return fmt.Sprintf("%x", sha256.Sum256(data))
	}
	var files []any
	for _, name := range names(archive) {
		f, err := archive.Open(name)
		if err != nil {
			w.t.Fatal(err)
		}
		content, err := io.ReadAll(f)
		if err != nil {
			w.t.Fatal(err)
		}
		files = append(files, fmt.Sprintf("%s %x", name, sha256.Sum256(content)))
	}
	return files
}

func names(archive *zip.Reader) []string {
	var all []string
	for _, f := range archive.File {
		all = append(all, f.Name)
	}
	slices.Sort(all)
	return all
}

// command runs the CLI in a directory, and returns what it wrote.
func command(t *testing.T, cli, dir, endpoint string, args ...string) []byte {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), cli, args...)
	cmd.Dir = dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "AWS_ENDPOINT_URL=" + endpoint, "AWS_ACCESS_KEY_ID=AKIDEXAMPLE",
		"AWS_SECRET_ACCESS_KEY=secret", "AWS_DEFAULT_REGION=" + awstest.Region, "AWS_EC2_METADATA_DISABLED=true"}
	out, err := cmd.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		t.Fatalf("aws %s: %v\n%s", strings.Join(args, " "), err, exit.Stderr)
	}
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// extract writes the files of an archive of text, and an archive of code beside them.
func extract(t *testing.T, name, dir string) {
	t.Helper()
	archive, err := txtar.ParseFile(name)
	if err != nil {
		t.Fatal(err)
	}
	files := append(archive.Files, txtar.File{Name: "code.zip", Data: zipped(t, "index.py")})
	for _, f := range files {
		file := filepath.Join(dir, f.Name)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, f.Data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// zipped returns an archive with one file.
func zipped(t *testing.T, name string) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := zip.NewWriter(&buf)
	f, err := w.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write([]byte("code")); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func asJSON(t *testing.T, from, to string) {
	t.Helper()
	data, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	var tree any
	if err := yaml.Unmarshal(data, &tree); err != nil {
		t.Fatal(err)
	}
	out, err := json.MarshalIndent(tree, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, out, 0o600); err != nil {
		t.Fatal(err)
	}
}
