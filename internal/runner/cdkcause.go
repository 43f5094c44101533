package runner

import (
	"regexp"
	"strings"

	"github.com/driftless-gitops/driftless/internal/gitops"
)

// mistakes are the lines by which compilers tell where an app is wrong: a file, a line, and what
// is said of it. As tsc prints them, ts-node, esbuild (and so tsx), and go.
var mistakes = []*regexp.Regexp{
	regexp.MustCompile(`^(\S[^():]*)\((\d+),\d+\): error (TS\d+: .+)$`),
	regexp.MustCompile(`^(\S[^:]*):(\d+):\d+ - error (TS\d+: .+)$`),
	regexp.MustCompile(`^(\S[^:]*):(\d+):\d+: ERROR: (.+)$`),
	regexp.MustCompile(`^(?:\./)?(\S+\.go):(\d+):\d+: (.+)$`),
}

var (
	source    = regexp.MustCompile(`^(/.+):(\d+)$`)                                    // Node.js: where it was thrown
	nodeFrame = regexp.MustCompile(`^\s+at .*?\(?((?:file://)?/[^():]+):(\d+):\d+\)?`) // of Node.js's stack
	thrown    = regexp.MustCompile(`^(?:Uncaught )?[A-Za-z.]*(?:Error|Exception)(?: \[\w+\])?: .+`)
	goFrame   = regexp.MustCompile(`^\t(\S+\.go):(\d+)(?: |$)`) // of Go's stack, after the function's name
	noise     = regexp.MustCompile(`^(npm (warn|notice)|Node\.js v\d|!!|exit status \d|WARNING )|: Subprocess exited with error|^Synthesis finished with errors`)
)

// appCause returns the first cause of why the CDK's command line did not do what it was told to,
// in one line: an app's mistake with its place below dir, if that is told anywhere.
func appCause(output, dir string) string {
	lines := strings.Split(strings.ReplaceAll(output, "\r\n", "\n"), "\n")
	for _, cause := range []func(lines []string, i int, dir string) string{uncompiled, uncaught, refused} {
		for i := range lines {
			if text := cause(lines, i, dir); text != "" {
				return told(text)
			}
		}
	}
	return lastWords(lines)
}

// uncompiled is what a compiler says in a line.
func uncompiled(lines []string, i int, dir string) string {
	for _, m := range mistakes {
		if found := m.FindStringSubmatch(lines[i]); found != nil {
			return inApp(found[1], dir) + ":" + found[2] + ": " + found[3]
		}
	}
	return ""
}

// uncaught is what ends an app that runs.
func uncaught(lines []string, i int, dir string) string {
	switch {
	case strings.HasPrefix(lines[i], "panic: "):
		return goPlace(lines[i:], dir) + lines[i]
	case thrown.MatchString(lines[i]):
		return nodePlace(lines, i, dir) + lines[i]
	}
	return ""
}

// refused is what the CDK's command line itself says of an app, or of its target.
func refused(lines []string, i int, _ string) string {
	if strings.Contains(lines[i], "Has the environment been bootstrapped?") {
		return lines[i]
	}
	if says, ok := strings.CutPrefix(lines[i], "[Error at "); ok {
		return strings.Replace(says, "]", ":", 1)
	}
	says, ok := strings.CutPrefix(lines[i], "ERROR ")
	if !ok {
		return ""
	}
	if stack, ok := strings.CutPrefix(next(lines, i), "   "); ok {
		return stack + ": " + strings.TrimSuffix(says, " (Construct Annotations)")
	}
	return says
}

// lastWords is the last line that says anything.
func lastWords(lines []string) string {
	last := ""
	for _, line := range lines {
		line = strings.TrimSpace(line)
		if line != "" && (!noise.MatchString(line) || last == "" && strings.Contains(line, ": Subprocess")) {
			last = line
		}
	}
	if last == "" {
		return "it said nothing of why; the log has what it printed"
	}
	return told(last)
}

// nodePlace is where Node.js says that an app's error comes from: the first place of its own.
func nodePlace(lines []string, i int, dir string) string {
	for _, line := range lines[:i] {
		if m := source.FindStringSubmatch(line); m != nil && ofApp(m[1], dir) {
			return inApp(m[1], dir) + ":" + m[2] + ": "
		}
	}
	for _, line := range lines[i+1:] {
		m := nodeFrame.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		if file := strings.TrimPrefix(m[1], "file://"); ofApp(file, dir) {
			return inApp(file, dir) + ":" + m[2] + ": "
		}
	}
	return ""
}

// goPlace is the first place of package main in a stack.
func goPlace(lines []string, dir string) string {
	for i, line := range lines {
		if m := goFrame.FindStringSubmatch(next(lines, i)); m != nil && strings.HasPrefix(line, "main.") {
			return inApp(m[1], dir) + ":" + m[2] + ": "
		}
	}
	return ""
}

func next(lines []string, i int) string {
	if i+1 < len(lines) {
		return lines[i+1]
	}
	return ""
}

// ofApp reports whether a file is the app's own, and not of a package that it uses.
func ofApp(file, dir string) bool {
	return strings.HasPrefix(file, dir+"/") && !strings.Contains(file, "/node_modules/")
}

// inApp is a file's name as the repository has it.
func inApp(file, dir string) string { return strings.TrimPrefix(file, dir+"/") }

// npmErrors are what npm begins the lines of an error with, and its usage, which is of no use.
var (
	npmError = regexp.MustCompile(`^npm (?:error|ERR!) ?(.*)$`)
	npmIdle  = regexp.MustCompile(`^(code |errno |syscall |A complete log|Clean install|Usage:|Options:|\[|npm |-|aliases:|Run "npm help)`)
	npmKind  = regexp.MustCompile(`^(?:notarget|enoent|network|404|peer) `)
)

// npmCause returns what npm says of why it failed, in one line.
func npmCause(output string) string {
	var words []string
	for line := range strings.Lines(output) {
		m := npmError.FindStringSubmatch(strings.TrimSpace(line))
		if m == nil || m[1] == "" {
			continue
		}
		if strings.HasPrefix(m[1], "Clean install") || strings.HasPrefix(m[1], "Usage:") {
			break
		}
		if !npmIdle.MatchString(m[1]) {
			words = append(words, npmKind.ReplaceAllString(m[1], ""))
		}
	}
	if len(words) == 0 {
		return lastWords(strings.Split(output, "\n"))
	}
	return told(strings.Join(words, " "))
}

// told is a cause as it can be shown, and no longer than it may be.
func told(text string) string {
	if len(text) > maxReason {
		text = strings.ToValidUTF8(text[:maxReason], "") + "…"
	}
	return gitops.Printable(text)
}
