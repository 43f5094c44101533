package invoke

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/driftless-gitops/driftless/internal/reconcile"
	"github.com/driftless-gitops/driftless/internal/sandbox/lambda/bootstrap"
)

// Outcome is what an invocation led to.
type Outcome struct {
	Response []byte // what the function answered, or its error
	Failed   bool
	Messages []reconcile.Message // that lie in work.fifo
	Events   []Event             // that are on Driftless' own bus
	Log      []byte
}

// Event is an event of Driftless' own bus.
type Event struct {
	Source     string         `json:"source"`
	DetailType string         `json:"detail-type"`
	Detail     map[string]any `json:"detail"`
}

// Run starts the program of a function, which lies in a directory as the file bootstrap,
// hands it one event, and ends it. The alias is that by which the function is called; empty
// for none.
func (w *World) Run(ctx context.Context, t Template, name, alias, dir string, event []byte) (Outcome, error) {
	f, err := t.Function(name)
	if err != nil {
		return Outcome{}, err
	}
	env, err := resolver{t, map[string]string{
		"AWS::DynamoDB::Table": table, "AWS::SQS::Queue": w.work, "AWS::S3::Bucket": bucket, "AWS::Events::EventBus": bus,
	}}.environment(f)
	if err != nil {
		return Outcome{}, err
	}
	log := filepath.Join(w.dir, f.Name+".log")
	if err := os.RemoveAll(log); err != nil {
		return Outcome{}, fmt.Errorf("empty log: %w", err)
	}
	process, err := bootstrap.Start(bootstrap.Spec{Dir: dir, Temp: w.dir, Log: log, Now: time.Now,
		Env: append(env, w.settings(f)...), Timeout: time.Duration(f.Timeout) * time.Second})
	if err != nil {
		return Outcome{}, err
	}
	defer process.Close()
	arn := "arn:aws:lambda:" + region + ":" + pseudo["AWS::AccountId"] + ":function:" + f.Name
	if alias != "" {
		arn += ":" + alias
	}
	result, err := process.Invoke(ctx, bootstrap.Invocation{ID: request(), ARN: arn, Payload: event})
	if err != nil {
		return Outcome{}, err
	}
	o := Outcome{Response: result.Payload, Failed: result.Failed}
	if o.Log, err = os.ReadFile(log); err != nil {
		return o, fmt.Errorf("read log: %w", err)
	}
	if o.Messages, err = w.messages(ctx); err != nil {
		return o, err
	}
	o.Events, err = w.heard(ctx)
	return o, err
}

// settings are what Lambda tells a function, and where AWS is.
func (w *World) settings(f Function) []string {
	return []string{"AWS_ENDPOINT_URL=" + w.moto.URL(), "AWS_REGION=" + region, "AWS_DEFAULT_REGION=" + region,
		"AWS_ACCESS_KEY_ID=AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY=secret", "AWS_SESSION_TOKEN=token", "AWS_EC2_METADATA_DISABLED=true",
		"AWS_LAMBDA_FUNCTION_NAME=" + f.Name, "AWS_LAMBDA_FUNCTION_VERSION=1", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE=512",
		"LAMBDA_TASK_ROOT=" + w.dir, "TZ=:UTC"}
}
