package guard_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// elsewhere are the places that reach the network by another way than this package's, each
// with the reason: none of them goes where a repository, an event or a request says.
var elsewhere = map[string]string{
	"internal/guard/guard.go":  "is the guard",
	"internal/forge/client.go": "goes through Transport",
	"internal/aws/api/sign.go": "the caller's own installation, as the person at the command line names it",
	"internal/aws/jsonrpc/":    "AWS's own addresses, by the region of a repository or the function's own",
	"internal/aws/cloudwatch/": "AWS's own addresses, by the region of a target",
	"internal/aws/lambda/":     "AWS's own addresses, by the region of a target",
	"internal/probe/probe.go":  "goes through Transport",
	"internal/runner/install/": "releases.hashicorp.com and its mirror, in a build, which has no guard: what it runs reaches the network by itself",
	"internal/cli/connect.go":  "goes through internal/aws/api",
	"internal/sandbox/":        "AWS on this machine: it serves and asks loopback addresses",
	"internal/bench/programs/": "a peer that is measured, over loopback",
	"internal/invoke/":         "one function on this machine, over loopback",
	"internal/faults/":         "breaks what goes to the sandbox, over loopback",
}

// dials are what opens connections in the standard library, by package: names that make or
// are a client, a transport or a connection.
var dials = map[string][]string{
	"net/http":   {"DefaultClient", "DefaultTransport", "Get", "Head", "Post", "PostForm", "Client", "Transport"},
	"net":        {"Dial", "DialTimeout", "Dialer", "DialTCP", "DialUDP", "DialIP", "DialUnix"},
	"crypto/tls": {"Dial", "DialWithDialer", "Dialer"},
	"github.com/aws/aws-sdk-go-v2/aws/transport/http": {"NewBuildableClient", "BuildableClient"},
}

// dialers are packages that open connections of their own, whatever is used of them.
var dialers = []string{"net/smtp", "net/rpc", "golang.org/x/net/websocket", "golang.org/x/crypto/ssh",
	"github.com/go-git/go-git/v5", "github.com/go-git/go-git/v5/plumbing/transport/"}

// Whoever opens a connection without the guard would open one to the metadata service, if
// what it is told to ask were somebody else's to choose.
func TestEveryClientGoesThroughTheGuard(t *testing.T) {
	used := map[string]bool{}
	for file, found := range clients(t, filepath.Join("..", "..")) {
		if reason := reasonOf(file, used); reason == "" {
			t.Errorf("%s uses %s: go through guard.Transport, or say in this test why not", file, strings.Join(found, ", "))
		}
	}
	for place := range elsewhere {
		if !used[place] && exists(t, place) {
			t.Errorf("%s opens no connection any more: take it off the list", place)
		}
	}
}

// reasonOf returns why a file need not go through the guard.
func reasonOf(file string, used map[string]bool) string {
	for place, reason := range elsewhere {
		if file == place || strings.HasSuffix(place, "/") && strings.HasPrefix(file, place) {
			used[place] = true
			return reason
		}
	}
	return ""
}

func exists(t *testing.T, place string) bool {
	t.Helper()
	found, err := filepath.Glob(filepath.Join("..", "..", place))
	if err != nil {
		t.Fatal(err)
	}
	return len(found) > 0
}

// clients returns, of every file of the project that is no test, what it uses of dials.
func clients(t *testing.T, root string) map[string][]string {
	t.Helper()
	out, files := map[string][]string{}, 0
	err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case e.IsDir() && path != root && (strings.HasPrefix(e.Name(), ".") || slices.Contains([]string{"node_modules", "testdata", "cdk.out", "bin", "dist"}, e.Name())):
			return filepath.SkipDir
		case !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		files++
		if found := uses(file); len(found) > 0 {
			relative, err := filepath.Rel(root, path)
			if err != nil {
				return err
			}
			out[filepath.ToSlash(relative)] = found
		}
		return nil
	})
	if err != nil || files < 100 {
		t.Fatalf("%d files were read: %v", files, err)
	}
	return out
}

// uses returns the names of dials that a file uses, under whatever name it imports them.
func uses(file *ast.File) []string {
	imported := map[string]string{}
	var found []string
	for _, i := range file.Imports {
		path, err := strconv.Unquote(i.Path.Value)
		if slices.ContainsFunc(dialers, func(d string) bool { return path == d || strings.HasSuffix(d, "/") && strings.HasPrefix(path, d) }) {
			found = append(found, path)
		}
		if _, ok := dials[path]; err != nil || !ok {
			continue
		}
		name := path[strings.LastIndex(path, "/")+1:]
		if i.Name != nil {
			name = i.Name.Name
		}
		imported[name] = path
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.StarExpr: // *http.Client is what one is handed; http.Client{} is what one makes
			if selector, ok := n.X.(*ast.SelectorExpr); ok && isType(selector.Sel.Name) {
				return false
			}
		case *ast.SelectorExpr:
			if of, ok := n.X.(*ast.Ident); ok && slices.Contains(dials[imported[of.Name]], n.Sel.Name) {
				found = append(found, of.Name+"."+n.Sel.Name)
			}
		}
		return true
	})
	return found
}

// isType reports whether a name of dials is a type, a pointer to which makes nothing.
func isType(name string) bool {
	return slices.Contains([]string{"Client", "Transport", "Dialer", "BuildableClient"}, name)
}
