package template

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// What a template may have in bytes: in the call itself, and in S3.
// https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
const (
	MaxInline = 51_200
	MaxSize   = 1_000_000 // "Template may not exceed 1000000 bytes in size." (aws-samples/aws-vpc-cidr-mgmt issue 10; the guide rounds it to 1 MB)
)

// What a file may cost to read.
const (
	maxDepth = 100     // far more than any template, far less than a stack of calls bears
	maxNodes = 500_000 // with every alias followed: what an alias bomb has many more of
	// maxMarks is how many bytes there may be that end or begin a value. Each may cost 160
	// bytes of memory, of which a function has little; the densest template has half of it.
	maxMarks = 300_000
)

var bom = []byte("\xef\xbb\xbf")

// pointer begins a file that Git LFS keeps elsewhere.
// https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md
const pointer = "version https://git-lfs.github.com/spec/v1\n"

// IsPointer reports whether a file is what Git LFS leaves in git instead of its content.
func IsPointer(data []byte) bool { return bytes.HasPrefix(data, []byte(pointer)) }

// parse returns the root of a YAML or JSON file. A file that begins with a bracket is read
// as JSON: YAML takes most of it, but not the tabs that JSON may be indented with.
func parse(file string, data []byte) (*yaml.Node, error) {
	if len(data) > MaxSize {
		return nil, &Error{file, 0, 0, fmt.Sprintf("the file has %d bytes; at most %d are allowed", len(data), MaxSize)}
	}
	if IsPointer(data) {
		return nil, &Error{file, 1, 1, "a pointer of Git LFS, whose file is not in git: keep the file itself in git"}
	}
	if err := checkText(file, data); err != nil {
		return nil, err
	}
	if n := marks(data); n > maxMarks {
		return nil, &Error{file, 0, 0, fmt.Sprintf("the file has %d line ends, commas, colons and brackets; at most %d are allowed", n, maxMarks)}
	}
	data = bytes.TrimPrefix(data, bom)
	if start := bytes.TrimLeft(data, " \t\r\n"); len(start) == 0 {
		return nil, &Error{file, 1, 1, "the file is empty"}
	} else if looksLikeJSON(start) {
		return parseJSON(file, data)
	}
	return parseYAML(file, data)
}

// marks counts the bytes without which there is no further value.
func marks(data []byte) int {
	n := 0
	for _, c := range data {
		switch c {
		case '\n', '\r', ',', ':', '[', '{':
			n++
		}
	}
	return n
}

// checkText refuses what is not UTF-8, at the first byte that is not. UTF-16 would be read as
// YAML, and CloudFormation would be sent what it does not read.
func checkText(file string, data []byte) error {
	if utf8.Valid(data) {
		return nil
	}
	line, column := 1, 1
	for i := 0; i < len(data); {
		c, size := utf8.DecodeRune(data[i:])
		if c == utf8.RuneError && size == 1 {
			return &Error{file, line, column, fmt.Sprintf("not UTF-8 text: the byte 0x%02x stands here", data[i])}
		}
		i, column = i+size, column+1
		if c == '\n' {
			line, column = line+1, 1
		}
	}
	return nil
}

// looksLikeJSON reports whether a text that begins with a bracket is JSON rather than a
// YAML flow mapping: in JSON a quote, a bracket or the closing one comes next, or it ends
// too early.
func looksLikeJSON(text []byte) bool {
	if text[0] != '{' && text[0] != '[' {
		return false
	}
	next := bytes.TrimLeft(text[1:], " \t\r\n")
	return len(next) == 0 || strings.IndexByte(`"{}[]`, next[0]) >= 0
}

// parseYAML returns the root of the file's one document, with its tags kept.
func parseYAML(file string, data []byte) (*yaml.Node, error) {
	d := yaml.NewDecoder(bytes.NewReader(data))
	var doc, second yaml.Node
	if err := d.Decode(&doc); errors.Is(err, io.EOF) {
		return nil, &Error{file, 1, 1, "the file is empty"}
	} else if err != nil {
		return nil, yamlError(file, data, err)
	}
	if err := d.Decode(&second); err == nil {
		return nil, &Error{file, second.Line, second.Column, "a second YAML document; only one is allowed"}
	} else if !errors.Is(err, io.EOF) {
		return nil, yamlError(file, data, err)
	}
	if len(doc.Content) == 0 {
		return nil, &Error{file, 1, 1, "the file is empty"}
	}
	return doc.Content[0], nil
}

var yamlLine = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?s)^yaml: (?:line (\d+): )?(.*)$`) })

// yamlError translates the parser's error, which knows the line at best, and of a tab that
// indents says only that no token starts with it.
func yamlError(file string, data []byte, err error) error {
	m := yamlLine().FindStringSubmatch(err.Error())
	if m == nil {
		return &Error{file, 1, 1, "not YAML: " + err.Error()}
	}
	line, _ := strconv.Atoi(m[1]) // empty where the parser knows no line
	line = max(line, 1)
	lines := bytes.Split(data, []byte("\n"))
	for i := line - 1; i <= line && i < len(lines); i++ { // the parser counts this line from 0 at times
		indent := lines[i][:len(lines[i])-len(bytes.TrimLeft(lines[i], " \t"))]
		if tab := bytes.IndexByte(indent, '\t'); tab >= 0 {
			return &Error{file, i + 1, tab + 1, "a tab cannot indent; use spaces"}
		}
	}
	if strings.HasPrefix(m[2], "unknown anchor ") { // it may be a secret that begins with a star
		return &Error{file, line, 1, "not YAML: an alias of nothing; a text that begins with * needs quotes"}
	}
	return &Error{file, line, 1, "not YAML: " + m[2]}
}

// follow returns what an alias stands for, the node itself when it is none.
func follow(n *yaml.Node) *yaml.Node {
	if n != nil && n.Kind == yaml.AliasNode && n.Alias != nil {
		return n.Alias
	}
	return n
}

// entry is a key and a value of a mapping.
type entry struct{ key, value *yaml.Node }

// entries returns what a mapping holds, in its order; none when it is no mapping.
func entries(n *yaml.Node) []entry {
	n = follow(n)
	if n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	all := make([]entry, 0, len(n.Content)/2)
	for i := 0; i+1 < len(n.Content); i += 2 {
		all = append(all, entry{follow(n.Content[i]), follow(n.Content[i+1])})
	}
	return all
}

// get returns the value of a key, nil when it is not there.
func get(n *yaml.Node, key string) *yaml.Node {
	for _, e := range entries(n) {
		if e.key.Value == key {
			return e.value
		}
	}
	return nil
}

// text returns a plain scalar's text: one that is no function's argument.
func text(n *yaml.Node) (string, bool) {
	if n == nil || n.Kind != yaml.ScalarNode || custom(n) || n.Tag == "!!null" {
		return "", false
	}
	return n.Value, true
}

// custom reports whether a node has a tag of its own, such as !Ref.
func custom(n *yaml.Node) bool {
	return strings.HasPrefix(n.Tag, "!") && !strings.HasPrefix(n.Tag, "!!")
}

// merged reports whether a mapping takes keys from another by "<<", so that a key which is
// not to be seen here may be there all the same.
func merged(n *yaml.Node) bool { return get(n, "<<") != nil }

// quote returns what was found in a file in quotes, escaped and cut: it may hold anything.
func quote(s string) string {
	const most = 80
	if runes := []rune(s); len(runes) > most {
		s = string(runes[:most]) + "…"
	}
	return strconv.Quote(s)
}
