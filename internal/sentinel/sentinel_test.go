package sentinel_test

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html"
	"net/url"
	"strings"
	"testing"

	"github.com/driftless-gitops/driftless/internal/sentinel"
)

func TestASecretIsFoundHoweverItIsWritten(t *testing.T) {
	for what, plant := range map[string]func(*sentinel.Vault) string{
		"a token":           func(v *sentinel.Vault) string { return v.Plant("planted") },
		"an awkward secret": func(v *sentinel.Vault) string { return v.PlantInGit("planted") },
		"somebody else's":   func(v *sentinel.Vault) string { v.Keep("planted", "ghs_+/16characters"); return "ghs_+/16characters" },
	} {
		v := &sentinel.Vault{}
		v.Plant("another")
		secret := plant(v)
		s := v.Searcher()
		for form, body := range map[string][]byte{
			"as it is":            []byte("token " + secret + "\n"),
			"at the very end":     []byte(secret),
			"in JSON":             marshal(map[string]string{"a": secret}),
			"in JSON of JSON":     marshal(string(marshal(secret))),
			"in a log's line":     fmt.Appendf(nil, "%q", secret),
			"in a log's ASCII":    fmt.Appendf(nil, "%+q", secret),
			"in a query":          []byte("?token=" + url.QueryEscape(secret)),
			"in a path":           []byte("/" + url.PathEscape(secret)),
			"in HTML":             []byte("<p>" + html.EscapeString(secret) + "</p>"),
			"in hexadecimal":      []byte(hex.EncodeToString([]byte(secret))),
			"in base64":           base64Of("", secret, ""),
			"a byte on in base64": base64Of("x", secret, "yz"),
			"two on in base64":    base64Of("user:", secret, "y"),
			"in a zip":            zipped(t, secret),
			"in a tar of gzip":    gzipped(t, tarred(t, secret)),
		} {
			leaks := s.Search(sentinel.Output{Where: "here", Body: body})
			if len(leaks) != 1 || leaks[0].Secret != "planted" || !strings.HasPrefix(leaks[0].Where, "here") {
				t.Errorf("%s %s: found %v", what, form, leaks)
				continue
			}
			if text := leaks[0].String(); strings.Contains(text, secret) {
				t.Errorf("the report of %s %s tells the secret: %s", what, form, text)
			}
		}
	}
}

func TestWhatIsNoLeakIsNotFound(t *testing.T) {
	v := &sentinel.Vault{}
	token, value := v.Plant("token"), v.PlantInGit("value")
	v.Keep("too short to tell", "main")
	s := v.Searcher()
	for what, o := range map[string]sentinel.Output{
		"nothing":                    {},
		"half of it":                 {Body: []byte(token[:20])},
		"what looks alike":           {Body: []byte("s3ntinel" + strings.Repeat("a", 26))},
		"a word that is no secret":   {Body: []byte("main")},
		"a file of git in its place": {Body: []byte(value), FilesOfGit: true},
	} {
		if leaks := s.Search(o); len(leaks) != 0 {
			t.Errorf("%s: found %v", what, leaks)
		}
	}
	if leaks := s.Search(sentinel.Output{Body: []byte(value + token), FilesOfGit: true}); len(leaks) != 1 || leaks[0].Secret != "token" {
		t.Errorf("a token among files of git: found %v", leaks)
	}
}

func marshal(v any) []byte {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return data
}

func base64Of(before, secret, after string) []byte {
	return []byte(base64.StdEncoding.EncodeToString([]byte(before + secret + after)))
}

func zipped(t *testing.T, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	f, err := z.Create("stacks/a.json")
	must(t, err)
	_, err = f.Write([]byte(text))
	must(t, err)
	must(t, z.Close())
	return b.Bytes()
}

func tarred(t *testing.T, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	must(t, w.WriteHeader(&tar.Header{Name: "a", Mode: 0o600, Size: int64(len(text))}))
	_, err := w.Write([]byte(text))
	must(t, err)
	must(t, w.Close())
	return b.Bytes()
}

func gzipped(t *testing.T, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := w.Write(data)
	must(t, err)
	must(t, w.Close())
	return b.Bytes()
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
