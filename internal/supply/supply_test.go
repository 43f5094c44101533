package supply_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/driftless-gitops/driftless/internal/supply"
)

// root is the project's.
const root = "../.."

// material is what a bill says, as others read it.
type material struct {
	BOMFormat, SpecVersion string
	Metadata               struct{ Component entry }
	Components             []entry
	Dependencies           []struct {
		Ref       string
		DependsOn []string
	}
}

type entry struct {
	Ref                       string `json:"bom-ref"`
	Type, Name, Version, PURL string
	Hashes                    []struct{ Alg, Content string }
	Properties                []struct{ Name, Value string }
}

func read(t *testing.T, program, name string) material {
	t.Helper()
	bill, err := supply.Bill(program, name)
	if err != nil {
		t.Fatal(err)
	}
	again, err := supply.Bill(program, name)
	if err != nil || !bytes.Equal(bill, again) {
		t.Errorf("the same program has two bills: %v", err)
	}
	var m material
	if err := json.Unmarshal(bill, &m); err != nil {
		t.Fatal(err)
	}
	return m
}

// said returns the modules and the settings that "go version -m" tells of a program.
func said(t *testing.T, program string) (modules, settings []string) {
	t.Helper()
	out, err := exec.Command("go", "version", "-m", program).Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(out)) {
		fields := strings.Split(strings.TrimSpace(line), "\t")
		switch fields[0] {
		case "dep":
			modules = append(modules, fields[1]+" "+fields[2])
		case "build":
			settings = append(settings, fields[1])
		}
	}
	_, version, _ := strings.Cut(strings.TrimSpace(strings.SplitN(string(out), "\n", 2)[0]), ": ")
	return append(modules, "std "+version), settings
}

// equalsVersion holds a program's bill against what "go version -m" says of it.
func equalsVersion(t *testing.T, program string) {
	t.Helper()
	bill := read(t, program, "webhook")
	modules, settings := said(t, program)
	var billed, billedSettings, refs []string
	for _, c := range bill.Components {
		billed, refs = append(billed, c.Name+" "+c.Version), append(refs, c.Ref)
		if !strings.HasPrefix(c.PURL, "pkg:golang/"+c.Name) || c.Name != "std" && len(c.Hashes) != 1 {
			t.Errorf("%s has the address %q and %d hashes", c.Name, c.PURL, len(c.Hashes))
		}
	}
	for _, p := range bill.Metadata.Component.Properties {
		billedSettings = append(billedSettings, strings.TrimPrefix(p.Name, "go:build:")+"="+p.Value)
	}
	for _, list := range [][]string{modules, billed, settings, billedSettings} {
		slices.Sort(list)
	}
	for i, s := range settings { // "go version -m" quotes what holds spaces
		settings[i] = strings.ReplaceAll(s, `"`, "")
	}
	if diff := cmp.Diff(modules, billed); diff != "" || len(modules) < 5 {
		t.Errorf("modules (-go version +bill):\n%s", diff)
	}
	if diff := cmp.Diff(settings, billedSettings); diff != "" {
		t.Errorf("settings (-go version +bill):\n%s", diff)
	}
	data, err := os.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(data)
	if h := bill.Metadata.Component.Hashes; len(h) != 1 || h[0].Content != hex.EncodeToString(sum[:]) {
		t.Errorf("the program's hash is %v", h)
	}
	if bill.BOMFormat != "CycloneDX" || bill.SpecVersion != "1.6" || len(bill.Dependencies) != 1 || !slices.Equal(bill.Dependencies[0].DependsOn, refs) {
		t.Errorf("it is %s %s, and depends on %v", bill.BOMFormat, bill.SpecVersion, bill.Dependencies)
	}
}

func TestWhatIsNoProgramHasNoBill(t *testing.T) {
	if _, err := supply.Bill("supply_test.go", "x"); err == nil {
		t.Error("a text has a bill")
	}
	if _, err := supply.Bill("none", "x"); err == nil {
		t.Error("nothing has a bill")
	}
}

// govulncheck writes a program that says and ends as govulncheck would.
func govulncheck(t *testing.T, says string, code int) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "govulncheck")
	if err := os.WriteFile(path, fmt.Appendf(nil, "#!/bin/sh\nprintf '%%s\\n' '%s'\nexit %d\n", says, code), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestAKnownWeaknessFailsAndADatabaseOutOfReachIsSaidPlainly(t *testing.T) {
	for name, c := range map[string]struct {
		says string
		code int
		want error // nil: none
		any  bool  // any error
		told string
	}{
		"nothing is known":               {"No vulnerabilities found.", 0, nil, false, "No vulnerabilities found."},
		"a weakness is called":           {"Your code is affected by 1 vulnerability", 3, supply.ErrWeak, true, "affected by 1"},
		"the database cannot be reached": {`govulncheck: fetching vulnerabilities: Get "https://vuln.go.dev/index/modules.json.gz": no such host`, 1, nil, false, "NOT CHECKED"},
		"the project cannot be read":     {"govulncheck: loading packages: no such package", 1, nil, true, "loading packages"},
		"both, but something was found":  {"fetching vulnerabilities: later", 3, supply.ErrWeak, true, "later"},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			err := supply.Weaknesses(t.Context(), &out, govulncheck(t, c.says, c.code), root, "./...")
			if (err != nil) != c.any || c.want != nil && !errors.Is(err, c.want) || !strings.Contains(out.String(), c.told) {
				t.Errorf("%v, and said %q", err, &out)
			}
		})
	}
	if err := supply.Weaknesses(t.Context(), &bytes.Buffer{}, "no-such-program", root); err == nil {
		t.Error("without the program nothing is wrong")
	}
}

// What has had weaknesses that concern us does not go back below the version that ended them.
var least = map[string][3]int{
	"github.com/go-git/go-git/v5":         {5, 19, 3},
	"github.com/aws/aws-cdk-go/awscdk/v2": {2, 253, 0}, // GHSA-464c
}

func TestModulesAreNotOlderThanTheirMendedVersions(t *testing.T) {
	data, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range least {
		found := regexp.MustCompile(`(?m)^\t` + regexp.QuoteMeta(path) + ` v(\d+)\.(\d+)\.(\d+)`).FindStringSubmatch(string(data))
		if found == nil {
			t.Errorf("go.mod does not require %s: take it off the list", path)
			continue
		}
		var got [3]int
		if _, err := fmt.Sscan(strings.Join(found[1:], " "), &got[0], &got[1], &got[2]); err != nil {
			t.Fatal(err)
		}
		if slices.Compare(got[:], want[:]) < 0 {
			t.Errorf("%s is %v, must be %v at least", path, got, want)
		}
	}
	if strings.Contains(string(data), "\nreplace") {
		t.Error("go.mod replaces a module: what is built would not be what is named")
	}
}

func TestModulesAreThoseOfGoSum(t *testing.T) {
	cmd := exec.Command("go", "mod", "verify")
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil || strings.TrimSpace(string(out)) != "all modules verified" {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestEveryPackageOfNpmIsPinnedByItsHash(t *testing.T) {
	data, err := os.ReadFile(filepath.Join(root, "package-lock.json"))
	if err != nil {
		t.Fatal(err)
	}
	var lock struct {
		LockfileVersion int
		Packages        map[string]struct{ Version, Resolved, Integrity string }
	}
	if err := json.Unmarshal(data, &lock); err != nil {
		t.Fatal(err)
	}
	for name, p := range lock.Packages {
		if name == "" {
			continue
		}
		if !strings.HasPrefix(p.Integrity, "sha512-") || p.Version == "" || p.Resolved != "" && !strings.HasPrefix(p.Resolved, "https://registry.npmjs.org/") {
			t.Errorf("%s is %s from %q with the hash %q", name, p.Version, p.Resolved, p.Integrity)
		}
	}
	if lock.LockfileVersion < 3 || len(lock.Packages) < 2 {
		t.Errorf("version %d with %d packages", lock.LockfileVersion, len(lock.Packages))
	}
	data, err = os.ReadFile(filepath.Join(root, "package.json"))
	if err != nil {
		t.Fatal(err)
	}
	var wanted struct{ Dependencies, DevDependencies map[string]string }
	if err := json.Unmarshal(data, &wanted); err != nil {
		t.Fatal(err)
	}
	for _, list := range []map[string]string{wanted.Dependencies, wanted.DevDependencies} {
		for name, version := range list {
			if !regexp.MustCompile(`^\d+\.\d+\.\d+$`).MatchString(version) {
				t.Errorf("%s is wanted as %q: name one version", name, version)
			}
		}
	}
}
