package lambda

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// code is where a deployment package comes from.
type code struct {
	ZipFile         []byte
	S3Bucket        string
	S3Key           string
	S3ObjectVersion string
	ImageURI        string `json:"ImageUri"`
}

// deployed is a deployment package that was taken in.
type deployed struct {
	dir    string // unpacked; empty for an image
	sha256 string // base64, as CodeSha256
	size   int64
}

// unpacked is what a package may hold unpacked (Lambda quotas: 250 MB).
const unpackedLimit = 250 << 20

// take reads a package and unpacks it, once for each content.
func (s *Service) take(ctx context.Context, c code) (deployed, error) {
	if c.ImageURI != "" {
		return deployed{}, nil // stored as it is, refused when it is invoked
	}
	content, err := s.fetch(ctx, c)
	if err != nil {
		return deployed{}, err
	}
	sum := sha256.Sum256(content)
	parent, err := s.folder("code")
	if err != nil {
		return deployed{}, err
	}
	d := deployed{
		dir:    filepath.Join(parent, hex.EncodeToString(sum[:])),
		sha256: base64.StdEncoding.EncodeToString(sum[:]),
		size:   int64(len(content)),
	}
	if _, err := os.Stat(d.dir); err == nil {
		return d, nil
	}
	temp, err := os.MkdirTemp(parent, "new-")
	if err != nil {
		return deployed{}, fmt.Errorf("make directory for code: %w", err)
	}
	defer os.RemoveAll(temp)
	if err := unzip(content, temp); err != nil {
		return deployed{}, err
	}
	if err := os.Rename(temp, d.dir); err != nil && !errors.Is(err, os.ErrExist) {
		return deployed{}, fmt.Errorf("keep code: %w", err)
	}
	return d, nil
}

func (s *Service) fetch(ctx context.Context, c code) ([]byte, error) {
	if c.ZipFile != nil {
		return c.ZipFile, nil
	}
	if c.S3Bucket == "" || c.S3Key == "" {
		return nil, invalid("Please provide a source for function code.")
	}
	in := &s3.GetObjectInput{Bucket: aws.String(c.S3Bucket), Key: aws.String(c.S3Key)}
	if c.S3ObjectVersion != "" {
		in.VersionId = aws.String(c.S3ObjectVersion)
	}
	out, err := s.s3.GetObject(ctx, in)
	if err != nil {
		var api interface {
			ErrorCode() string
			ErrorMessage() string
		}
		if errors.As(err, &api) {
			return nil, invalid("Error occurred while GetObject. S3 Error Code: %s. S3 Error Message: %s", api.ErrorCode(), api.ErrorMessage())
		}
		return nil, fmt.Errorf("read code from S3: %w", err)
	}
	defer out.Body.Close()
	content, err := io.ReadAll(out.Body)
	if err != nil {
		return nil, fmt.Errorf("read code from S3: %w", err)
	}
	return content, nil
}

func unzip(content []byte, dir string) error {
	archive, err := zip.NewReader(bytes.NewReader(content), int64(len(content)))
	if err != nil {
		return invalid("Could not unzip uploaded file. Please check your file, then try to upload again.")
	}
	left := int64(unpackedLimit)
	for _, f := range archive.File {
		if !filepath.IsLocal(f.Name) {
			return invalid("Could not unzip uploaded file: %s leaves the package", f.Name)
		}
		left -= int64(f.UncompressedSize64)
		if left < 0 {
			return invalid("Unzipped size must be smaller than %d bytes", unpackedLimit)
		}
		if err := extract(f, filepath.Join(dir, f.Name)); err != nil {
			return fmt.Errorf("unpack %s: %w", f.Name, err)
		}
	}
	return nil
}

// extract keeps the file's mode: as on Lambda, a bootstrap without the execute bit does
// not start. Whatever is no regular file is left out.
func extract(f *zip.File, path string) error {
	if f.FileInfo().IsDir() {
		return os.MkdirAll(path, 0o755)
	}
	if !f.Mode().IsRegular() {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	in, err := f.Open()
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, f.Mode().Perm()|0o400)
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, io.LimitReader(in, int64(f.UncompressedSize64))); err != nil {
		return errors.Join(err, out.Close())
	}
	return out.Close()
}
