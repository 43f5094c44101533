// Program sim runs the simulation of the reconciler (docs/protocol.md): "sim run" many seeds,
// or one again, and "sim mutants" the planted bugs that show that it sees something. It exits
// with 1 when an invariant was broken or a planted bug was not found, with 2 when it could
// not run.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/driftless-gitops/driftless/internal/sim"
	"github.com/driftless-gitops/driftless/internal/sim/builds"
)

// errUsage is what a command that cannot be run returns.
var errUsage = errors.New("usage: sim run [flags] | sim mutants [flags]; -h tells the flags")

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	debug.SetGCPercent(1600) // worlds are short-lived, and there are many
	if info, err := os.Stat("/dev/shm"); err == nil && info.IsDir() {
		_ = os.Setenv("TMPDIR", "/dev/shm") // bundles need no disk; where it fails they take one
	}
	err := run(ctx, os.Args[1:])
	stop()
	switch {
	case err == nil:
		return
	case errors.Is(err, flag.ErrHelp):
		os.Exit(2)
	}
	fmt.Fprintln(os.Stderr, "✗ "+err.Error())
	if errors.Is(err, errUsage) {
		os.Exit(2)
	}
	os.Exit(1)
}

func run(ctx context.Context, args []string) error {
	if len(args) == 0 {
		return errUsage
	}
	switch args[0] {
	case "run":
		return seeds(ctx, args[1:])
	case "mutants":
		return mutants(ctx, args[1:])
	}
	return errUsage
}

// worlds are what can be simulated.
var worlds = []sim.World{sim.Stacks(), builds.World()}

// worldOf returns the world of a name.
func worldOf(name string) (sim.World, error) {
	var names []string
	for _, w := range worlds {
		if w.Name == name {
			return w, nil
		}
		names = append(names, w.Name)
	}
	return sim.World{}, fmt.Errorf("world %q: must be one of %s, fleet", name, strings.Join(names, ", "))
}

// seeds runs many seeds, or one with lists of its own.
func seeds(ctx context.Context, args []string) error {
	f := flag.NewFlagSet("run", flag.ContinueOnError)
	name := f.String("world", "stacks", "what is simulated: stacks of CloudFormation, builds of Terraform and CDK apps, or a fleet, which takes no seeds")
	n := f.Uint64("seeds", 100_000, "how many seeds")
	from := f.String("from", "0", "the first one, or random")
	most := f.Int("most", 5, "how many failing seeds end the run")
	jobs := f.Int("jobs", runtime.NumCPU(), "worlds at once")
	every := f.Duration("every", 0, "how often to tell how far it is")
	one := f.Int64("seed", -1, "run this one alone, and print what happens")
	actions := f.String("actions", "drawn", "what happens in it, as a failing run prints it")
	faults := f.String("faults", "drawn", "what fails in it, as a failing run prints it")
	applications := f.Int("applications", 10_000, "of the fleet")
	accounts := f.Int("accounts", 5, "of the fleet")
	if err := f.Parse(args); err != nil {
		return err
	}
	if *name == "fleet" {
		return runFleet(os.Stdout, *applications, *accounts)
	}
	world, err := worldOf(*name)
	if err != nil {
		return err
	}
	if *one >= 0 {
		return replay(world, uint64(*one), *actions, *faults)
	}
	first, err := strconv.ParseUint(*from, 10, 64)
	if *from == "random" {
		first, err = uint64(rand.Uint32()), nil
	}
	if err != nil {
		return fmt.Errorf("read -from: %w", err)
	}
	return sim.Report(ctx, sim.Options{World: world, From: first, Seeds: *n, Jobs: *jobs, Most: *most, Every: *every, Out: os.Stdout, Now: time.Now})
}

func replay(w sim.World, seed uint64, actions, faults string) error {
	p := w.Generate(seed)
	if actions == "drawn" {
		actions = p.Lists().Actions
	}
	if faults == "drawn" {
		faults = p.Lists().Faults
	}
	p, err := w.ParsePlan(seed, actions, faults)
	if err != nil {
		return err
	}
	r := w.Run(p, os.Stdout)
	fmt.Printf("%s\ntrace %016x\n", r.Plan, r.Hash)
	if r.Violation != nil {
		return r.Violation
	}
	return nil
}

func mutants(ctx context.Context, args []string) error {
	f := flag.NewFlagSet("mutants", flag.ContinueOnError)
	root := f.String("root", ".", "this project's root")
	n := f.Uint64("seeds", 20_000, "within how many seeds each has to be found")
	only := f.String("only", "", "name of the one to try")
	world := f.String("world", "", "the bugs of this one alone; empty: of all")
	part := f.String("part", "", "i/n: the i-th part of n alone, such as 2/4")
	if err := f.Parse(args); err != nil {
		return err
	}
	planted := []sim.Planted{{World: "stacks", Mutants: sim.Mutants()}, {World: "builds", Mutants: builds.Mutants()}}
	planted = slices.DeleteFunc(planted, func(p sim.Planted) bool { return *world != "" && *world != p.World })
	return sim.TryMutants(ctx, sim.MutantOptions{Planted: planted, Root: *root, Seeds: *n, Only: *only, Part: *part, Out: os.Stdout, Now: time.Now})
}
