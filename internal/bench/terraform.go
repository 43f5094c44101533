package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/driftless-gitops/driftless/internal/aws/codebuild"
	"github.com/driftless-gitops/driftless/internal/aws/jsonrpc"
	"github.com/driftless-gitops/driftless/internal/aws/s3"
	"github.com/driftless-gitops/driftless/internal/demo"
	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/sandbox"
)

// terraformed is the application of Terraform.
const terraformed = "terraformed"

// terraforms measures G6: an unchanged application beside "terraform plan", and a changed one
// that nobody has to approve beside plain init, plan and apply of the same code, in the same
// sandbox and from the same providers.
func (b *bench) terraforms(ctx context.Context) error {
	version, err := demo.TerraformVersion(ctx)
	if errors.Is(err, exec.ErrNotFound) {
		b.say("      skipped: there is no terraform on the PATH")
		b.add(Row{Goal: "G6", What: "not measured: there is no terraform on the PATH", Runs: "0"})
		return nil
	}
	if err != nil {
		return err
	}
	b.leave() // the only application of a repository is not one beside those of the other goals
	s, err := b.open(ctx)
	if err != nil {
		return err
	}
	t := &terraforming{stage: s, scratch: b.scratch, version: version}
	if err := t.create(ctx); err != nil {
		return err
	}
	if err := b.terraformsChanged(ctx, t); err != nil {
		return err
	}
	return b.terraformsUnchanged(ctx, t)
}

// terraformsChanged compares where a push changes a value.
func (b *bench) terraformsChanged(ctx context.Context, t *terraforming) error {
	ours := &contender{name: "driftless, a push that changes a value", run: t.push}
	peer := &contender{name: "terraform init, plan, apply", run: t.plain}
	if err := b.interleave(ctx, b.n(), ours, peer); err != nil {
		return err
	}
	n := runs(ours, peer)
	b.add(
		Row{Goal: "G6", What: "a push that changes a value, build's start to applied; plain init, plan, apply (the aim: 0.8 ×)", Ours: t.built(), Peer: peer.millis(), Limit: Ratio(1.05), Runs: n},
		Row{Goal: "G6", What: "end of push to Succeeded; plain init, plan, apply", Ours: ours.millis(), Peer: peer.millis(), Limit: Ratio(1.15), Runs: n},
		Row{Goal: "G6", What: "- builds started", Ours: t.began(), Limit: Exactly(1), Runs: n},
		Row{Goal: "G6", What: "- what the push takes longer, step by step below", Ours: Quantity{ours.millis().Value - peer.millis().Value, "ms"}, Runs: n},
	)
	b.add(t.steps()...)
	return nil
}

// terraformsUnchanged compares where a push changes nothing of the application.
func (b *bench) terraformsUnchanged(ctx context.Context, t *terraforming) error {
	if err := t.stage.settled(ctx); err != nil {
		return err
	}
	t.stage.Sandbox.Calls()
	ours := &contender{name: "driftless, a push beside the application", run: t.beside}
	peer := &contender{name: "terraform plan without changes", run: t.plan}
	if err := b.interleave(ctx, b.n(), ours, peer); err != nil {
		return err
	}
	if err := t.stage.settled(ctx); err != nil { // whatever starts a build would have by now
		return err
	}
	b.add(t.unchanged("the only application", 1, ours, peer)...)
	return b.terraformsAmongMany(ctx, t, peer)
}

// many is how many applications a repository of a team has.
const many = 20

// terraformsAmongMany compares the same where the repository has more applications: one look
// decides all of them, where each has a plan of its own else.
func (b *bench) terraformsAmongMany(ctx context.Context, t *terraforming, peer *contender) error {
	var names []string
	for n := len(t.stage.names); n < many; n++ {
		names = append(names, fmt.Sprintf("beside-%02d", n))
	}
	b.say("      deploying %d applications beside it", len(names))
	if err := t.stage.add(ctx, names...); err != nil {
		return err
	}
	t.stage.Sandbox.Calls()
	ours := &contender{name: fmt.Sprintf("driftless, a push beside %d applications", len(t.stage.names)), run: t.beside}
	if err := b.interleave(ctx, b.n(), ours); err != nil {
		return err
	}
	if err := t.stage.settled(ctx); err != nil {
		return err
	}
	b.add(t.unchanged(fmt.Sprintf("%d applications, for each of them", len(t.stage.names)), len(t.stage.names), ours, peer)...)
	return nil
}

// unchanged says what a push beside some applications takes for each of them. Beside a plan,
// which is timed from the command's own start, stands the look, which is timed from that of the
// reconciler's invocation; what the event takes on its way to it is said below.
func (t *terraforming) unchanged(beside string, applications int, ours, peer *contender) []Row {
	each := func(q Quantity) Quantity { return Quantity{q.Value / float64(applications), q.Unit} }
	return []Row{
		{Goal: "G6", What: "a push beside " + beside + ": the look that decides that nothing is to be done, all of the reconciler's invocations; terraform plan of one",
			Ours: each(ours.looked()), Peer: peer.millis(), Limit: Ratio(0.01), Runs: runs(ours, peer)},
		{Goal: "G6", What: "- the same from the end of the push (event, trigger, queue, look); terraform plan of one",
			Ours: each(ours.millis()), Peer: peer.millis(), Runs: runs(ours, peer)},
		{Goal: "G6", What: "- invocations of the reconciler for one push", Ours: Quantity{float64(of(ours, func(u usage) int { return u.looks })), "invocations"}, Runs: runs(ours, ours)},
		{Goal: "G6", What: "- builds started", Ours: Quantity{float64(t.stage.started()), "builds"}, Limit: Exactly(0), Runs: runs(ours, ours)},
	}
}

// terraforming is the configuration that both apply, each under its own names.
type terraforming struct {
	stage   *stage
	scratch string
	version string
	data    *s3.Blobs         // the bucket of reports
	builds  *codebuild.Client // where builds are looked up
	states  string            // the bucket of states, of both
	dir     string            // where plain terraform last worked

	rolled []rolled   // the pushes, but for the first
	calls  []terminal // plain terraform's, but for the first
}

// terminal is how long the calls of plain terraform took.
type terminal struct{ init, plan, apply time.Duration }

// create makes both applications' resources.
func (t *terraforming) create(ctx context.Context) error {
	cfg := t.stage.Sandbox.Config()
	data, err := t.stage.resource("AWS::S3::Bucket", "Data")
	if err != nil {
		return err
	}
	if t.states, err = t.stage.resource("AWS::S3::Bucket", "States"); err != nil {
		return err
	}
	t.data = s3.New(cfg, data)
	t.builds = codebuild.NewClient(jsonrpc.New(cfg, jsonrpc.CodeBuild, time.Now), cfg.Region)
	t.stage.builds = map[string]string{terraformed: t.version}
	if err := t.stage.add(ctx, terraformed); err != nil {
		return err
	}
	_, err = t.plain(ctx)
	t.calls = nil
	return err
}

// push pushes a change and waits for its end; the time is that up to Succeeded.
func (t *terraforming) push(ctx context.Context) (u usage, err error) {
	if err := t.stage.edit(terraformed); err != nil {
		return u, err
	}
	t.stage.Sandbox.Calls()
	p, err := t.stage.push(ctx, fmt.Sprintf("change %d", t.stage.edits))
	if err != nil {
		return u, err
	}
	d, err := t.stage.ended(ctx, terraformed, p.commit)
	if err != nil {
		return u, err
	}
	builds := t.stage.started()
	r, err := t.retrace(ctx, p, d)
	r.builds = builds
	t.rolled = append(t.rolled, r)
	return usage{wall: d.EndedAt.Sub(p.at)}, err
}

// plain applies the same change with terraform alone, in a fresh directory.
func (t *terraforming) plain(ctx context.Context) (all usage, err error) {
	t.stage.edits++
	if t.dir, err = os.MkdirTemp(t.scratch, "plain-"); err != nil {
		return all, fmt.Errorf("make directory: %w", err)
	}
	backend := fmt.Sprintf("terraform {\n  backend \"s3\" {\n    bucket       = %q\n    key          = \"bench/plain.tfstate\"\n    region       = %q\n    use_lockfile = true\n    encrypt      = true\n  }\n}\n",
		t.states, sandbox.Region)
	for name, text := range map[string]string{"main.tf": configuration("plain", t.stage.edits), "backend.tf": backend} {
		if err := os.WriteFile(filepath.Join(t.dir, name), []byte(text), 0o600); err != nil {
			return all, fmt.Errorf("write configuration: %w", err)
		}
	}
	var took terminal
	for _, c := range []struct {
		into *time.Duration
		args []string
	}{{&took.init, []string{"init"}}, {&took.plan, []string{"plan", "-out=tfplan"}}, {&took.apply, []string{"apply", "tfplan"}}} {
		u, err := t.terraform(ctx, c.args...)
		if err != nil {
			return all, err
		}
		*c.into = u.wall
		all.wall += u.wall
		all.cpu += u.cpu
	}
	t.calls = append(t.calls, took)
	return all, nil
}

// plan plans what plain terraform last applied, where it did.
func (t *terraforming) plan(ctx context.Context) (usage, error) {
	return t.terraform(ctx, "plan", "-detailed-exitcode") // which is an error if there are changes
}

// terraform runs a call as the sandbox's administrator.
func (t *terraforming) terraform(ctx context.Context, args ...string) (usage, error) {
	_, u, err := program{dir: t.dir, env: append(t.stage.Sandbox.Env(), "CHECKPOINT_DISABLE=1", "TF_IN_AUTOMATION=1"),
		args: append([]string{"terraform", args[0], "-input=false", "-no-color"}, args[1:]...)}.do(ctx)
	return u, err
}

// beside pushes a file that is no application's; the time is that up to the end of the look
// that decides that there is nothing to be done, and of it, what the reconciler was at work.
func (t *terraforming) beside(ctx context.Context) (u usage, err error) {
	if err := t.stage.settled(ctx); err != nil {
		return u, err
	}
	t.stage.edits++
	if err := t.stage.Set("notes.txt", fmt.Sprintln(t.stage.edits)); err != nil {
		return u, err
	}
	p, err := t.stage.push(ctx, fmt.Sprintf("note %d", t.stage.edits))
	if err != nil {
		return u, err
	}
	id := gitops.RepositoryID("codecommit::"+sandbox.Region+"://"+repositoryName, "main")
	for tick := range ticks(ctx, 100*time.Millisecond, patience) {
		if tick != nil {
			return u, fmt.Errorf("wait for the look at %s: %w", gitops.Short(p.commit), tick)
		}
		r, err := t.stage.store.Repository(ctx, id)
		looks := t.stage.invoked.since("driftless-reconciler", p.at.Add(-p.took)) // a push may be heard of before git has ended
		if err == nil && r.Head.Commit == p.commit && !r.Unfinished() && len(looks) > 0 && looks[len(looks)-1].ended.After(r.SeenAt) {
			u.wall, u.looks = looks[len(looks)-1].ended.Sub(p.at), len(looks)
			for _, l := range looks {
				u.look += l.took
			}
			break
		}
	}
	return u, nil
}

// started returns how many builds were started since calls were last taken.
func (s *stage) started() (n int) {
	for call, traffic := range s.Sandbox.Calls() {
		if call.Service == "codebuild" && call.Action == "StartBuild" {
			n += int(traffic.N)
		}
	}
	return n
}

// configuration is a small one, of resources that take no time to make: two parameters, a
// bucket, a topic and a table, of which a parameter changes with every edit.
func configuration(name string, edit int) string {
	return fmt.Sprintf(`provider "aws" {}

resource "aws_ssm_parameter" "edit" {
  name  = "/bench/tf/%[1]s"
  type  = "String"
  value = "%[2]d"
}

resource "aws_ssm_parameter" "topic" {
  name  = "/bench/tf/%[1]s/topic"
  type  = "String"
  value = aws_sns_topic.alerts.arn
}

resource "aws_s3_bucket" "files" {
  bucket = "bench-tf-%[1]s-files"
}

resource "aws_sns_topic" "alerts" {
  name = "bench-tf-%[1]s-alerts"
}

resource "aws_dynamodb_table" "table" {
  name         = "bench-tf-%[1]s-table"
  billing_mode = "PAY_PER_REQUEST"
  hash_key     = "id"
  attribute {
    name = "id"
    type = "S"
  }
}
`, name, edit)
}
