package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"unicode"

	"github.com/driftless-gitops/driftless/internal/render"
)

// print writes a result: as JSON where that was asked for, else the text.
func (f *flags) print(result any, text func() string) error {
	if f.output != "json" {
		_, err := io.WriteString(f.Stdout, text())
		return err
	}
	data, err := encode(result)
	if err != nil {
		return fmt.Errorf("encode result: %w", err)
	}
	_, err = f.Stdout.Write(data)
	return err
}

// encode returns a result as JSON. What a terminal would obey or be misled by can stand
// only inside its strings, where it is written as an escape: the value stays the same.
func encode(result any) ([]byte, error) {
	var b, safe bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	if err := e.Encode(result); err != nil {
		return nil, err
	}
	for _, r := range b.String() {
		if r != '\n' && unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) {
			fmt.Fprintf(&safe, `\u%04x`, r)
			continue
		}
		safe.WriteRune(r)
	}
	return safe.Bytes(), nil
}

// hint tells a person something that is not the result.
func (f *flags) hint(format string, args ...any) {
	fmt.Fprintln(f.Stderr, below(fmt.Sprintf(format, args...)))
}

// below indents all lines of a text but the first, so that none which somebody else wrote, in a
// reason or a name, can be taken for one of ours.
func below(text string) string {
	return strings.ReplaceAll(render.Lines(text), "\n", "\n  ")
}
