package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// settings is what one installation may differ in. All of it comes from the CDK context:
// cdk.json, or `-c key=value` on the command line, where lists and objects are JSON.
type settings struct {
	Architecture      string   // arm64 or x86_64
	Targets           []target // where applications may go; the first is the own account unless others are named
	AllowPrivateHosts []string // host or host:port that git may reach though its address is private
	MaxConcurrency    float64  // reconcilers at a time
	ExecPolicies      []string // managed policies of the own account's exec role; empty: the starter
	Transforms        []string // macros of AWS's own that the own account's deploy role may have called
	Limits            limits   // on what is read of repositories and forges
	DriftRates        rates    // of CloudFormation's calls in one account and region

	TargetRole string            // path of templates/target-role.yaml
	BuildSpec  string            // path of templates/buildspec.yaml
	Runner     string            // path of the program that builds run
	Code       map[string]string // function name -> directory that holds its bootstrap
}

// target is one account of the installation's allow-list, as the context names it. An
// empty account is the installation's own, no regions are the installation's own one, and
// empty roles are those that templates/target-role.yaml makes.
type target struct {
	Account   string   `json:"account"`
	Regions   []string `json:"regions"`
	Role      string   `json:"role"`
	DriftRole string   `json:"driftRole"`
	ExecRole  string   `json:"execRole"`
	PlanRole  string   `json:"planRole"`
	ApplyRole string   `json:"applyRole"`
	Artefacts []string `json:"artefacts"` // regions where templates/target-events.yaml stands, and with it an artefact bucket
}

// limits are the caps on what is read. Zero is the default of what applies it: git.Limits,
// reconcile.Limits and handler.Limits, whose fields these name.
type limits struct {
	FileBytes    int64 `json:"fileBytes,omitempty"`
	Files        int64 `json:"files,omitempty"`
	Depth        int64 `json:"depth,omitempty"`
	TotalBytes   int64 `json:"totalBytes,omitempty"`
	BundleBytes  int64 `json:"bundleBytes,omitempty"`
	WebhookBytes int64 `json:"webhookBytes,omitempty"`
}

// rates are calls a second. Zero is the default of reconcile.Rates, whose fields these name.
type rates struct {
	Detect   float64 `json:"detect,omitempty"`
	Describe float64 `json:"describe,omitempty"`
}

// validate holds the rates to what the sweeper's minute can do with them.
func (r rates) validate(refuse func(key, found, allowed string)) {
	for key, rate := range map[string]float64{"detect": r.Detect, "describe": r.Describe} {
		if rate != 0 && (rate < 0.1 || rate > 100) {
			refuse("driftRates."+key, strconv.FormatFloat(rate, 'f', -1, 64), "a number from 0.1 to 100")
		}
	}
}

// validate holds the limits to what a reconciler of 384 MB and Lambda's requests can take.
func (l limits) validate(refuse func(key, found, allowed string)) {
	for _, c := range []struct {
		key         string
		value, most int64
	}{
		{"fileBytes", l.FileBytes, 50 << 20},
		{"files", l.Files, 100_000},
		{"depth", l.Depth, 100},
		{"totalBytes", l.TotalBytes, 1 << 30},
		{"bundleBytes", l.BundleBytes, 100 << 20},
		{"webhookBytes", l.WebhookBytes, 6 << 20}, // a synchronous invocation's payload (Lambda quotas)
	} {
		if c.value < 0 || c.value > c.most {
			refuse("limits."+c.key, strconv.FormatInt(c.value, 10), fmt.Sprintf("a whole number from 1 to %d", c.most))
		}
	}
}

// own reports whether the target is the account that Driftless is installed in.
func (t target) own() bool { return t.Account == "" }

var (
	accountID = regexp.MustCompile(`^\d{12}$`)
	region    = regexp.MustCompile(`^[a-z]{2}(-[a-z]+)+-\d$`)
	roleARN   = regexp.MustCompile(`^arn:aws[a-z-]*:iam::\d{12}:role/[\w+=,.@/-]+$`)
	policyARN = regexp.MustCompile(`^arn:aws[a-z-]*:iam::(aws|\d{12}):policy/[\w+=,.@/-]+$`)
	macro     = regexp.MustCompile(`^AWS::[A-Za-z0-9-]+$`)
	host      = regexp.MustCompile(`^[A-Za-z0-9.-]+(:\d{1,5})?$|^\[[0-9A-Fa-f:]+\](:\d{1,5})?$`)
)

// readSettings reads the context and returns every problem with it at once. ownAccount is
// the account that the CDK CLI has credentials for, when it says so: a target with that
// number is the own account, and gets its roles from the stack.
func readSettings(context func(key string) any, ownAccount string) (settings, error) {
	s := settings{Architecture: "arm64", Targets: []target{{}}, MaxConcurrency: 10, Transforms: []string{"AWS::Serverless-2016-10-31"}}
	err := errors.Join(
		readContext(context, "architecture", &s.Architecture, `"arm64" or "x86_64"`),
		readContext(context, "targets", &s.Targets, `a list like [{"account": "111122223333", "regions": ["eu-west-1"]}]`),
		readContext(context, "allowPrivateHosts", &s.AllowPrivateHosts, `a list like ["git.example.internal"]`),
		readContext(context, "maxConcurrency", &s.MaxConcurrency, "a whole number from 2 to 1000"),
		readContext(context, "execPolicies", &s.ExecPolicies, `a list of managed policies like ["arn:aws:iam::aws:policy/PowerUserAccess"]`),
		readContext(context, "transforms", &s.Transforms, `a list of AWS's macros like ["AWS::Include"]`),
		readContext(context, "limits", &s.Limits, `an object like {"fileBytes": 2097152}, of fileBytes, files, depth, totalBytes, bundleBytes and webhookBytes`),
		readContext(context, "driftRates", &s.DriftRates, `an object like {"detect": 1, "describe": 5}`),
	)
	for i := range s.Targets {
		if ownAccount != "" && s.Targets[i].Account == ownAccount {
			s.Targets[i].Account = ""
		}
	}
	return s, errors.Join(err, s.validate())
}

// readContext decodes one value. The CLI hands over what follows `-c key=` as a string, so
// a string is also read as JSON where it is not wanted as such.
func readContext(context func(string) any, key string, into any, allowed string) error {
	value := context(key)
	if value == nil {
		return nil
	}
	text, isText := value.(string)
	if _, wantsText := into.(*string); !isText || wantsText {
		data, err := json.Marshal(value)
		if err != nil {
			return fmt.Errorf("context %s: found %v; allowed is %s", key, value, allowed)
		}
		text = string(data)
	}
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil || decoder.More() {
		return fmt.Errorf("context %s: found %s; allowed is %s", key, text, allowed)
	}
	return nil
}

// validate names every value that is not allowed, with what is.
func (s settings) validate() error {
	var errs []error
	refuse := func(key, found, allowed string) {
		errs = append(errs, fmt.Errorf("context %s: found %q; allowed is %s", key, found, allowed))
	}
	if s.Architecture != "arm64" && s.Architecture != "x86_64" {
		refuse("architecture", s.Architecture, "arm64 or x86_64")
	}
	// Lambda takes no maximum under 2 (AWS::Lambda::EventSourceMapping ScalingConfig).
	if s.MaxConcurrency < 2 || s.MaxConcurrency > 1000 || s.MaxConcurrency != float64(int(s.MaxConcurrency)) {
		refuse("maxConcurrency", strconv.FormatFloat(s.MaxConcurrency, 'f', -1, 64), "a whole number from 2 to 1000")
	}
	for _, h := range s.AllowPrivateHosts {
		if !host.MatchString(h) {
			refuse("allowPrivateHosts", h, "a host or host:port, without scheme or path")
		}
	}
	for _, p := range s.ExecPolicies {
		if !policyARN.MatchString(p) {
			refuse("execPolicies", p, "the ARN of a managed policy")
		}
	}
	for _, m := range s.Transforms {
		if !macro.MatchString(m) {
			refuse("transforms", m, "the name of a macro that AWS hosts, such as AWS::Include")
		}
	}
	s.Limits.validate(refuse)
	s.DriftRates.validate(refuse)
	if len(s.Targets) == 0 {
		refuse("targets", "[]", "at least one target")
	}
	seen := map[string]bool{}
	for i, t := range s.Targets {
		key := fmt.Sprintf("targets[%d]", i)
		if seen[t.Account] {
			refuse(key+".account", t.Account, "each account once, with all of its regions")
		}
		seen[t.Account] = true
		t.validate(key, refuse)
	}
	return errors.Join(errs...)
}

func (t target) validate(key string, refuse func(key, found, allowed string)) {
	if !t.own() && !accountID.MatchString(t.Account) {
		refuse(key+".account", t.Account, "12 digits, or nothing for the own account")
	}
	for _, r := range t.Regions {
		if !region.MatchString(r) {
			refuse(key+".regions", r, "a region like eu-west-1")
		}
	}
	for _, r := range t.Artefacts {
		if !region.MatchString(r) || len(t.Regions) > 0 && !slices.Contains(t.Regions, r) {
			refuse(key+".artefacts", r, "one of the target's regions")
		}
	}
	for name, arn := range map[string]string{"role": t.Role, "driftRole": t.DriftRole, "execRole": t.ExecRole, "planRole": t.PlanRole, "applyRole": t.ApplyRole} {
		if arn != "" && !roleARN.MatchString(arn) {
			refuse(key+"."+name, arn, "the ARN of a role, or nothing for the one that templates/target-role.yaml makes")
		}
	}
}
