package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/driftless-gitops/driftless/internal/fuzzing"
	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/hostile"
)

// FuzzEncode writes any record as --output json does: it is inert on a terminal, and read
// again it is the same.
func FuzzEncode(f *testing.F) {
	for _, text := range hostile.Texts() {
		data, err := json.Marshal(map[string]any{text: []any{text, 1.5, nil, true}})
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var record any
		if json.Unmarshal(data, &record) != nil {
			return
		}
		var written []byte
		var err error
		fuzzing.Bounded(t, len(data), func() { written, err = encode(record) })
		if err != nil {
			t.Fatal(err)
		}
		if why := hostile.Trouble(string(written)); why != "" {
			t.Errorf("%s: %q", why, written)
		}
		var again any
		if err := json.Unmarshal(written, &again); err != nil || !reflect.DeepEqual(record, again) {
			t.Errorf("%q is read again as %#v, %v; want %#v", written, again, err, record)
		}
	})
}

// talking are the commands that talk to an installation, and to nothing else.
var talking = [][]string{{"status"}, {"diff"}, {"drift"}, {"history"}, {"sync"}, {"approve"}, {"reject"}, {"suspend"}, {"resume"},
	{"repository", "add"}, {"repository", "list"}, {"repository", "remove"}, {"version"}, {"help"}, {"repo"}, {}}

// FuzzArguments gives commands any arguments, where no installation answers: they end with a
// code that the help tells, and what they say of the arguments is inert.
func FuzzArguments(f *testing.F) {
	for i := range talking {
		f.Add(i, "jobs\n--output\njson")
		f.Add(i, "-o\nyaml")
		f.Add(i, "https://github.com/acme/infra\n--branch\nmain\n--tag\nv1\n--target\n111122223333:eu-west-1")
	}
	for _, text := range hostile.Texts() {
		f.Add(0, text)
		f.Add(4, "--output\n"+text)
		f.Add(9, text+"\n--branch\n"+text)
		f.Add(15, text)
	}
	f.Fuzz(func(t *testing.T, command int, arguments string) {
		if command < 0 || command >= len(talking) || strings.Contains(arguments, "\x00") { // no argument holds that
			return
		}
		args := append(slices.Clone(talking[command]), strings.Split(arguments, "\n")...)
		if len(talking[command]) == 0 && len(args) > 0 && !strings.HasPrefix(args[0], "-") && args[0] != "" && slices.Contains([]string{"sandbox", "init", "validate", "preflight"}, args[0]) {
			return // they read this machine
		}
		var out, errs bytes.Buffer
		c := Config{Stdin: strings.NewReader(""), Stdout: &out, Stderr: &errs, Now: func() time.Time { return time.Time{} }, Env: func(string) string { return "" },
			Pause:   func(context.Context, time.Duration) error { return context.Canceled },
			Connect: func(context.Context, *flags) (*client, error) { return nil, errors.New("no installation answers") }}
		fuzzing.Bounded(t, len(arguments), func() {
			code := Run(t.Context(), c, args)
			if !slices.Contains([]int{ExitOK, ExitFailed, ExitUsage}, code) || code != ExitOK && errs.Len() == 0 {
				t.Errorf("%q ended with %d and said %q", args, code, &errs)
			}
		})
		if why := hostile.Trouble(out.String() + errs.String()); why != "" {
			t.Errorf("%q: %s: %q", args, why, errs.String())
		}
	})
}

// FuzzAddress judges any address and reference of a repository: those that are let through are
// an https address or CodeCommit's with nothing secret in it, and a name that git may have.
func FuzzAddress(f *testing.F) {
	for _, raw := range []string{"https://github.com/acme/infra", "codecommit::eu-west-1://infra", "https://token@host/x", "http://host/x", "https://host/x?token=1", "ssh://host/x"} {
		f.Add(raw, "main", "", "111122223333:eu-west-1")
	}
	for _, text := range hostile.Texts() {
		f.Add("https://host/"+text, text, "", text)
		f.Add("codecommit::eu-west-1://"+text, "", text, "111122223333:"+text)
	}
	f.Fuzz(func(t *testing.T, raw, branch, tag, at string) {
		fuzzing.Bounded(t, len(raw)+len(branch)+len(tag)+len(at), func() {
			if err := checkURL(raw); err == nil && (strings.Contains(gitops.NormalURL(raw), "@") && !strings.Contains(raw, "@") || strings.ContainsAny(raw, "\n\x1b")) {
				t.Errorf("%q is let through", raw)
			}
			r, err := reference{branch, tag}.repository(raw)
			if err == nil && (r.Branch == "") == (r.Tag == "") {
				t.Errorf("branch %q and tag %q are followed at once", r.Branch, r.Tag)
			}
			all, err := targets([]string{at})
			if err == nil && (len(all) != 1 || !accountPattern.MatchString(all[0].Account) || strings.Trim(all[0].Region, "abcdefghijklmnopqrstuvwxyz0123456789-") != "") {
				t.Errorf("%q is the target %v", at, all)
			}
		})
	})
}
