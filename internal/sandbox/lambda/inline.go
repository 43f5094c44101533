package lambda

import (
	"archive/zip"
	"bytes"
	"fmt"
	"strings"
)

// inlinePackage makes a package of code that stands in a template, as CloudFormation does
// for Node.js and Python. Such functions can be deployed here, not invoked.
func inlinePackage(runtime, text string) ([]byte, error) {
	name := ""
	switch {
	case strings.HasPrefix(runtime, "nodejs"):
		name = "index.js"
	case strings.HasPrefix(runtime, "python"):
		name = "index.py"
	default:
		return nil, invalid("ZipFile can only be used when Runtime is set to either of nodejs or python, not %q.", runtime)
	}
	var buf bytes.Buffer
	w := zip.NewWriter(&buf)
	f, err := w.Create(name)
	if err == nil {
		_, err = f.Write([]byte(text))
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		return nil, fmt.Errorf("pack inline code: %w", err)
	}
	return buf.Bytes(), nil
}
