package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/driftless-gitops/driftless/infra/build"
	"github.com/driftless-gitops/driftless/internal/bench/tally"
	"github.com/driftless-gitops/driftless/internal/sandbox/lambda/bootstrap"
)

// functions are those that are deployed, each a folder of functions/.
var functions = []string{"webhook", "trigger", "sweeper", "reconciler", "notifier", "api"}

// starts measures G7: from exec to the first request for work, with what the runtime API's
// own start takes on this machine in both.
func (b *bench) starts(ctx context.Context) error {
	s, err := b.open(ctx)
	if err != nil {
		return err
	}
	machine := map[string]string{"amd64": "x86_64", "arm64": "arm64"}[runtime.GOARCH]
	code, err := build.Functions(ctx, b.o.Root, b.scratch, machine, functions)
	if err != nil {
		return err
	}
	empty, err := b.build(ctx, "internal/bench/programs/empty")
	if err != nil {
		return err
	}
	nothing := filepath.Join(b.scratch, "empty")
	if err := os.Mkdir(nothing, 0o755); err != nil {
		return fmt.Errorf("make directory: %w", err)
	}
	if err := os.Rename(empty, filepath.Join(nothing, "bootstrap")); err != nil {
		return fmt.Errorf("place the empty handler: %w", err)
	}
	peer := &contender{name: "an empty handler", run: b.start(nothing, nil)}
	all := []*contender{peer}
	for _, name := range functions {
		settings, err := s.settings(ctx, name)
		if err != nil {
			return err
		}
		all = append(all, &contender{name: name, run: b.start(code[name], settings)})
	}
	if err := b.interleave(ctx, 3*b.n(), all...); err != nil {
		return err
	}
	b.addStarts(peer, all[1:])
	return b.addSizes(ctx)
}

func (b *bench) addStarts(peer *contender, ours []*contender) {
	var rows []Row
	memory, slowest := Quantity{0, "MB"}, Quantity{0, "ms"}
	for _, c := range ours {
		rows = append(rows, Row{Goal: "G7", What: "start of " + c.name + ", exec to first /next; an empty handler", Ours: c.millis(), Peer: peer.millis(), Limit: Ratio(3), Runs: runs(c, peer)})
		memory.Value, slowest.Value = max(memory.Value, c.memory().Value), max(slowest.Value, c.millis().Value)
	}
	b.add(append(rows,
		Row{Goal: "G7", What: "- the slowest of them", Ours: slowest, Limit: AtMost(10), Runs: runs(peer, peer)},
		Row{Goal: "G7", What: "- most memory of one at rest; an empty handler", Ours: memory, Peer: peer.memory(), Limit: AtMost(20), Runs: runs(peer, peer)})...)
}

// settings are what a function is told that is deployed, as NAME=value.
func (s *stage) settings(ctx context.Context, function string) ([]string, error) {
	out, err := lambda.NewFromConfig(s.Sandbox.Config()).GetFunctionConfiguration(ctx, &lambda.GetFunctionConfigurationInput{FunctionName: aws.String("driftless-" + function)})
	if err != nil {
		return nil, fmt.Errorf("read settings of %s: %w", function, err)
	}
	var settings []string
	for name, value := range out.Environment.Variables {
		settings = append(settings, name+"="+value)
	}
	return settings, nil
}

// start returns what starts a function and ends it once it asks for work.
func (b *bench) start(dir string, settings []string) func(context.Context) (usage, error) {
	env := append([]string{"AWS_REGION=eu-west-1", "AWS_ACCESS_KEY_ID=AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY=secret", "AWS_SESSION_TOKEN=token",
		"AWS_LAMBDA_FUNCTION_NAME=bench", "AWS_LAMBDA_FUNCTION_VERSION=1", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE=512", "AWS_EC2_METADATA_DISABLED=true"}, settings...)
	log := filepath.Join(b.scratch, "start.log")
	return func(context.Context) (usage, error) {
		began := time.Now()
		p, err := bootstrap.Start(bootstrap.Spec{Dir: dir, Temp: b.scratch, Env: env, Timeout: time.Minute, Log: log, Now: time.Now})
		if err != nil {
			return usage{}, err
		}
		defer p.Close()
		if !p.Idle() {
			said, _ := os.ReadFile(log) // without it the error says less
			return usage{}, errors.New("it ended before it asked for work: " + string(said))
		}
		u := usage{wall: time.Since(began)}
		u.peak, err = tally.Memory(strconv.Itoa(p.ID()), "VmRSS")
		return u, err
	}
}

// addSizes says what the packages weigh that are deployed by default.
func (b *bench) addSizes(ctx context.Context) error {
	code, err := build.Functions(ctx, b.o.Root, b.scratch, "arm64", functions)
	if err != nil {
		return err
	}
	others := 0.0
	for _, name := range functions {
		size, err := build.Size(code[name])
		if err != nil {
			return err
		}
		if name == "reconciler" {
			b.add(Row{Goal: "G7", What: "zip of the reconciler for arm64", Ours: Quantity{float64(size) / 1e6, "MB"}, Limit: AtMost(8), Runs: "1"})
			continue
		}
		others = max(others, float64(size)/1e6)
	}
	b.add(Row{Goal: "G7", What: "largest zip of the other functions", Ours: Quantity{others, "MB"}, Limit: AtMost(5), Runs: "1"})
	return nil
}
