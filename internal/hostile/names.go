package hostile

import (
	"fmt"
	"strings"
)

// Refused returns names, and paths in place of names, that may stand in a git tree and must
// go no further: they lead elsewhere, are git's own to some file system, are no text, or
// drive a terminal.
func Refused() []string {
	names := []string{
		"..", ".", "/", "//", "/etc", "a/", "a//b", "../x", "a/../b", "a/.git/b", `\`, `..\x`, `C:\x`, `a\..\b`, `\\host\share`,
		".git", ".GIT", ".Git", ".giT", "git~1", "GIT~1", "Git~1", ".git ", ".git.", ".git . .", ".git...", "git~1.", "git~1 ",
		".git:x", ".git::$INDEX_ALLOCATION", ".git::$DATA", ".Git:", ".g\u200cit", ".\u200dgit", "\ufeff.git", ".git\u206a", ".gi\u00adt", ".GI\u200cT.",
		"\xff", "a\xff", "\xc0\xaf", "\xc0\xae\xc0\xae", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe2\x82", "\xf8\x88\x80\x80\x80", "caf\xe9",
		strings.Repeat("a", 256), strings.Repeat("a", 1000), strings.Repeat("a", 4096), strings.Repeat("é", 128), strings.Repeat("a", 70_000),
	}
	for c := rune(1); c < 0xa0; c++ {
		if c < 0x20 || c >= 0x7f {
			names = append(names, "a"+string(c)+"b")
		}
	}
	for _, c := range "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u2028\u2029" {
		names = append(names, "invoice"+string(c)+"lmay.exe", string(c), string(c)+".yaml")
	}
	return append(names, "\x1b[2J", "\x1b]0;title\a", "a\nb", "a\r\nb", "\t", "\x1b[31mred\x1b[0m", "\u009b2J")
}

// Inert returns names that look dangerous, devices of Windows among them, and are only names
// to whoever never shows them to a shell or a file system.
func Inert() []string {
	names := []string{
		"CON", "PRN", "AUX", "NUL", "CON.txt", "nul.yaml", "CONIN$", "CLOCK$", "$(id)", "`id`", "; rm -rf", "-rf", "--help", "|cat", "&", "*", "?", "[a-z]",
		"~", "~root", "$HOME", "%PATH%", "%00", "%2e%2e%2f", "%2e%2e", "<script>alert(1)<", "'", "\"", "' OR 1=1 --", "{{7*7}}", "${jndi:ldap:", "#{x}",
		"a:b", "C:", ":", "a ", " a", "a.", "...", "....", ".gitmodules", ".gitattributes", ".gitignore", "git~2", "git", ".github", ".gi", "x.git",
		"a\u200bb", "\u0440\u0430ypal", "e\u0301", "\u00e9", "\U0001f600", "\ufffd", strings.Repeat("a", 255), "=cmd", "@import", "+1", "file:", "data:text", "@", "!", "#",
	}
	for i := range 10 {
		names = append(names, fmt.Sprintf("COM%d", i), fmt.Sprintf("LPT%d.txt", i))
	}
	return names
}
