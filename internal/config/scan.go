package config

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// What a file may cost to read. A file of 500 applications has some 100 KB, 20,000 tokens
// and three levels; whoever needs more has not written it by hand.
const (
	maxSize   = 256 << 10
	maxTokens = 64 << 10 // the parser looks through a mapping's keys for each of its keys
	maxNested = 16       // brackets, or dashes in one line: the parser recurses
)

// lfsPrefix begins the text that stands in git for a file that Git LFS keeps elsewhere
// (git-lfs docs/spec.md).
const lfsPrefix = "version https://git-lfs.github.com/spec/v1\n"

// position is a place in the file, both counted from 1, columns in characters.
type position struct{ line, column int }

// fault is what is wrong with the text itself, before anything is known of its keys.
type fault struct {
	at  position
	why string
}

// read parses the text into the root of its one document. The fault is nil when it could.
func read(data []byte) (ast.Node, *fault) {
	if len(data) > maxSize {
		return nil, &fault{position{1, 1}, fmt.Sprintf("the file has %d bytes; at most %d are allowed", len(data), maxSize)}
	}
	if bytes.HasPrefix(data, []byte(lfsPrefix)) {
		return nil, &fault{position{1, 1}, "a Git LFS pointer; the file itself is not in git"}
	}
	if at, ok := invalidUTF8(data); ok {
		return nil, &fault{at, "the text is not UTF-8"}
	}
	tokens := lexer.Tokenize(string(data))
	if f := inspect(tokens); f != nil {
		return nil, f
	}
	file, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		return nil, syntax(err)
	}
	var root ast.Node
	for _, doc := range file.Docs {
		switch {
		case doc.Body == nil:
		case root == nil:
			root = doc.Body
		default:
			return nil, &fault{place(doc.Body), "the file holds a second YAML document; only one is allowed"}
		}
	}
	if root == nil {
		return nil, &fault{position{1, 1}, "the file is empty; version and applications are needed"}
	}
	return root, nil
}

// normal takes off what editors on other systems put in: a byte order mark and carriage
// returns. Lines and columns stay what an editor shows.
func normal(data []byte) []byte {
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	return bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n"))
}

func invalidUTF8(data []byte) (position, bool) {
	at := position{1, 1}
	for len(data) > 0 {
		r, n := utf8.DecodeRune(data)
		if r == utf8.RuneError && n == 1 {
			return at, true
		}
		at.column++
		if r == '\n' {
			at = position{at.line + 1, 1}
		}
		data = data[n:]
	}
	return position{}, false
}

// inspect refuses, before anything recurses, what a file of this kind has no use for and
// what a hostile one would use: aliases, tags, directives, deep nesting.
func inspect(tokens token.Tokens) *fault {
	if len(tokens) > maxTokens {
		return &fault{position{1, 1}, fmt.Sprintf("the file has %d YAML tokens; at most %d are allowed", len(tokens), maxTokens)}
	}
	depth, entries, line := 0, 0, 0
	for _, t := range tokens {
		if t.Position.Line != line {
			entries, line = 0, t.Position.Line
		}
		switch t.Type { //nolint:exhaustive // the other tokens are harmless
		case token.AnchorType, token.AliasType, token.MergeKeyType:
			return &fault{where(t), "anchors, aliases and merge keys are not allowed; defaults holds what applications share"}
		case token.TagType:
			return &fault{where(t), "YAML tags are not allowed"}
		case token.DirectiveType:
			return &fault{where(t), "YAML directives are not allowed"}
		case token.SequenceStartType, token.MappingStartType:
			depth++
		case token.SequenceEndType, token.MappingEndType:
			depth--
		case token.SequenceEntryType, token.MappingKeyType:
			entries++
		}
		if depth > maxNested || entries > maxNested {
			return &fault{where(t), fmt.Sprintf("nested more than %d levels deep", maxNested)}
		}
	}
	return nil
}

// syntax translates the parser's error.
func syntax(err error) *fault {
	var e yaml.Error
	if !errors.As(err, &e) {
		return &fault{position{1, 1}, "not YAML: " + err.Error()}
	}
	why := e.GetMessage()
	if strings.Contains(why, "\t") || strings.Contains(why, "tab character") {
		why = "a tab cannot indent; use spaces"
	}
	return &fault{where(e.GetToken()), "not YAML: " + printable(why)}
}

// where returns a token's position, in the file whatever the parser says.
func where(t *token.Token) position {
	if t == nil || t.Position == nil {
		return position{1, 1}
	}
	return position{max(t.Position.Line, 1), max(t.Position.Column, 1)}
}

// place returns where a node begins. A block mapping begins at its first key: the parser
// has it begin at that key's colon.
func place(n ast.Node) position {
	switch n := n.(type) {
	case *ast.MappingNode:
		if !n.IsFlowStyle && len(n.Values) > 0 {
			return place(n.Values[0].Key)
		}
	case *ast.MappingValueNode:
		return place(n.Key)
	}
	return where(n.GetToken())
}
