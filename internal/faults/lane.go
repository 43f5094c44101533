package faults

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"

	"github.com/driftless-gitops/driftless/internal/demo"
	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/reconcile"
	"github.com/driftless-gitops/driftless/internal/sandbox"
)

// How lanes wait: patience is how long one thing may take, mendAfter how long no function has
// called anything for the lane until time is let pass, pulse how often the functions' calls are
// looked at, and lookAgain how often the records are, whatever was called.
const (
	patience   = 4 * time.Minute
	mendAfter  = time.Second
	mendAtLast = 8 * time.Second // however slow the machine is
	slowness   = 20              // looks, for as long as which nothing has to happen either
	pulse      = 80 * time.Millisecond
	lookAgain  = 1500 * time.Millisecond
)

// Lane is one repository with one application, whose stack has one queue.
type Lane struct {
	lab   *Lab
	stage demo.Stage // with a work tree of its own
	watch watch

	name string // of the application, its stack and its repository
	host host
	url  string // of the repository
	id   string // of the repository

	address, secret string // of the webhook
	queue           string // live name
	visible         int    // its VisibilityTimeout
	engine          gitops.Engine
	cared           bool            // drift is healed, and what fails its check is taken back
	note            string          // of Terraform's: what it makes
	approval        gitops.Approval // and which plans wait
	commits         []string
	mends           int  // how often time had to pass in this step
	mended          bool // a build of this step may fail: a person has it done again
	scarred         bool // one of this step or of those before may have
	strict          bool
}

// host is where a lane's repository is.
type host string

const (
	onCodeCommit host = "CodeCommit"
	onGitHub     host = "GitHub"
)

// lane makes a repository with its first commit. It is not watched yet.
func (l *Lab) lane(ctx context.Context, s scenario) (*Lane, error) {
	l.mu.Lock()
	l.made++
	name := fmt.Sprintf("lane%04d", l.made) // none is a part of another
	l.mu.Unlock()
	n := &Lane{lab: l, stage: *l.Stage, name: name, host: s.host, engine: s.engine, cared: s.cared, queue: name + "-a", visible: 5, note: "a", approval: gitops.ApprovalDestructive}
	n.stage.Dir = filepath.Join(l.dir, name)
	if err := os.Mkdir(n.stage.Dir, 0o755); err != nil {
		return nil, fmt.Errorf("make work tree: %w", err)
	}
	var err error
	if n.host == onGitHub {
		n.url = l.forge.URL + "/acme/" + name
		_, err = l.forge.Create("acme/" + name)
	} else {
		n.url = "codecommit::" + sandbox.Region + "://" + name
		err = l.Sandbox.CreateRepository(ctx, name)
	}
	if err != nil {
		return nil, err
	}
	n.id = gitops.RepositoryID(n.url, "main")
	n.watch.marks, n.watch.functions = []string{name, n.id}, s.functions
	if s.functions != nil {
		n.watch.sites = name
	}
	if err := n.push(ctx, "first", n.files()); err != nil {
		return nil, err
	}
	l.mu.Lock()
	l.lanes = append(l.lanes, n)
	l.mu.Unlock()
	return n, nil
}

// leave has the repository watched no longer. Its stack stays: to delete it would only make work.
func (n *Lane) leave(ctx context.Context) error {
	n.watch.begin()
	asked := -1
	err := n.until(ctx, "the repository is no longer watched", func() (bool, error) {
		_, err := n.lab.store.Repository(ctx, n.id)
		if errors.Is(err, reconcile.ErrNotFound) {
			return true, nil
		}
		if n.mends > asked {
			asked = n.mends
			_, _ = n.stage.Run(ctx, "repository", "remove", n.id) // looked at again
		}
		return false, nil
	})
	n.lab.mu.Lock()
	defer n.lab.mu.Unlock()
	n.lab.lanes = slices.DeleteFunc(slices.Clone(n.lab.lanes), func(other *Lane) bool { return other == n })
	return err
}

// files are the repository's.
func (n *Lane) files() map[string]string {
	if n.engine == gitops.EngineTerraform {
		return n.terraformFiles()
	}
	return n.stackFiles()
}

// configuration is a driftless.yaml with the lane's application at a path.
func (n *Lane) configuration(path, engine string) string {
	care := "drift: { every: 1h }\n"
	if n.cared {
		care = "drift: { every: 1h, heal: true }\n    verify:\n      onFailure: rollback\n      checks:\n" +
			fmt.Sprintf("        - { name: short, http: { url: %q, body: %q }, retries: 0, interval: 1s }\n", n.lab.service.URL+"/"+n.queue, "^"+short+"$")
	}
	return fmt.Sprintf("version: 1\ndefaults:\n  target: { account: %q, region: %s }\napplications:\n"+
		"  - name: %s\n    path: %s\n    %s\n    %s", demo.Account, sandbox.Region, n.name, path, engine, care)
}

// change makes of what git wants something that a person has to approve.
func (n *Lane) change() {
	if n.engine == gitops.EngineTerraform {
		n.note, n.approval = n.note+"b", gitops.ApprovalAlways
		return
	}
	n.queue += "b"
}

func (n *Lane) stackFiles() map[string]string {
	return map[string]string{
		"driftless.yaml":           n.configuration("stacks/one", "cloudformation: { stack: "+n.name+" }"),
		"stacks/one/template.yaml": fmt.Sprintf("Resources:\n  Queue:\n    Type: AWS::SQS::Queue\n    Properties:\n      QueueName: %s\n      VisibilityTimeout: %d\n", n.queue, n.visible),
	}
}

// push makes a commit of exactly these files, and pushes it where the host is a git server.
func (n *Lane) push(ctx context.Context, message string, files map[string]string) (err error) {
	var commit string
	if n.host == onGitHub {
		commit, err = n.lab.forge.Commit("acme/"+n.name, "refs/heads/main", message, files)
	} else {
		if err = n.stage.Write(ctx, mapFS(files)); err == nil {
			commit, err = n.stage.Push(ctx, n.name, message)
		}
	}
	n.commits = append(n.commits, commit)
	return err
}

// next is the application that takes the place of the removed one.
func (n *Lane) next() string { return n.name + "-next" }

// head is the commit that was pushed last.
func (n *Lane) head() string { return n.commits[len(n.commits)-1] }

var (
	printedAddress = regexp.MustCompile(`Payload URL +(\S+)`)
	printedSecret  = regexp.MustCompile(`Secret +(\S+)`)
)

// add watches the repository, as a person does: again, when it is not known whether it is.
func (n *Lane) add(ctx context.Context) error {
	args := []string{"repository", "add", n.url, "--branch", "main"}
	if n.host == onGitHub {
		args = append(args, "--webhook", "--forge", "github", "--token-file", n.lab.token)
	}
	return n.person(ctx, func() (bool, error) {
		said, err := n.stage.Both(ctx, args...)
		if err != nil {
			return false, err
		}
		if a, s := printedAddress.FindStringSubmatch(said), printedSecret.FindStringSubmatch(said); a != nil && s != nil {
			n.address, n.secret = a[1], s[1]
		}
		return true, nil
	})
}

// person does something until it is done. What fails is done again after a look.
func (n *Lane) person(ctx context.Context, do func() (bool, error)) error {
	var last error
	for range 5 {
		done, err := do()
		if done {
			return nil
		}
		last = err
	}
	return last
}

// approve says yes to the plan that waits.
func (n *Lane) approve(ctx context.Context) error {
	return n.person(ctx, func() (bool, error) {
		_, said := n.stage.Run(ctx, "approve", n.name, "--yes")
		d, err := n.latest(ctx)
		return err == nil && d.Approved != nil, said
	})
}

// ask asks for something of the application, as "sync": for what git wants.
func (n *Lane) ask(ctx context.Context, verb string, more ...string) error {
	before, err := n.lab.store.Application(ctx, n.name)
	if err != nil {
		return err
	}
	return n.person(ctx, func() (bool, error) {
		_, said := n.stage.Run(ctx, append([]string{verb, n.name}, more...)...)
		a, err := n.lab.store.Application(ctx, n.name)
		return err == nil && a.Request.N > before.Request.N, said
	})
}

// deliver sends the push's webhook, once, whatever is answered: a forge does not come again.
func (n *Lane) deliver(ctx context.Context) error {
	body := fmt.Sprintf(`{"ref":"refs/heads/main","after":%q,"repository":{"clone_url":%q,"html_url":%q}}`, n.head(), n.url+".git", n.url)
	mac := hmac.New(sha256.New, []byte(n.secret))
	mac.Write([]byte(body))
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, n.address, strings.NewReader(body))
	if err != nil {
		return fmt.Errorf("make delivery: %w", err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-GitHub-Event", "push")
	r.Header.Set("X-GitHub-Delivery", n.head())
	r.Header.Set("X-Hub-Signature-256", "sha256="+hex.EncodeToString(mac.Sum(nil)))
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return fmt.Errorf("deliver: %w", err)
	}
	return response.Body.Close()
}

// setQueue changes the live queue past its stack.
func (n *Lane) setQueue(ctx context.Context, seconds int) error {
	return n.lab.Sandbox.SetQueueAttribute(ctx, n.queue, "VisibilityTimeout", fmt.Sprint(seconds))
}

// due lets the time pass until drift is to be looked for.
func (n *Lane) due(ctx context.Context) error {
	return n.until(ctx, "drift is due", func() (bool, error) {
		a, err := n.lab.store.Application(ctx, n.name)
		if err != nil {
			return false, err
		}
		a.DriftDue = time.Now().Add(-time.Minute)
		err = n.lab.store.PutApplication(ctx, &a)
		if errors.Is(err, reconcile.ErrConflict) {
			return false, nil
		}
		return err == nil, err
	})
}

// until waits for something, and after a while lets time pass: schedules fire, and notices that
// wait for minutes are due. A strict lane fails instead. It looks when the functions that worked
// for the lane have come to rest, since each look costs the machine as much as they do.
func (n *Lane) until(ctx context.Context, what string, holds func() (bool, error)) error {
	began, tick := time.Now(), time.NewTicker(pulse)
	defer tick.Stop()
	looked, looks, active, quiet := time.Time{}, int64(-1), began, mendAfter
	for before := int64(-1); ; {
		calls := n.watch.calls.Load()
		if calls != before {
			active = time.Now()
		}
		if since := time.Since(looked); since > lookAgain || calls != looks && calls == before {
			asked := time.Now()
			if ok, err := holds(); ok || err != nil {
				return err
			}
			quiet = max(quiet, min(slowness*time.Since(asked), mendAtLast))
			looked, looks = time.Now(), calls
		}
		before = calls
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
		switch {
		case time.Since(began) > patience:
			return fmt.Errorf("%s: did not happen within %s", what, patience)
		case time.Since(active) > quiet && !n.strict && n.works():
			active = time.Now()
		case time.Since(active) > quiet && !n.strict:
			n.mends++
			active, quiet = time.Now(), min(2*quiet, mendAtLast)
			if err := errors.Join(n.hasten(ctx), n.mend(ctx)); err != nil {
				return fmt.Errorf("%s: %w", what, err)
			}
		}
	}
}

// mend lets the schedules fire: that of five minutes where the
// push was not heard of, or the repository could not be read.
func (n *Lane) mend(ctx context.Context) error {
	if err := n.lab.fire(ctx, everyMinute); err != nil {
		return err
	}
	r, err := n.lab.store.Repository(ctx, n.id)
	if err != nil || r.Head.Commit == n.head() && r.Trouble == "" {
		return ignoreMissing(err)
	}
	return n.lab.fire(ctx, everyFiveMinutes)
}

// hasten makes the lane's notices due.
func (n *Lane) hasten(ctx context.Context) error {
	if n.host != onGitHub {
		return nil
	}
	now := time.Now()
	places, err := n.lab.store.DueNotices(ctx, now.Add(24*time.Hour).Unix(), 1000)
	if err != nil {
		return err
	}
	for _, place := range places {
		if !strings.HasPrefix(place, n.id) {
			continue
		}
		notice, err := n.lab.store.Notice(ctx, place)
		if errors.Is(err, reconcile.ErrNotFound) || notice.Due.IsZero() || notice.Due.Before(now) {
			continue
		}
		notice.Due = now.Add(-time.Second)
		if putErr := n.lab.store.PutNotice(ctx, &notice); err != nil || putErr != nil && !errors.Is(putErr, reconcile.ErrConflict) {
			return errors.Join(err, putErr)
		}
	}
	return nil
}

// stack describes the live stack.
func (n *Lane) stack(ctx context.Context) (status, arn string, err error) {
	out, err := cloudformation.NewFromConfig(n.lab.Sandbox.Config()).DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: &n.name})
	if err != nil {
		return "", "", fmt.Errorf("describe stack %s: %w", n.name, err)
	}
	return string(out.Stacks[0].StackStatus), aws.ToString(out.Stacks[0].StackId), nil
}
