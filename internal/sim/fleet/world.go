package fleet

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/driftless-gitops/driftless/internal/aws/cloudformation"
	"github.com/driftless-gitops/driftless/internal/fake"
	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/reconcile"
	"github.com/driftless-gitops/driftless/internal/sim/cloud"
)

// world is one run.
type world struct {
	o       Options
	epoch   time.Time
	at      time.Duration // since then
	agenda  agenda
	entries int
	running *process // the one that runs now; nil: the world itself
	alive   map[*process]bool
	jitter  *rand.Rand // of the SDK's pauses between attempts

	store    *fake.Store
	blobs    *fake.Blobs
	mail     *mail
	accounts []*account
	bundles  [2]string // keys of the two contents that an application goes between
	ids      int

	reconciler *reconcile.Reconciler
	sweeper    *reconcile.Sweeper

	looked  map[string]time.Duration // when an application's drift was looked for last
	arrived map[string]int           // the number of the deployment of an application that is under way
	result  Result
}

// contents are the two templates.
var contents = [2]string{
	`{"Description":"sound","Resources":{"Queue":{"Type":"AWS::SQS::Queue","Properties":{"VisibilityTimeout":30}}}}`,
	`{"Description":"sound","Resources":{"Queue":{"Type":"AWS::SQS::Queue","Properties":{"VisibilityTimeout":60}}}}`,
}

func newWorld(o Options) (*world, error) {
	w := &world{o: o, epoch: time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC), alive: map[*process]bool{}, jitter: rand.New(rand.NewPCG(o.Seed, 1)), //nolint:gosec // a simulation is to be repeated
		store: fake.NewStore(), blobs: fake.NewBlobs(), looked: map[string]time.Duration{}, arrived: map[string]int{},
		result: Result{Calls: map[string]int{}, Throttled: map[string]int{}, Invocations: map[string]int{}, Seconds: map[string]float64{}}}
	w.store.Copies = true
	w.mail = &mail{w: w, held: map[string]bool{}}
	w.wire()
	if err := w.settle(); err != nil {
		return nil, err
	}
	w.store.Fail(w.gate("", o.Latency.Table))
	w.blobs.Fail(w.gate("blob ", o.Latency.Blob))
	w.store.Changed = w.changed
	return w, nil
}

// wire wires the programs as functions/reconciler and functions/sweeper do.
func (w *world) wire() {
	for range w.o.Accounts {
		describe := full(w.o.Allowed.Describe, w.o.Allowed.DescribeBurst)
		a := &account{detect: full(w.o.Allowed.Detect, w.o.Allowed.DetectBurst), describe: describe, list: describe}
		a.Cloud = &cloud.Cloud{Now: w.now, After: w.after, Draw: func(int) int { return 0 }, Vanish: true, Forgets: time.Hour, Page: 100, Told: w.mail.told,
			Pace: cloud.Pace{ChangeSet: w.takes("change set", 2*time.Second, 6*time.Second), Execution: w.takes("execution", 10*time.Second, time.Minute),
				Detection: w.takes("detection", 5*time.Second, 40*time.Second)}}
		w.accounts = append(w.accounts, a)
	}
	w.reconciler = &reconcile.Reconciler{Store: w.store, Queue: w.mail, Blobs: w.blobs, Git: fake.NewGit(), Now: w.now,
		Allowed: func(gitops.Target) error { return nil },
		Engines: map[gitops.Engine]reconcile.Engine{gitops.EngineCloudFormation: cloudformation.Over(client{w: w})},
		NewID:   func() string { w.ids++; return fmt.Sprintf("01J%07d", w.ids) },
		Sleep:   func(_ context.Context, d time.Duration) error { w.running.pause(d); return nil }}
	w.sweeper = &reconcile.Sweeper{Store: backlog{w.store, w}, Queue: w.mail, Now: w.now, Rates: w.o.Rates,
		Sleep: func(_ context.Context, d time.Duration) error { w.running.pause(d); return nil }}
}

func full(rate, most float64) bucket { return bucket{rate: rate, most: most, left: most} }

func (w *world) now() time.Time { return w.epoch.Add(w.at) }

// takes returns how long something takes that a process begins: for the same deployment of the
// same application always the same. While the world is made nothing takes any time.
func (w *world) takes(what string, least, most time.Duration) func() time.Duration {
	return func() time.Duration {
		if w.running == nil {
			return 0
		}
		return drawn(least, most, w.o.Seed, what, w.running.app, fmt.Sprint(w.arrived[w.running.app]))
	}
}

// settle makes every application with its stack as they are after a deployment, their drift due
// over the hour.
func (w *world) settle() error {
	for i, content := range contents {
		key, data, err := packed(content)
		if err != nil {
			return err
		}
		if err := w.blobs.Put(context.Background(), key, data); err != nil { //nolint:usetesting // a world is a main of its own
			return err
		}
		w.bundles[i] = key
	}
	for i := range w.o.Applications {
		if err := w.deployed(i); err != nil {
			return fmt.Errorf("make application %d: %w", i, err)
		}
	}
	return nil
}

func (w *world) deployed(i int) error {
	ctx := context.Background() //nolint:usetesting // a world is a main of its own
	id, c := w.name(i), w.accounts[i%w.o.Accounts].Cloud
	made, err := c.CreateChangeSet(ctx, &sdk.CreateChangeSetInput{StackName: &id, ChangeSetName: aws.String("first"), ChangeSetType: types.ChangeSetTypeCreate, TemplateBody: &contents[0]})
	if err != nil {
		return err
	}
	w.until(w.at)
	if _, err := c.ExecuteChangeSet(ctx, &sdk.ExecuteChangeSetInput{ChangeSetName: made.Id, DisableRollback: aws.Bool(false)}); err != nil {
		return err
	}
	w.until(w.at)
	a := gitops.Application{ID: id, Repository: "r", Settings: gitops.Settings{Name: id, Path: ".", Engine: gitops.EngineCloudFormation,
		Target:         gitops.Target{Account: fmt.Sprintf("11112222333%d", i%w.o.Accounts), Region: "eu-west-1"},
		CloudFormation: gitops.CloudFormation{Stack: id, Template: "template.json"}, Sync: gitops.Sync{Mode: gitops.SyncAuto, Approval: gitops.ApprovalNever},
		Verify: gitops.Verify{Drift: true}}}
	a.Wanted = gitops.Wanted{Revision: revision(1), Digest: "1", Seq: 1, Bundle: w.bundles[0]}
	a.Ended = gitops.Ended{Seq: 1, Digest: "1", Phase: gitops.PhaseSucceeded, At: w.now()}
	a.Deployed = gitops.Deployed{Revision: a.Wanted.Revision, Digest: "1", Bundle: w.bundles[0], StackID: aws.ToString(made.StackId), At: w.now()}
	if w.o.Drift {
		a.Settings.Drift.EverySeconds = int64(w.o.Every.Seconds())
		a.DriftDue = w.now().Add(drawn(0, w.o.Every*9/10, w.o.Seed, "due", id))
	}
	return w.store.Register(ctx, &a, []reconcile.Claim{reconcile.ClaimApplication(id)})
}

func (w *world) name(i int) string { return fmt.Sprintf("app-%d-%05d", i%w.o.Accounts, i) }

// accountOf returns the account of an application.
func (w *world) accountOf(id string) *account {
	var n int
	_, _ = fmt.Sscanf(id, "app-%d-", &n) // names are the world's own
	return w.accounts[n]
}

func revision(n int) gitops.Revision {
	return gitops.Revision{Branch: "main", Commit: fmt.Sprintf("%040d", n), Seq: int64(n)}
}

// packed returns a bundle of one template, under the key that names its content.
func packed(content string) (key string, data []byte, err error) {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	f, err := z.Create("template.json")
	if err != nil {
		return "", nil, err
	}
	if _, err := f.Write([]byte(content)); err != nil {
		return "", nil, err
	}
	if err := z.Close(); err != nil {
		return "", nil, err
	}
	sum := sha256.Sum256(b.Bytes())
	return "bundles/" + hex.EncodeToString(sum[:]) + ".zip", b.Bytes(), nil
}

// gate lets the world go on for as long as a call takes, and counts it.
func (w *world) gate(prefix string, takes time.Duration) func(site string) error {
	return func(site string) error {
		if w.running != nil {
			w.running.pause(takes)
			w.count(prefix+site, 1)
		}
		return nil
	}
}

// backlog is the table as the sweeper reads it: of what is due it reads every record, a hundred in
// one request.
type backlog struct {
	*fake.Store
	w *world
}

// Unfinished implements reconcile.Backlog.
func (b backlog) Unfinished(ctx context.Context, now int64) (reconcile.Waiting, error) {
	found, err := b.Store.Unfinished(ctx, now)
	b.w.running.pause(time.Duration(1+len(found.DriftDue)/100) * b.w.o.Latency.Table)
	b.w.count("record that is due", len(found.DriftDue))
	return found, err
}
