package build

import (
	"archive/zip"
	"compress/flate"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// Size returns how many bytes a function's package has: its directory's bootstrap in a zip
// file, packed as the CDK packs assets.
func Size(dir string) (int64, error) {
	file, err := os.Open(filepath.Join(dir, "bootstrap"))
	if err != nil {
		return 0, fmt.Errorf("open program: %w", err)
	}
	defer file.Close()
	var size counter
	archive := zip.NewWriter(&size)
	archive.RegisterCompressor(zip.Deflate, func(out io.Writer) (io.WriteCloser, error) { return flate.NewWriter(out, flate.BestCompression) })
	entry, err := archive.Create("bootstrap")
	if err != nil {
		return 0, fmt.Errorf("pack program: %w", err)
	}
	if _, err := io.Copy(entry, file); err != nil {
		return 0, fmt.Errorf("pack program: %w", err)
	}
	if err := archive.Close(); err != nil {
		return 0, fmt.Errorf("pack program: %w", err)
	}
	return int64(size), nil
}

// counter counts what is written to it.
type counter int64

// Write counts.
func (c *counter) Write(b []byte) (int, error) {
	*c += counter(len(b))
	return len(b), nil
}
