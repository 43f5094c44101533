package faults

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"time"
)

// Options are what is run.
type Options struct {
	Root  string // of this project
	Out   io.Writer
	Only  string // regular expression: the cases to run, as a failure prints them; empty: all
	Width Width  // without its root
	Docs  bool   // write the page alone
	Rows  bool   // run the rows' tests alone
	Calls bool   // run the calls' cases alone
}

// ErrFailed says that something did not end as it is to.
var ErrFailed = errors.New("not everything ended as it does undisturbed")

// Command is the program faults.
func Command(ctx context.Context, o Options) error {
	found, err := Find(o.Root)
	if err != nil {
		return err
	}
	page, err := Page(found)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(o.Root, "docs", "faults.md"), []byte(page), 0o644); err != nil {
		return fmt.Errorf("write page: %w", err)
	}
	if o.Docs {
		return nil
	}
	if !o.Rows {
		err = o.calls(ctx)
	}
	if !o.Calls && (err == nil || errors.Is(err, ErrFailed)) {
		err = errors.Join(err, runRows(ctx, o.Root, o.Out, found))
	}
	return err
}

// calls runs every site with every kind, and prints what came of it.
func (o Options) calls(ctx context.Context) error {
	wanted, err := regexp.Compile(o.Only)
	if err != nil {
		return fmt.Errorf("read which cases: %w", err)
	}
	began := time.Now()
	lab, err := Open(ctx, o.Root)
	if err != nil {
		return err
	}
	defer lab.Close()
	o.Width.Root = o.Root
	ref, err := lab.Record(ctx)
	if err != nil {
		return err
	}
	var cases []Case
	for _, site := range append(ref.Sites, ref.Rare...) {
		for _, kind := range Kinds() {
			if c := (Case{site, kind}); wanted.MatchString(c.String()) {
				cases = append(cases, c)
			}
		}
	}
	fmt.Fprintf(o.Out, "%d calls of a rollout, %d more that not every run makes; %d cases, %d side by side\n",
		len(ref.Sites), len(ref.Rare), len(cases), o.Width.Labs*o.Width.Lanes)
	done := 0
	results, err := o.Width.Run(ctx, lab, ref, cases, func(r Result) {
		if done++; done%100 == 0 {
			fmt.Fprintf(o.Out, "%5d of %d, %s\n", done, len(cases), time.Since(began).Round(time.Second))
		}
		if r.Problem != "" {
			fmt.Fprintf(o.Out, "✗ %s\n%s\n", r.Case, r.Problem)
		}
	})
	s := Sum(results)
	fmt.Fprintf(o.Out, "\n%s\n%s in %s\n", s.Table(ref.Left...), s, time.Since(began).Round(time.Second))
	if s.Failed > 0 {
		err = errors.Join(err, ErrFailed)
	}
	return err
}
