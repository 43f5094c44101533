package runner

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// As the CDK's command line 2.1148.1 printed it, with TypeScript 5.9, tsx 4.23, Node.js 20 and Go 1.26.
func TestAnAppsMistakeIsToldWithItsPlace(t *testing.T) {
	for name, c := range map[string]struct{ output, want string }{
		"a type that does not fit": {"npm warn Unknown user config \"nodedir\".\nbin/app.ts(21,46): error TS2322: Type 'number' is not assignable to type 'string'.\nnpx tsc && npx tsx bin/app.ts: Subprocess exited with error 2\n",
			"bin/app.ts:21: TS2322: Type 'number' is not assignable to type 'string'."},
		"a type that does not fit, told by ts-node": {"/b/app/node_modules/ts-node/src/index.ts:859\n    return new TSError(diagnosticText, diagnosticCodes, diagnostics);\n           ^\nTSError: ⨯ Unable to compile TypeScript:\nbin/app.ts:5:7 - error TS2322: Type 'string' is not assignable to type 'number'.\n",
			"bin/app.ts:5: TS2322: Type 'string' is not assignable to type 'number'."},
		"TypeScript that is none": {"node:internal/modules/run_main:123\n    triggerUncaughtException(\n    ^\n\nError: Transform failed with 1 error:\n/b/app/bin/app.ts:17:5: ERROR: Expected \";\" but found \"Workers\"\n    at failureErrorWithLog (/b/app/node_modules/esbuild/lib/main.js:1752:15)\n",
			`bin/app.ts:17: Expected ";" but found "Workers"`},
		"JavaScript that is none": {"/b/app/app.js:1\nfoo bar\n    ^^^\n\nSyntaxError: Unexpected identifier 'bar'\n    at wrapSafe (node:internal/modules/cjs/loader:1464:18)\n\nNode.js v20.20.2\nnode app.js: Subprocess exited with error 1\n",
			"app.js:1: SyntaxError: Unexpected identifier 'bar'"},
		"an error that is thrown": {"/b/app/node_modules/lib/x.js:20\n    throw new Error(\"no such thing\");\n          ^\n\n\nError: no such thing\n    at f (/b/app/node_modules/lib/x.js:20:11)\n    at new Workers (/b/app/bin/app.ts:28:11)\n    at <anonymous> (/b/app/bin/app.ts:40:1)\n\nNode.js v20.20.2\nnpx tsx bin/app.ts: Subprocess exited with error 1\n",
			"bin/app.ts:28: Error: no such thing"},
		"a module that is missing": {"node:internal/modules/cjs/loader:1210\n  throw err;\n  ^\n\nError: Cannot find module '/b/app/x'\n    at Module._resolveFilename (node:internal/modules/cjs/loader:1207:15)\n\nNode.js v20.20.2\nnode x: Subprocess exited with error 1\n",
			"Error: Cannot find module '/b/app/x'"},
		"Go that does not compile": {"# example.com/queues\n./main.go:16:111: queue.Nothing undefined (type awssqs.Queue has no field or method Nothing)\ngo run -trimpath .: Subprocess exited with error 1\n",
			"main.go:16: queue.Nothing undefined (type awssqs.Queue has no field or method Nothing)"},
		"a panic": {"!!  This software is currently running on node v20.20.2.  !!\npanic: There is already a Construct with name 'GoOrders' in App\n\ngoroutine 1 [running]:\ngithub.com/aws/jsii-runtime-go/runtime.Create({0x800735, 0x11})\n\tgithub.com/aws/jsii-runtime-go@v1.133.0/runtime/runtime.go:202 +0xd08\nmain.main()\n\texample.com/queues/main.go:17 +0x258\nexit status 2\n",
			"example.com/queues/main.go:17: panic: There is already a Construct with name 'GoOrders' in App"},
		"a panic, without -trimpath": {"panic: no\n\ngoroutine 1 [running]:\nmain.main()\n\t/b/app/stacks/main.go:17 +0x258\n", "stacks/main.go:17: panic: no"},
		"an error that the app noted": {"!!!!!!\nRuntime process exited abnormally: waitid: no child processes/tmp/jsii-runtime.1/lib/program.js:1:5429\nERROR the queue has no name (Construct Annotations)\n   GoOrders\n   Rule Annotation::error-annotation\n\nWARNING No cross-stack-reference strength configured\n   GoWorkers\nSynthesis finished with errors\n",
			"GoOrders: the queue has no name"},
		"an error that the app noted, as older ones tell it": {"[Error at /Orders/Queue] it has no name\n\nFound errors\n", "/Orders/Queue: it has no name"},
		"a program that is not there":                        {"/bin/sh: 1: nosuchprogram: not found\nnosuchprogram x: Subprocess exited with error 127\n", "/bin/sh: 1: nosuchprogram: not found"},
		"a command that says nothing":                        {"false: Subprocess exited with error 1\n", "false: Subprocess exited with error 1"},
		"nothing at all":                                     {"", "it said nothing of why; the log has what it printed"},
		"a target without the bucket of assets": {"Publishing assets\nBilling: SSM parameter /cdk-bootstrap/hnb659fds/version not found in aws://123456789012/eu-west-1. Has the environment been bootstrapped? Please run 'cdk bootstrap'\nParameter /cdk-bootstrap/hnb659fds/version not found.\n‣ ParameterNotFound: Parameter /cdk-bootstrap/hnb659fds/version not found.\n",
			"Billing: SSM parameter /cdk-bootstrap/hnb659fds/version not found in aws://123456789012/eu-west-1. Has the environment been bootstrapped? Please run 'cdk bootstrap'"},

		"control characters": {"Error: a\x1b[31mb\n", "Error: a�[31mb"},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, appCause(c.output, "/b/app")); diff != "" {
				t.Error(diff)
			}
		})
	}
	if got := appCause("Error: "+strings.Repeat("ä", 2000), "/b/app"); len(got) > maxReason+3 {
		t.Errorf("a cause of %d bytes", len(got))
	}
}

func TestWhatNPMLacksIsTold(t *testing.T) {
	for name, c := range map[string]struct{ output, want string }{
		"a lock file that does not fit": {"npm warn x\nnpm error code EUSAGE\nnpm error\nnpm error `npm ci` can only install packages when your package.json and package-lock.json or npm-shrinkwrap.json are in sync. Please update your lock file with `npm install` before continuing.\nnpm error\nnpm error Missing: constructs@10.6.0 from lock file\nnpm error\nnpm error Clean install a project\nnpm error\nnpm error Usage:\nnpm error npm ci\n",
			"`npm ci` can only install packages when your package.json and package-lock.json or npm-shrinkwrap.json are in sync. Please update your lock file with `npm install` before continuing. Missing: constructs@10.6.0 from lock file"},
		"a version that does not exist": {"npm error code ETARGET\nnpm error notarget No matching version found for aws-cdk@2.99999.0.\nnpm error notarget In most cases you or one of your dependencies are requesting a package version that doesn't exist.\nnpm error A complete log of this run can be found in: /root/.npm/_logs/debug-0.log\n",
			"No matching version found for aws-cdk@2.99999.0. In most cases you or one of your dependencies are requesting a package version that doesn't exist."},
		"something else": {"node: command not found\n", "node: command not found"},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, npmCause(c.output)); diff != "" {
				t.Error(diff)
			}
		})
	}
}
