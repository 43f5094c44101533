package gitops

import (
	"strings"
	"unicode"
)

// Printable returns a text from outside (a commit's subject, a branch's name, a header) as
// it can be shown: control characters, which could drive a terminal, characters that change
// the direction of text, which could make it read as something else, and those that break a
// line are replaced.
func Printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.In(r, unicode.Bidi_Control, unicode.Zl, unicode.Zp) || r == unicode.ReplacementChar {
			return '�'
		}
		return r
	}, s)
}
