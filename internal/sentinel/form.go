package sentinel

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"html"
	"net/url"
	"strconv"
	"strings"
)

// forms returns how a secret may look, by what was done to it. Those that look like another
// one are left out.
func forms(value string) map[string]string {
	all := []struct{ name, text string }{
		{"as it is", value},
		{"escaped for JSON", escaped(value)},
		{"escaped for JSON, in a text of JSON", escaped(escaped(value))},
		{"quoted", strings.Trim(strconv.Quote(value), `"`)},
		{"quoted in ASCII", strings.Trim(strconv.QuoteToASCII(value), `"`)},
		{"escaped for a query", url.QueryEscape(value)},
		{"escaped for a path", url.PathEscape(value)},
		{"escaped for HTML", html.EscapeString(value)},
		{"in hexadecimal", hex.EncodeToString([]byte(value))},
		{"in capital hexadecimal", strings.ToUpper(hex.EncodeToString([]byte(value)))},
	}
	for offset := range 3 {
		all = append(all,
			struct{ name, text string }{"in base64", base64At(base64.RawStdEncoding, value, offset)},
			struct{ name, text string }{"in base64 for URLs", base64At(base64.RawURLEncoding, value, offset)})
	}
	out, seen := map[string]string{}, map[string]bool{}
	for _, f := range all {
		if !seen[f.text] {
			out[f.text] = f.name
		}
		seen[f.text] = true
	}
	return out
}

// escaped is the value as Go writes it into JSON, without the quotes around it.
func escaped(value string) string {
	data, err := json.Marshal(value)
	if err != nil { // a string is always written
		return value
	}
	return strings.TrimSuffix(strings.TrimPrefix(string(data), `"`), `"`)
}

// base64At is what of the value stands in base64 whatever lies around it, where offset bytes
// of its first group of three are somebody else's.
func base64At(e *base64.Encoding, value string, offset int) string {
	text := e.EncodeToString([]byte(strings.Repeat("x", offset) + value))
	first := []int{0, 2, 3}[offset] // characters that hold bits of what lies before
	last := len(text)
	if (offset+len(value))%3 != 0 {
		last-- // and of what lies behind
	}
	return text[first:last]
}
