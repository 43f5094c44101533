package propose

import (
	"encoding/json"
	"io/fs"
	"path"
	"strings"

	"github.com/driftless-gitops/driftless/internal/gitops"
)

// recentCDK is the version of the CDK's command line that is proposed for an app that installs
// none: the one that Driftless itself is installed with.
const recentCDK = "2.1148.1"

// maxLock is how much of a package-lock.json is read.
const maxLock = 32 << 20

// cdk makes an application of a CDK app.
func (s *search) cdk(name string, data []byte) {
	command := text(at(parse(data), "app"))
	if command == "" {
		return // settings of a tool, or a library's
	}
	dir := path.Dir(name)
	a := Application{Engine: gitops.EngineCDK, Path: dir, From: name, Version: recentCDK, names: candidates(dir)}
	_, err := fs.Stat(s.files, path.Join(dir, "package.json"))
	version, locked := s.lockedCDK(dir)
	switch language := otherLanguage(command); {
	case language != "":
		a.LeftOut = "an app in " + language + ": known, not supported in this version"
	case err == nil && !locked:
		a.LeftOut = "package-lock.json is missing beside package.json: a build installs what it names"
	case version != "":
		a.Version = version
	}
	s.left(a) // written as a comment where something speaks against it
}

// lockedCDK returns the version of the CDK's command line that an app's package-lock.json
// installs, "" for none, and whether there is such a file.
func (s *search) lockedCDK(dir string) (version string, locked bool) {
	name := path.Join(dir, "package-lock.json")
	info, err := fs.Stat(s.files, name)
	if err != nil || info.Size() > maxLock {
		return "", err == nil
	}
	data, err := fs.ReadFile(s.files, name)
	if err != nil {
		return "", true
	}
	s.read += int64(len(data))
	var lock struct {
		Packages map[string]struct{ Version string }
	}
	if json.Unmarshal(data, &lock) != nil || !exact(lock.Packages["node_modules/aws-cdk"].Version) {
		return "", true
	}
	return lock.Packages["node_modules/aws-cdk"].Version, true
}

// exact reports whether a text is a version that driftless.yaml takes.
func exact(version string) bool {
	return strings.HasPrefix(version, "2.") && strings.Count(version, ".") == 2 && strings.Trim(version, ".0123456789") == ""
}

// otherLanguage returns the language of an app that builds do not run, by its command.
func otherLanguage(command string) string {
	for word, language := range map[string]string{"python": "Python", "mvn": "Java", "gradle": "Java", "dotnet": ".NET"} {
		if strings.Contains(command, word) {
			return language
		}
	}
	return ""
}
