package cli

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/driftless-gitops/driftless/internal/config"
	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/propose"
	"github.com/driftless-gitops/driftless/internal/render"
)

// proposal is what "init" found, and wrote.
type proposal struct {
	propose.Found
	Configuration []propose.File `json:"configuration"`
	Written       bool           `json:"written"`
}

// initialise is the command line of "init".
type initialise struct {
	account       string
	perDirectory  bool
	force, dryRun bool
}

func initCommand(f *flags) *cobra.Command {
	var o initialise
	c := &cobra.Command{Use: "init [DIRECTORY]", Short: "Propose a driftless.yaml from what is in a repository, without AWS",
		Args: cobra.MaximumNArgs(1), RunE: func(_ *cobra.Command, args []string) error {
			dir := "."
			if len(args) == 1 {
				dir = args[0]
			}
			return o.run(f, dir)
		}}
	c.Flags().StringVar(&o.account, "account", "", "id of the AWS account where the applications go (default: an example)")
	c.Flags().BoolVar(&o.perDirectory, "per-directory", false, "write one driftless.yaml per application's directory")
	c.Flags().BoolVar(&o.force, "force", false, "write over a driftless.yaml that is there")
	c.Flags().BoolVar(&o.dryRun, "dry-run", false, "write nothing, show what would be written")
	return c
}

// run proposes, and writes what validates. --region is the applications' region here.
func (o initialise) run(f *flags, dir string) error {
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return usage(fmt.Errorf("%q is not a directory: give the root of a repository", dir))
	}
	files := os.DirFS(dir)
	if _, err := fs.Stat(files, config.Name); err == nil && !o.force && !o.dryRun {
		return fmt.Errorf("there is a %s in %s already; --force writes over it, --dry-run shows what would be written", config.Name, dir)
	}
	found, err := propose.Find(files, f.searching())
	if err != nil {
		return err
	}
	region := f.region
	for _, name := range []string{"AWS_REGION", "AWS_DEFAULT_REGION"} {
		if region == "" {
			region = f.Env(name)
		}
	}
	p := proposal{Found: found}
	layout := propose.Layout{Target: gitops.Target{Account: o.account, Region: region}, PerDirectory: o.perDirectory}
	if err := p.settle(files, dir, layout); err != nil {
		return err
	}
	if len(p.Configuration) > 0 && !o.dryRun {
		if err := o.write(dir, p.Configuration); err != nil {
			return err
		}
		p.Written = true
	}
	if err := f.print(p, func() string { return p.describe(layout) }); err != nil {
		return err
	}
	if len(p.Applications)+len(p.Passed) == 0 {
		return fmt.Errorf("found nothing in %s; nothing was written\n%s", dir, propose.Sought)
	}
	if len(p.Configuration) == 0 {
		return fmt.Errorf("found nothing in %s that this version deploys; nothing was written", dir)
	}
	return nil
}

// searching tells a person who has waited for two seconds how far the search is.
func (f *flags) searching() func(int) {
	begun := f.Now()
	next := begun.Add(2 * time.Second)
	return func(files int) {
		if now := f.Now(); f.TtyErr && now.After(next) {
			f.hint("looked at %d files in %s", files, now.Sub(begun).Round(time.Second))
			next = now.Add(2 * time.Second)
		}
	}
}

// settle writes the proposal, holds it against what "validate" says, and leaves out what
// would be refused, until nothing is.
func (p *proposal) settle(files fs.FS, dir string, layout propose.Layout) error {
	for {
		p.Configuration = p.Write(layout)
		if len(p.Configuration) == 0 {
			return nil
		}
		v, err := validate(over(files, p.Configuration), dir)
		if err != nil {
			return err
		}
		if len(v.Problems) == 0 {
			return nil
		}
		if before := len(p.Deployable()); !p.blame(v.Problems) || len(p.Deployable()) == before {
			return refusedTarget(v.Problems[0])
		}
	}
}

// refusedTarget returns the error of a problem that no application can be blamed for.
func refusedTarget(first gitops.Problem) error {
	for _, option := range []string{"account", "region"} {
		if strings.HasSuffix(first.Path, "defaults.target."+option) {
			return usage(fmt.Errorf("--%s: %s", option, first.Message))
		}
	}
	return fmt.Errorf("the proposal does not validate: %s", first)
}

// blame leaves out the applications that problems are about, and reports whether any is.
func (p *proposal) blame(problems []gitops.Problem) bool {
	blamed := false
	for _, problem := range problems {
		file := problem.File
		if name, err := strconv.Unquote(file); err == nil {
			file = name
		}
		for _, a := range p.Deployable() {
			roots := append([]string{a.Path}, a.Watch...)
			inside := func(root string) bool { return root == "." || file == root || strings.HasPrefix(file, root+"/") }
			if problem.Application == a.Name || problem.Application == "" && !isConfiguration(file) && slices.ContainsFunc(roots, inside) {
				p.LeaveOut(a.Name, about(problem, a.From))
				blamed = true
			}
		}
	}
	return blamed
}

func isConfiguration(file string) bool {
	return file == config.Name || strings.HasSuffix(file, "/"+config.Name)
}

// about says what a problem is, of an application that one file was found by. A line of a
// configuration file is that of one which will not be written like that.
func about(p gitops.Problem, from string) string {
	switch {
	case isConfiguration(p.File):
		return p.Message
	case p.File == from && p.Line > 0:
		return fmt.Sprintf("line %d: %s", p.Line, p.Message)
	case p.File == from:
		return p.Message
	}
	return p.String()
}

// write writes the files, none where one of them is there already.
func (o initialise) write(dir string, files []propose.File) error {
	flag := os.O_WRONLY | os.O_CREATE | os.O_EXCL
	if o.force {
		flag = os.O_WRONLY | os.O_CREATE | os.O_TRUNC
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return fmt.Errorf("open %s: %w", dir, err)
	}
	defer func() { _ = root.Close() }()
	for _, file := range files {
		if _, err := root.Stat(file.Name); err == nil && !o.force {
			return fmt.Errorf("there is a %s already; --force writes over it, --dry-run shows what would be written", filepath.Join(dir, file.Name))
		}
	}
	for _, file := range files {
		if err := writeFile(root, file, flag); err != nil {
			return fmt.Errorf("write %s: %w", filepath.Join(dir, file.Name), err)
		}
	}
	return nil
}

func writeFile(root *os.Root, file propose.File, flag int) error {
	w, err := root.OpenFile(file.Name, flag, 0o644)
	if err != nil {
		return err
	}
	_, err = w.WriteString(file.Text)
	return errors.Join(err, w.Close())
}

// shown is how many lines of a kind a person is shown.
const shown = 20

// describe tells what was found, what was left out and why, and what to do next.
func (p proposal) describe(l propose.Layout) string {
	var b strings.Builder
	if !p.Written {
		for _, file := range p.Configuration {
			fmt.Fprintf(&b, "--- %s\n%s\n", file.Name, file.Text)
		}
	}
	var found, left, passed [][]string
	for _, a := range p.Applications {
		if a.LeftOut != "" {
			left = append(left, []string{a.Name, a.From, a.LeftOut})
			continue
		}
		what := cmp.Or(a.Template, path.Base(a.From))
		if a.Parameters != "" {
			what += ", " + a.Parameters
		}
		found = append(found, []string{a.Name, string(a.Engine), a.Path, what})
	}
	for _, x := range p.Passed {
		passed = append(passed, []string{x.Path, x.Why})
	}
	table(&b, fmt.Sprintf("Found %s in %s:", plural(len(found), "application"), plural(p.Files, "file")), found)
	table(&b, "Left out, each a comment in "+config.Name+":", left)
	table(&b, "Looked like an application and is none:", passed)
	if len(p.Configuration) > 0 {
		b.WriteString(p.next(l))
	}
	return b.String()
}

// table writes the first rows of many below a title, nothing without rows.
func table(b *strings.Builder, title string, rows [][]string) {
	if len(rows) == 0 {
		return
	}
	b.WriteString(title + "\n")
	w := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	for _, row := range rows[:min(len(rows), shown)] {
		for i := range row {
			row[i] = strings.ReplaceAll(render.Lines(row[i]), "\n", " ")
		}
		fmt.Fprintf(w, "  %s\n", strings.Join(row, "\t"))
	}
	_ = w.Flush() // into memory
	if more := len(rows) - shown; more > 0 {
		fmt.Fprintf(b, "  and %d more, which --output json has\n", more)
	}
	b.WriteString("\n")
}

// next says what a person does with the proposal.
func (p proposal) next(l propose.Layout) string {
	var names []string
	for _, file := range p.Configuration {
		names = append(names, file.Name)
	}
	files := names[0]
	if more := len(names) - 1; more > 0 {
		files += " and " + plural(more, "more file")
	}
	var steps []string
	if l.Target.Account == "" || l.Target.Region == "" {
		steps = append(steps, "put your account and region into "+names[0])
	}
	steps = append(steps, "read what is proposed, then: driftless validate", "commit and push it", "driftless repository add URL --branch main")
	var b strings.Builder
	if p.Written {
		fmt.Fprintf(&b, "Wrote %s.\n", files)
	}
	b.WriteString("Next:\n")
	for i, s := range steps {
		fmt.Fprintf(&b, "  %d. %s\n", i+1, s)
	}
	return b.String()
}
