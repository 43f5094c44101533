package gitops

import (
	"strings"
	"unicode"
)

// Printable returns a text from outside (a commit's subject, a branch's name, a header) as
// it can be shown: control characters, which could drive a terminal, and characters that
// change the direction of text, which could make it read as something else, are replaced.
func Printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == unicode.ReplacementChar {
			return '�'
		}
		return r
	}, s)
}
