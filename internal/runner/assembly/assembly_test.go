package assembly_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/hostile"
	"github.com/driftless-gitops/driftless/internal/runner/assembly"
)

// files are an assembly's, by name.
func files(content map[string]string) fstest.MapFS {
	m := fstest.MapFS{}
	for name, text := range content {
		m[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return m
}

// artifacts is a manifest of some.
func artifacts(list ...string) string {
	return `{"version": "54.0.0", "artifacts": {` + strings.Join(list, ", ") + `}}`
}

// stack is an artifact of one in any account, whose template is t.json.
func stack(id string, on ...string) string {
	return fmt.Sprintf(`%q: {"type": "aws:cloudformation:stack", "environment": "aws://unknown-account/unknown-region", "dependencies": [%s], "properties": {"templateFile": "t.json"}}`,
		id, strings.Join(on, ", "))
}

const (
	template = `{"Resources": {}}`
	listed   = `"X.assets": {"type": "cdk:asset-manifest", "properties": {"file": "X.assets.json"}}`
)

func TestStacksStandAfterThoseThatTheyDependOn(t *testing.T) {
	for name, c := range map[string]struct{ manifest, want string }{
		"one":                              {artifacts(stack("A")), "A"},
		"none depends on another":          {artifacts(stack("C"), stack("A"), stack("B")), "A B C"},
		"the first depends on the last":    {artifacts(stack("A", `"C"`), stack("B"), stack("C")), "B C A"},
		"a chain":                          {artifacts(stack("A", `"B"`), stack("B", `"C"`), stack("C", `"D"`), stack("D")), "D C B A"},
		"a diamond":                        {artifacts(stack("Top", `"Left"`, `"Right"`), stack("Left", `"Base"`), stack("Right", `"Base"`), stack("Base")), "Base Left Right Top"},
		"on assets too, and on one twice":  {artifacts(stack("A", `"X.assets"`, `"B"`, `"B"`), listed, stack("B")), "B A"},
		"artifacts that deploy nothing":    {artifacts(stack("A"), `"Tree": {"type": "cdk:tree", "properties": {"file": "tree.json"}}`), "A"},
		"one whose assets are its own":     {artifacts(stack("A", `"X.assets"`), listed), "A"},
		"dependencies that are not in use": {artifacts(stack("A"), strings.Replace(listed, `"type"`, `"dependencies": ["none"], "type"`, 1)), "A"},
	} {
		t.Run(name, func(t *testing.T) {
			a, err := assembly.Read(files(map[string]string{"manifest.json": c.manifest, "t.json": template, "X.assets.json": `{"files": {}, "dockerImages": {}}`}))
			if err != nil {
				t.Fatal(err)
			}
			var ids []string
			for _, s := range a.Stacks {
				ids = append(ids, s.ID)
			}
			if diff := cmp.Diff(c.want, strings.Join(ids, " ")); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestAStackIsToldAsTheAppSaysIt(t *testing.T) {
	a, err := assembly.Read(files(map[string]string{
		"manifest.json": artifacts(`"assembly-Prod": {"type": "cdk:cloud-assembly", "properties": {"directoryName": "assembly-Prod"}}`, stack("Alone")), "t.json": template,
		"assembly-Prod/manifest.json": artifacts(`"ProdData": {"type": "aws:cloudformation:stack", "environment": "aws://123456789012/eu-west-1", "dependencies": ["ProdNet", "ProdData.assets"],
			"properties": {"templateFile": "data.json", "stackName": "Prod-Data", "parameters": {"Size": "2"}, "tags": {"team": "blue"}}}`,
			`"ProdNet": {"type": "aws:cloudformation:stack", "environment": "aws://unknown-account/us-gov-west-1", "properties": {"templateFile": "data.json"}}`,
			`"ProdData.assets": {"type": "cdk:asset-manifest", "properties": {"file": "data.assets.json"}}`),
		"assembly-Prod/data.json":        template,
		"assembly-Prod/data.assets.json": `{"files": {"1": {"source": {"path": "data.json"}}, "2": {"source": {"path": "asset.2"}}, "3": {"source": {"executable": ["make"]}}}}`,
	}))
	if err != nil {
		t.Fatal(err)
	}
	want := assembly.Assembly{Files: 2, Stacks: []gitops.Stack{
		{ID: "Alone", Name: "Alone", Template: "t.json"},
		{ID: "ProdNet", Name: "ProdNet", Region: "us-gov-west-1", Template: "assembly-Prod/data.json"},
		{ID: "ProdData", Name: "Prod-Data", Account: "123456789012", Region: "eu-west-1", Template: "assembly-Prod/data.json",
			Parameters: map[string]string{"Size": "2"}, Tags: map[string]string{"team": "blue"}, DependsOn: []string{"ProdNet"}},
	}}
	if diff := cmp.Diff(want, a); diff != "" {
		t.Error(diff)
	}
}

// many are as many stacks.
func many(n int) string {
	var list []string
	for i := range n {
		list = append(list, stack(fmt.Sprintf("S%03d", i)))
	}
	return artifacts(list...)
}

func TestAnAssemblyIsBounded(t *testing.T) {
	large := template + strings.Repeat(" ", assembly.MaxTemplate-len(template))
	if a, err := assembly.Read(files(map[string]string{"manifest.json": many(assembly.MaxStacks), "t.json": large})); err != nil || len(a.Stacks) != assembly.MaxStacks {
		t.Errorf("as many stacks, of templates as large, as are allowed: %d, %v", len(a.Stacks), err)
	}
	var deep []string
	nested := map[string]string{}
	for range 9 {
		nested[strings.Join(append(deep, "manifest.json"), "/")] = artifacts(`"s": {"type": "cdk:cloud-assembly", "properties": {"directoryName": "s"}}`)
		deep = append(deep, "s")
	}
	nested[strings.Join(append(deep, "manifest.json"), "/")] = artifacts(stack("A"))
	for name, c := range map[string]struct {
		files map[string]string
		want  string
	}{
		"a stack too many":         {map[string]string{"manifest.json": many(assembly.MaxStacks + 1), "t.json": template}, "manifest.json: S200: the app has more than 200 stacks"},
		"a byte too many":          {map[string]string{"manifest.json": artifacts(stack("A")), "t.json": large + " "}, "manifest.json: A: t.json has more than 1000000 bytes"},
		"stages nested too deep":   {nested, "stages are nested deeper than 8"},
		"artifacts beyond measure": {map[string]string{"manifest.json": artifacts(stack("A"), numbered(5000)), "t.json": template}, "more than 5000 artifacts"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := assembly.Read(files(c.files))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %s", err, c.want)
			}
		})
	}
}

// numbered are artifacts that deploy nothing.
func numbered(n int) string {
	var list []string
	for i := range n {
		list = append(list, fmt.Sprintf(`"n%d": {"type": "none"}`, i))
	}
	return strings.Join(list, ", ")
}

func TestWhatCannotBeDeployedIsRefusedWithItsReason(t *testing.T) {
	with := func(old, instead string) map[string]string {
		return map[string]string{"manifest.json": strings.Replace(artifacts(stack("A", `"B"`), stack("B"), listed), old, instead, 1), "t.json": template, "X.assets.json": `{}`}
	}
	for name, c := range map[string]struct {
		files map[string]string
		want  string
	}{
		"no assembly":                       {nil, "manifest.json cannot be read: file does not exist"},
		"a manifest that is none":           {map[string]string{"manifest.json": "[]"}, "manifest.json is not as it should be: json: cannot unmarshal array"},
		"no stacks":                         {map[string]string{"manifest.json": artifacts()}, "the app has no stacks"},
		"a circle":                          {with(`"dependencies": []`, `"dependencies": ["A"]`), "the stacks A, B depend on each other in a circle"},
		"itself":                            {with(`["B"]`, `["A"]`), "the stacks A depend on each other in a circle"},
		"something that is not there":       {with(`["B"]`, `["C"]`), "manifest.json: A: it depends on C, which is no stack beside it"},
		"a template elsewhere":              {with(`"t.json"`, `"../t.json"`), `manifest.json: A: "../t.json" is no name of a file below the assembly`},
		"a template of an absolute name":    {with(`"t.json"`, `"/etc/passwd"`), `"/etc/passwd" is no name of a file below the assembly`},
		"a template with a backslash":       {with(`"t.json"`, `"..\\t.json"`), `is no name of a file below the assembly`},
		"no template":                       {with(`"t.json"`, `""`), `"" is no name of a file below the assembly`},
		"a template that is not there":      {with(`"t.json"`, `"u.json"`), "u.json cannot be read: file does not exist"},
		"a template that is no JSON":        {with(`"t.json"`, `"cdk.out"`), "cdk.out is no JSON"},
		"a template that is a directory":    {with(`"t.json"`, `"dir"`), "dir is no file"},
		"an environment that is none":       {with("aws://unknown-account/unknown-region", "aws://1/eu-west-1"), `the stack's environment is "aws://1/eu-west-1": aws://ACCOUNT/REGION is allowed`},
		"a name that is none":               {with(`"templateFile"`, `"stackName": "a b", "templateFile"`), `the stack's name is "a b": a letter, then letters, digits and hyphens are allowed, 128 at most`},
		"an id that drives a terminal":      {with(`"A":`, `"\u001b[31m":`), "its id is �[31m: characters that can be shown are allowed, 255 at most"},
		"a name of a stack beside it":       {with(`"templateFile"`, `"stackName": "B", "templateFile"`), "manifest.json: B: the stack A of B has the same name"},
		"parameters that are no texts":      {with(`"templateFile"`, `"parameters": {"a": {}}, "templateFile"`), "manifest.json: A: its properties are not as they should be"},
		"a list of assets elsewhere":        {with(`"X.assets.json"`, `"../X.json"`), `manifest.json: X.assets: "../X.json" is no name`},
		"a list of assets that is none":     {with(`"X.assets.json"`, `"cdk.out"`), "cdk.out is not as it should be"},
		"a stage elsewhere":                 {with(`"X.assets": {"type": "cdk:asset-manifest", "properties": {"file": "X.assets.json"}}`, `"S": {"type": "cdk:cloud-assembly", "properties": {"directoryName": ".."}}`), `manifest.json: S: ".." is no name`},
		"a stage within itself":             {with(`"X.assets": {"type": "cdk:asset-manifest", "properties": {"file": "X.assets.json"}}`, `"S": {"type": "cdk:cloud-assembly", "properties": {"directoryName": "."}}`), `manifest.json: S: "." is no name`},
		"context that was not to be had":    {with(`"artifacts"`, `"missing": [{"key": "vpc-provider:x"}], "artifacts"`), `manifest.json: the app lacks the context vpc-provider:x: let "cdk synth" look it up, and commit cdk.context.json`},
		"two stages with a stack of one id": {map[string]string{"manifest.json": artifacts(`"S": {"type": "cdk:cloud-assembly", "properties": {"directoryName": "s"}}`, stack("Z")), "t.json": template, "s/manifest.json": strings.Replace(artifacts(stack("Z")), `"templateFile"`, `"stackName": "Other", "templateFile"`, 1), "s/t.json": template}, "manifest.json: Z: another stage has a stack of this id"},
	} {
		t.Run(name, func(t *testing.T) {
			f := files(c.files)
			f["cdk.out"], f["dir/x"] = &fstest.MapFile{Data: []byte("text")}, &fstest.MapFile{}
			_, err := assembly.Read(f)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("%v\nwant %s", err, c.want)
			}
			if why := hostile.Trouble(err.Error()); why != "" {
				t.Errorf("%q: %s", err, why)
			}
		})
	}
}

func TestADockerImageIsNamedWithItsStack(t *testing.T) {
	_, err := assembly.Read(files(map[string]string{"manifest.json": artifacts(stack("X", `"X.assets"`), listed), "t.json": template,
		"X.assets.json": `{"files": {}, "dockerImages": {"b": {"displayName": "second"}, "a": {"displayName": "Service/Image"}}}`}))
	if diff := cmp.Diff("stack X needs the Docker image asset Service/Image: builds have no Docker", fmt.Sprint(err)); diff != "" || !errors.Is(err, assembly.ErrDocker) {
		t.Error(diff)
	}
}
