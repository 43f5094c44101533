package runner

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/driftless-gitops/driftless/internal/build"
)

// As terraform 1.11.4 prints it.
const lockedOutput = `
Error: Error acquiring the state lock

Error message: operation error S3: PutObject, https response error
StatusCode: 412, RequestID: x, HostID: , api error PreconditionFailed: At least
one of the pre-conditions you specified did not hold
Lock Info:
  ID:        7e4d5c29-2d3f-7b4d-0c0b-1f0e8f4e3f5a
  Path:      state/data/terraform.tfstate
  Operation: OperationTypeApply
  Who:       root@build-1
  Version:   1.11.4
  Created:   2026-11-21 16:20:00.123456789 +0000 UTC
  Info:      


Terraform acquires a state lock to protect the state from being written
by multiple users at the same time. Please resolve the issue above and try
again. For most commands, you can disable locking with the "-lock=false"
flag, but this is not recommended.
`

func TestTheFirstCauseIsToldWithItsPlace(t *testing.T) {
	for name, c := range map[string]struct{ output, want string }{
		"an argument that is not known": {"\nError: Unsupported argument\n\n  on main.tf line 11, in resource \"terraform_data\" \"b\":\n  11:  foo = 1\n\nAn argument named \"foo\" is not expected here.\n",
			`main.tf:11: Unsupported argument: An argument named "foo" is not expected here.`},
		"an error of a resource names the place, not the resource's address": {"Error: creating thing\n\n  with aws_thing.a,\n  on a/b.tf line 3, in resource \"aws_thing\" \"a\":\n   3: resource \"aws_thing\" \"a\" {\n\noperation error: no\n",
			"a/b.tf:3: creating thing: operation error: no"},
		"warnings before and after are none": {"\nWarning: Deprecated\n\n  on main.tf line 1:\n\nold\n\nError: Real.\n\nbecause\n\nWarning: More\n\nmore\n", "Real: because"},
		"the first of several":               {"Error: One\n\na\n\nError: Two\n\nb\n", "One: a"},
		"one in a frame":                     {"╷\n│ Error: Framed\n│ \n│   on x.tf line 2:\n│    2: a\n│ \n│ words\n╵\n", "x.tf:2: Framed: words"},
		"a long summary, after one that only announces it": {"\nError: Terraform encountered problems during initialisation, including problems\nwith the configuration, described below.\n\nThe configuration must be valid.\n\n\nError: Zero\nassert blocks\n\n  on main.tf line 3:\n   3: check \"always\" {\n\nwords\n",
			"main.tf:3: Zero assert blocks: words"},
		"none":               {"Killed\n", "it said nothing of why; the log has what it printed"},
		"control characters": {"Error: a\x1b[31mb\n", "a�[31mb"},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, cause(c.output)); diff != "" {
				t.Error(diff)
			}
		})
	}
	if got := cause("Error: " + strings.Repeat("ä", 2000)); len(got) > maxReason+3 {
		t.Errorf("a cause of %d bytes", len(got))
	}
}

func TestALockIsReadFromWhatTerraformSays(t *testing.T) {
	got, ok := lockOf(lockedOutput)
	want := build.Lock{ID: "7e4d5c29-2d3f-7b4d-0c0b-1f0e8f4e3f5a", Operation: "OperationTypeApply", Who: "root@build-1",
		Created: time.Date(2026, 11, 21, 16, 20, 0, 123456789, time.UTC)}
	if diff := cmp.Diff(want, got); !ok || diff != "" {
		t.Errorf("%t %s", ok, diff)
	}
	if _, ok := lockOf("Error: Another\n"); ok {
		t.Error("another error is a lock")
	}
	err := ended("plan", result{1, lockedOutput})
	outcome, reason := outcomeOf(err)
	if outcome != build.OutcomeBlocked || !strings.Contains(reason, "root@build-1 since 2026-11-21T16:20:00Z for OperationTypeApply, lock 7e4d5c29-2d3f-7b4d-0c0b-1f0e8f4e3f5a") {
		t.Errorf("%s: %s", outcome, reason)
	}
}
