package adopt

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// hclFile is a file of HCL while it is edited.
type hclFile struct {
	name        string
	before, now []byte
	body        *hclsyntax.Body // of now
	touched     []string        // the keys of the attributes that were edited
}

// item is where a part of an expression stands, and piece what comes in a part's place.
type item struct{ start, end int }

type piece struct {
	start, end int
	text       string
}

// maxDepth is far more than anybody nests, and far less than the parser bears: what it takes
// grows with the square of the depth.
const maxDepth = 100

var (
	opening = []hclsyntax.TokenType{hclsyntax.TokenOBrace, hclsyntax.TokenOBrack, hclsyntax.TokenOParen, hclsyntax.TokenTemplateInterp, hclsyntax.TokenTemplateControl}
	closing = []hclsyntax.TokenType{hclsyntax.TokenCBrace, hclsyntax.TokenCBrack, hclsyntax.TokenCParen, hclsyntax.TokenTemplateSeqEnd}
)

// checkDepth refuses a file whose brackets are nested too deep.
func checkDepth(name string, data []byte) error {
	tokens, _ := hclsyntax.LexConfig(data, name, hcl.InitialPos) // what is wrong with them the parser says
	depth := 0
	for _, t := range tokens {
		if slices.Contains(opening, t.Type) {
			depth++
		} else if slices.Contains(closing, t.Type) {
			depth--
		}
		if depth > maxDepth {
			return fmt.Errorf("%s is not read: line %d is nested more than %d levels deep", name, t.Range.Start.Line, maxDepth)
		}
	}
	return nil
}

func parseHCL(name string, data []byte) (*hclsyntax.Body, error) {
	if err := checkDepth(name, data); err != nil {
		return nil, err
	}
	f, diagnostics := hclsyntax.ParseConfig(data, name, hcl.InitialPos)
	if diagnostics.HasErrors() {
		return nil, fmt.Errorf("%s is not read: %s", name, diagnostics[0].Error())
	}
	body, ok := f.Body.(*hclsyntax.Body)
	if !ok {
		return nil, errors.New(name + " is not in HCL's own syntax")
	}
	return body, nil
}

// edit replaces pieces, in the order of the file, if then the file is read and differs in the
// attribute of the key alone.
func (f *hclFile) edit(key string, pieces ...piece) error {
	var b bytes.Buffer
	done := 0
	for _, p := range pieces {
		if p.start < done || p.end < p.start || p.end > len(f.now) {
			return errors.New("its parts overlap")
		}
		b.Write(f.now[done:p.start])
		b.WriteString(p.text)
		done = p.end
	}
	b.Write(f.now[done:])
	body, err := parseHCL(f.name, b.Bytes())
	if err != nil {
		return err
	}
	if others := changed(f.body, f.now, body, b.Bytes(), []string{key}); len(others) > 0 {
		return fmt.Errorf("%s would change with it", others[0])
	}
	f.now, f.body, f.touched = b.Bytes(), body, append(f.touched, key)
	return nil
}

// check holds the file against what it was.
func (f *hclFile) check() error {
	before, err := parseHCL(f.name, f.before)
	if err != nil {
		return err
	}
	after, err := parseHCL(f.name, f.now)
	if err != nil {
		return fmt.Errorf("it would no longer be read: %w", err)
	}
	if others := changed(before, f.before, after, f.now, f.touched); len(others) > 0 {
		return fmt.Errorf("%s would be changed, which no drift is about", others[0])
	}
	return nil
}

// changed returns the attributes and blocks in which two files differ, those that are meant aside.
func changed(a *hclsyntax.Body, before []byte, b *hclsyntax.Body, after []byte, meant []string) []string {
	was, is := map[string]string{}, map[string]string{}
	flatten(a, before, "", was)
	flatten(b, after, "", is)
	var others []string
	all := maps.Clone(was)
	maps.Copy(all, is)
	for _, key := range slices.Sorted(maps.Keys(all)) {
		old, there := was[key]
		text, still := is[key]
		if (old != text || there != still) && !slices.Contains(meant, key) {
			others = append(others, key)
		}
	}
	return others
}

// flatten notes the text of every attribute by its key, and every block.
func flatten(body *hclsyntax.Body, data []byte, under string, into map[string]string) {
	for name, attribute := range body.Attributes {
		into[under+name] = string(attribute.Expr.Range().SliceBytes(data))
	}
	count := map[string]int{}
	for _, b := range body.Blocks {
		key := under + strings.Join(append([]string{b.Type}, b.Labels...), ".")
		if len(b.Labels) == 0 {
			count[b.Type]++
			key += "." + strconv.Itoa(count[b.Type]-1)
		}
		into[key] = "block"
		flatten(b.Body, data, key+".", into)
	}
}

// feed is how the file ends its lines.
func (f *hclFile) feed() string {
	if bytes.Contains(f.now, []byte("\r\n")) {
		return "\r\n"
	}
	return "\n"
}

// lines returns the whole lines that a part stands in, and whether it has them for itself, but
// for a comma and a comment.
func (f *hclFile) lines(it item) (from, to int, alone bool) {
	from = bytes.LastIndexByte(f.now[:it.start], '\n') + 1
	to = len(f.now)
	if end := bytes.IndexByte(f.now[it.end:], '\n'); end >= 0 {
		to = it.end + end + 1
	}
	before := bytes.TrimSpace(f.now[from:it.start])
	return from, to, len(before) == 0 && trailing(f.now[it.end:to])
}

// trailing reports whether a text is at most a comma and a comment of one line.
func trailing(text []byte) bool {
	text = bytes.TrimSpace(bytes.TrimPrefix(bytes.TrimSpace(text), []byte(",")))
	return len(text) == 0 || text[0] == '#' || bytes.HasPrefix(text, []byte("//"))
}

// removed returns the piece that takes an item out of an object or a list.
func (f *hclFile) removed(items []item, at int) piece {
	it := items[at]
	if from, to, alone := f.lines(it); alone && (at+1 == len(items) || items[at+1].start >= to) {
		return piece{from, to, ""}
	}
	switch {
	case at+1 < len(items):
		return piece{it.start, items[at+1].start, ""}
	case at > 0:
		return piece{items[at-1].end, it.end, ""}
	}
	return piece{it.start, it.end, ""}
}

// inserted returns the pieces that put an item at the end of an object, or of a list, where it
// has no key: in a line of its own where the last one has one.
func (f *hclFile) inserted(whole hcl.Range, items []item, key, value string) []piece {
	text := value
	if key != "" {
		text = key + " = " + value
	}
	if len(items) == 0 {
		if key != "" {
			text = " " + text + " "
		}
		at := whole.Start.Byte + 1
		return []piece{{at, at, text}}
	}
	last := items[len(items)-1]
	from, to, alone := f.lines(last)
	if !alone {
		return []piece{{last.end, last.end, ", " + text}}
	}
	indent := string(f.now[from:last.start])
	comma := bytes.HasPrefix(bytes.TrimSpace(f.now[last.end:to]), []byte(","))
	if key != "" { // the equals signs of a block stand below each other
		if equals := bytes.IndexByte(f.now[last.start:last.end], '='); equals > len(key) {
			text = key + strings.Repeat(" ", equals-len(key)) + "= " + value
		}
	}
	line := piece{to, to, indent + text}
	if comma {
		line.text += ","
	}
	line.text += f.feed()
	if key == "" && !comma {
		return []piece{{last.end, last.end, ","}, line}
	}
	return []piece{line}
}
