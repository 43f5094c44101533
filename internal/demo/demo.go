package demo

import (
	"context"
	"embed"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/driftless-gitops/driftless/internal/gitops"
)

//go:embed all:repository
var repository embed.FS

// Repository is what is pushed first: four applications, as teams have them.
func Repository() fs.FS {
	files, err := fs.Sub(repository, "repository")
	if err != nil { // the folder is embedded above: it is there
		return repository
	}
	return files
}

// name is the CodeCommit repository of the demo.
const name = "infrastructure"

// patience is how long each thing may take before the demo gives up on it: a build that compiles
// a CDK app for the first time takes minutes.
const patience = 5 * time.Minute

// speed is how many times as often the schedules fire as in an account, where the sweep
// comes every minute: a drift that is due is then looked for within five seconds.
const speed = 12

// demo is the demo while it runs.
type demo struct {
	*Stage
	screen *screen
	pushed time.Time         // when the last push was made
	shown  []shown           // the other engines' applications, where this machine has what they take
	plans  map[string]string // in short, by deployment
}

// Run tells the whole story, or returns what did not happen. A width of zero means that out
// is no terminal, where nothing moves. With keep it leaves the
// sandbox running until ctx ends, and says what to play with.
func Run(ctx context.Context, out io.Writer, width int, keep bool, o Options) error {
	s := &screen{out: out, live: width > 0, width: width, start: time.Now()}
	s.say("%s", s.paint(bold, "Driftless in a sandbox: AWS on this machine, no account needed"))
	began := time.Now()
	if o.Sandbox.ScheduleSpeed == 0 {
		o.Sandbox.ScheduleSpeed = speed
	}
	if o.Sandbox.Addr == "" && !keep {
		o.Sandbox.Addr = "127.0.0.1:0" // nobody has to find it, and nothing else can be in its way
	}
	o.Sandbox.Announce = keep
	stage, err := Open(ctx, o)
	if err != nil {
		return fmt.Errorf("sandbox: %w", err)
	}
	defer stage.Close()
	s.done("sandbox", fmt.Sprintf("gateway %s, moto %s", strings.TrimPrefix(stage.Sandbox.URL(), "http://"), stage.Sandbox.MotoVersion()), began)
	d := &demo{Stage: stage, screen: s, plans: map[string]string{}}
	for _, part := range []struct {
		name string
		play func(context.Context) error
	}{
		{"cdk deploy", d.install},
		{"watch a repository", d.watch},
		{"roll out four applications", d.first},
		{"roll out one of them", d.parameter},
		{"roll out nothing", d.readme},
		{"a broken template", d.broken},
		{"the push that mends it", d.mend},
		{"drift", d.drift},
		{"sync", d.sync},
		{"all engines side by side", d.sideBySide},
		{"one push for two of them", d.twoEngines},
	} {
		if err := part.play(ctx); err != nil {
			return fmt.Errorf("%s: %w\nthe sandbox's logs: %s", part.name, err, d.keepLogs())
		}
	}
	s.say("\n%s", s.paint(good, fmt.Sprintf("✓ everything happened, in %.0f s", time.Since(s.start).Seconds())))
	d.next(keep)
	if keep {
		<-ctx.Done()
	}
	return nil
}

func (d *demo) install(ctx context.Context) error {
	began := time.Now()
	if err := d.Install(ctx); err != nil {
		return err
	}
	made, err := d.Sandbox.Count(ctx, "Driftless")
	if err != nil {
		return err
	}
	d.screen.done("cdk deploy", fmt.Sprintf("%d functions, %d table, %d queues, %d buckets, %d rules", made["AWS::Lambda::Function"],
		made["AWS::DynamoDB::Table"], made["AWS::SQS::Queue"], made["AWS::S3::Bucket"], made["AWS::Events::Rule"]), began)
	return nil
}

func (d *demo) watch(ctx context.Context) error {
	if err := d.Sandbox.CreateRepository(ctx, name); err != nil {
		return err
	}
	if err := d.Write(ctx, Repository()); err != nil {
		return err
	}
	out, err := d.Run(ctx, "validate")
	if err != nil {
		return err
	}
	d.screen.command("driftless validate", out)
	args := []string{"repository", "add", "codecommit::eu-west-1://" + name, "--branch", "main"}
	if out, err = d.Run(ctx, args...); err != nil {
		return err
	}
	d.screen.command("driftless "+strings.Join(args, " "), out)
	return nil
}

func (d *demo) first(ctx context.Context) error {
	if err := d.push(ctx, "four applications"); err != nil {
		return err
	}
	views, err := d.until(ctx, all(4, gitops.PhaseSucceeded))
	if err != nil {
		return err
	}
	for _, v := range views {
		if v.Application.Drift.Drifted != 0 || v.Application.Drift.At.IsZero() {
			return fmt.Errorf("%s was not verified in sync: %s", v.Application.ID, v.Application.Ended.Reason)
		}
		if v.Application.ID == "jobs" { // one of the four plans in full; the others are as long as their templates
			if err := d.show(ctx, "diff", "jobs", "--deployment", v.Application.Ended.Deployment); err != nil {
				return err
			}
		}
	}
	return d.show(ctx, "status")
}

func (d *demo) parameter(ctx context.Context) error {
	before, err := d.views(ctx)
	if err != nil {
		return err
	}
	if err := d.Replace("stacks/jobs/prod.json", `"60"`, `"120"`); err != nil {
		return err
	}
	if err := d.push(ctx, "jobs may take two minutes"); err != nil {
		return err
	}
	after, err := d.until(ctx, d.arrived("jobs", gitops.PhaseSucceeded, before))
	if err != nil {
		return err
	}
	if err := onlyMoved(before, after, "jobs"); err != nil {
		return err
	}
	return d.show(ctx, "diff", "jobs", "--deployment", ended(after, "jobs"))
}

func (d *demo) readme(ctx context.Context) error {
	before, err := d.views(ctx)
	if err != nil {
		return err
	}
	if err := d.Set("README.md", "# Infrastructure of the bookshop\n\nAsk the platform team.\n"); err != nil {
		return err
	}
	if err := d.push(ctx, "say whom to ask"); err != nil {
		return err
	}
	commit, err := d.head(ctx, "say whom to ask")
	if err != nil {
		return err
	}
	after, err := d.views(ctx)
	if err != nil {
		return err
	}
	if err := onlyMoved(before, after); err != nil {
		return err
	}
	d.screen.say("  %s seen %.1f s after the push: it touches no application, and rolls out nothing", gitops.Short(commit), time.Since(d.pushed).Seconds())
	return nil
}

func (d *demo) broken(ctx context.Context) error {
	before, err := d.views(ctx)
	if err != nil {
		return err
	}
	if err := d.Replace("stacks/alerts/template.yaml", "TopicArn: !Ref Alerts\n      Protocol", "TopicArn: !Ref Alarms\n      Protocol"); err != nil {
		return err
	}
	if err := d.Replace("stacks/books/template.yaml", "Value: catalogue", "Value: books"); err != nil {
		return err
	}
	if err := d.push(ctx, "rename the topic, and the team"); err != nil {
		return err
	}
	after, err := d.until(ctx, func(views []gitops.View) bool {
		return d.arrived("alerts", gitops.PhaseFailed, before)(views) && d.arrived("books", gitops.PhaseSucceeded, before)(views)
	})
	if err != nil {
		return err
	}
	for _, v := range after {
		reason := v.Application.Ended.Reason
		if v.Application.ID != "alerts" {
			continue
		}
		if !strings.Contains(reason, "stacks/alerts/template.yaml:") {
			return fmt.Errorf("the reason names no file and line: %s", reason)
		}
		d.screen.indented("  alerts failed: ", reason)
	}
	return onlyMoved(before, after, "alerts", "books")
}

func (d *demo) mend(ctx context.Context) error {
	before, err := d.views(ctx)
	if err != nil {
		return err
	}
	if err := d.Replace("stacks/alerts/template.yaml", "!Ref Alarms", "!Ref Alerts"); err != nil {
		return err
	}
	if err := d.Replace("stacks/alerts/template.yaml", "DisplayName: Production alerts", "DisplayName: Alerts of production"); err != nil {
		return err
	}
	if err := d.push(ctx, "the topic is called Alerts"); err != nil {
		return err
	}
	_, err = d.until(ctx, d.arrived("alerts", gitops.PhaseSucceeded, before))
	return err
}

func (d *demo) drift(ctx context.Context) error {
	d.screen.act("by hand: VisibilityTimeout of queue prod-jobs 120 → 5")
	if err := d.Sandbox.SetQueueAttribute(ctx, "prod-jobs", "VisibilityTimeout", "5"); err != nil {
		return err
	}
	began := time.Now()
	d.screen.say("  nobody asks: waiting for the scheduled drift check, which these applications want every minute")
	_, err := d.quietly(ctx, func(views []gitops.View) bool {
		return slices.ContainsFunc(views, func(v gitops.View) bool { return v.Application.ID == "jobs" && v.Application.Drift.Drifted == 1 })
	})
	if err != nil {
		return err
	}
	d.screen.done("found", "by the schedule", began)
	return d.show(ctx, "drift", "jobs")
}

func (d *demo) sync(ctx context.Context) error {
	out, err := d.Both(ctx, "sync", "jobs", "--wait")
	if err != nil {
		return err
	}
	d.screen.command("driftless sync jobs --wait", out)
	var history []gitops.Deployment
	if err := d.JSON(ctx, &history, "history", "jobs"); err != nil {
		return err
	}
	if last := history[0]; last.Kind != gitops.KindRevert || last.Phase != gitops.PhaseSucceeded {
		return fmt.Errorf("the sync ended as %s %s: %s", last.Kind, last.Phase, last.Reason)
	}
	value, err := d.Sandbox.QueueAttribute(ctx, "prod-jobs", "VisibilityTimeout")
	if err != nil {
		return err
	}
	if value != "120" {
		return fmt.Errorf("live VisibilityTimeout is %q after the sync, want 120", value)
	}
	if err := d.show(ctx, "history", "jobs"); err != nil {
		return err
	}
	return d.show(ctx, "status")
}

// next says what to try.
func (d *demo) next(keep bool) {
	if !keep {
		d.screen.say(`
Next:
  make sandbox                  the same, left running, to push to and play with
  make deploy                   install Driftless into the account of your AWS credentials
  driftless repository add URL  point it at a repository; templates/starter is one to begin with`)
		return
	}
	d.screen.say(`
The sandbox runs until you press Ctrl-C. In another terminal:

  eval "$(%[1]s sandbox env)"; alias driftless=%[1]s
  cd %[2]s
  driftless status --watch
  driftless diff jobs; driftless drift jobs --detect; driftless suspend jobs --reason lunch
  git commit -a -m "a change"; git push "$(%[1]s sandbox git-url %[3]s)" HEAD:main`, d.CLI, d.Dir, name)
}
