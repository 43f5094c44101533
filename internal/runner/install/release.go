package install

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// The files of a release, as they are kept: the checksums of its archives, their signature, and
// the archive for this platform.
const (
	sumsFile      = "SHA256SUMS"
	signatureFile = "SHA256SUMS.sig"
	archiveFile   = "terraform.zip"
)

// source answers requests for a release's files.
type source = http.RoundTripper

func client(from source) *http.Client { return &http.Client{Transport: from} }

// nameOf is under which name a file of a release is kept; empty for its index, which nobody signs.
func nameOf(path string) string {
	switch {
	case strings.HasSuffix(path, ".sig"): // the site has one by the key's name too: …_SHA256SUMS.72D7468F.sig
		return signatureFile
	case strings.HasSuffix(path, "_"+sumsFile):
		return sumsFile
	case strings.HasSuffix(path, ".zip"):
		return archiveFile
	}
	return ""
}

// recorder asks a site, and keeps what it answers.
type recorder struct {
	site http.RoundTripper
	dir  string
}

// RoundTrip implements http.RoundTripper.
func (r recorder) RoundTrip(q *http.Request) (*http.Response, error) {
	answer, err := r.site.RoundTrip(q)
	name := nameOf(q.URL.Path)
	if err != nil || name == "" || answer.StatusCode != http.StatusOK {
		return answer, err
	}
	defer answer.Body.Close()
	f, err := os.OpenFile(filepath.Join(r.dir, name), os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, err
	}
	_, err = io.Copy(f, answer.Body)
	if err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	answer.Body = f
	return answer, nil
}

// shelf answers from a directory of what was kept. Its index it makes itself, for this version
// and this platform: the checksum that holds is the signed one of that very archive, so that no
// other release can be passed off, however well signed.
type shelf struct{ dir, version string }

// RoundTrip implements http.RoundTripper.
func (s shelf) RoundTrip(q *http.Request) (*http.Response, error) {
	if name := nameOf(q.URL.Path); name != "" {
		f, err := os.Open(filepath.Join(s.dir, name))
		if err != nil {
			return nil, err
		}
		info, err := f.Stat()
		if err != nil {
			return nil, errors.Join(err, f.Close())
		}
		return found(q, "application/zip", f, info.Size()), nil
	}
	release := "terraform_" + s.version
	archive := fmt.Sprintf("%s_%s_%s.zip", release, runtime.GOOS, runtime.GOARCH)
	index, err := json.Marshal(map[string]any{"name": "terraform", "version": s.version,
		"shasums": release + "_" + sumsFile, "shasums_signature": release + "_" + signatureFile,
		"builds": []map[string]string{{"name": "terraform", "version": s.version, "os": runtime.GOOS, "arch": runtime.GOARCH,
			"filename": archive, "url": "https://releases.hashicorp.com/terraform/" + s.version + "/" + archive}}})
	if err != nil {
		return nil, err
	}
	return found(q, "application/json", io.NopCloser(bytes.NewReader(index)), int64(len(index))), nil
}

// found is an answer with a content.
func found(q *http.Request, kind string, body io.ReadCloser, size int64) *http.Response {
	return &http.Response{Status: "200 OK", StatusCode: http.StatusOK, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{"Content-Type": {kind}}, Body: body, ContentLength: size, Request: q}
}
