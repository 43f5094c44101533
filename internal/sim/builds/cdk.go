package builds

import (
	"archive/zip"
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/driftless-gitops/driftless/internal/build"
	"github.com/driftless-gitops/driftless/internal/gitops"
)

// synthesise makes templates of a CDK app, and keeps them.
func (p *program) synthesise(ctx context.Context, r *build.Report) error {
	data, err := p.data().Get(ctx, p.order.Bundle)
	if err != nil {
		return err
	}
	text, err := unpack(data, cdkApp+"/"+appFile)
	if err != nil {
		return err
	}
	var before []string
	all := stacksOf(text)
	for i := range all {
		all[i].content += fmt.Sprintf("-%d", p.w.answered)
	}
	for _, s := range all {
		template := []byte(s.template())
		stack := gitops.Stack{ID: "id-" + s.name, Name: s.name, Template: p.job.StackKey(sum(template)), DependsOn: before}
		if err := p.step("keep"); err != nil {
			return err
		}
		if _, err := p.data().PutNew(ctx, stack.Template, template); err != nil {
			return err
		}
		r.Stacks, before = append(r.Stacks, stack), append(before[:len(before):len(before)], stack.ID)
	}
	p.takes()
	p.w.judge.synthesised[p.job.Token] = all
	r.Outcome = build.OutcomeSynthesised
	return nil
}

// unpack returns a file of a bundle.
func unpack(bundle []byte, name string) (string, error) {
	z, err := zip.NewReader(bytes.NewReader(bundle), int64(len(bundle)))
	if err != nil {
		return "", fmt.Errorf("open bundle: %w", err)
	}
	f, err := z.Open(name)
	if err != nil {
		return "", fmt.Errorf("open bundle: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(f)
	return string(data), err
}

// appFile is the whole of the CDK app: "Data=3 Web=4" are two stacks, of which each depends on
// those before it.
const appFile = "app.txt"

// stackOf is a stack as the app says it.
type stackOf struct{ name, content string }

func stacksOf(text string) (all []stackOf) {
	for _, field := range strings.Fields(text) {
		name, content, _ := strings.Cut(field, "=")
		all = append(all, stackOf{name, content})
	}
	return all
}

// application is the name of the application that the stack is.
func (s stackOf) application() string { return cdkApp + "-" + strings.ToLower(s.name) }

func (s stackOf) template() string {
	return "Queue.Type: AWS::SQS::Queue\nQueue.Delay: " + s.content + "\n"
}
