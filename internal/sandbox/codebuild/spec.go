package codebuild

import (
	"bytes"
	"fmt"
	"regexp"

	"go.yaml.in/yaml/v3"
)

// spec is a buildspec, as far as one of a project without a source needs it (user guide,
// "Build specification reference"). Any other key is an error that names it.
type spec struct {
	Version string `yaml:"version"`
	Env     struct {
		Shell     string            `yaml:"shell"`
		Variables map[string]string `yaml:"variables"`
	} `yaml:"env"`
	Phases struct {
		Install   steps `yaml:"install"`
		PreBuild  steps `yaml:"pre_build"`
		Build     steps `yaml:"build"`
		PostBuild steps `yaml:"post_build"`
	} `yaml:"phases"`
}

// steps are a phase's commands. Finally runs after them, whether they succeed or not.
type steps struct {
	Commands []string `yaml:"commands"`
	Finally  []string `yaml:"finally"`
}

// unknownKey is how yaml.v3 says that a key is not of the structure.
var unknownKey = regexp.MustCompile(`line (\d+): field (\S+) not found in type \S+`)

// parseSpec reads a buildspec of version 0.2.
func parseSpec(text string) (spec, error) {
	var s spec
	d := yaml.NewDecoder(bytes.NewReader([]byte(text)))
	d.KnownFields(true)
	if err := d.Decode(&s); err != nil {
		if m := unknownKey.FindStringSubmatch(err.Error()); m != nil {
			return spec{}, fmt.Errorf("read buildspec: line %s: the sandbox's CodeBuild does not support %s", m[1], m[2])
		}
		return spec{}, fmt.Errorf("read buildspec: %w", err)
	}
	if s.Version != "0.2" {
		return spec{}, fmt.Errorf("read buildspec: version is %q: the sandbox's CodeBuild supports 0.2", s.Version)
	}
	switch s.Env.Shell {
	case "":
		s.Env.Shell = "sh"
	case "sh", "bash":
	default:
		return spec{}, fmt.Errorf("read buildspec: env.shell is %q: the sandbox's CodeBuild has sh and bash", s.Env.Shell)
	}
	return s, nil
}
