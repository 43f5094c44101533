package config

import (
	"cmp"
	"fmt"
	"maps"
	"path"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/driftless-gitops/driftless/internal/gitops"
)

// The defaults of what neither an application nor the file's own defaults say.
const (
	defaultTemplate = "template.yaml"
	defaultEvery    = time.Hour
	minEvery        = time.Minute // drift is looked for by a schedule that runs once a minute
	serverless      = "AWS::Serverless-2016-10-31"
)

// resolve fills in the defaults and holds the parts of the document against each other.
func (d *decoder) resolve(doc Document) {
	d.defaults = value(doc.Defaults)
	d.tags("defaults.cloudformation.tags", value(d.defaults.CloudFormation).Tags)
	if d.root != nil {
		d.defaults = d.defaults.over(d.root.defaults)
		if at, there := d.at["include"]; there {
			d.refuse("include", at, "only the %s at the repository's root may include others", Name)
		}
	}
	if doc.Include != nil && len(doc.Include) == 0 {
		d.refuse("include", d.at["include"], "the list is empty; name at least one directory that has a %s", Name)
	}
	if doc.Applications != nil && len(doc.Applications) == 0 {
		d.refuse("applications", d.at["applications"], "the list is empty; at least one application is needed")
	}
	d.settings = make([]gitops.Settings, len(doc.Applications))
	for i, a := range doc.Applications {
		d.settings[i] = d.application(fmt.Sprintf("applications[%d]", i), a, d.defaults)
	}
}

// over returns the defaults of an included file where it has any, and else the root's, part
// by part.
func (own Defaults) over(common Defaults) Defaults {
	t, c, s := value(own.Target), value(own.CloudFormation), value(own.Sync)
	target, stack, sync := value(common.Target), value(common.CloudFormation), value(common.Sync)
	if c.Capabilities == nil {
		c.Capabilities = stack.Capabilities
	}
	if c.Transforms == nil {
		c.Transforms = stack.Transforms
	}
	return Defaults{
		Target:  &Target{cmp.Or(t.Account, target.Account), cmp.Or(t.Region, target.Region), cmp.Or(t.Role, target.Role)},
		Sync:    &Sync{cmp.Or(s.Mode, sync.Mode), cmp.Or(s.Approval, sync.Approval)},
		Verify:  value(own.Verify).over(value(common.Verify)),
		Drift:   value(own.Drift).over(value(common.Drift)),
		Recover: value(own.Recover).over(value(common.Recover)),
		CloudFormation: &StackDefaults{
			Capabilities: c.Capabilities, Transforms: c.Transforms,
			ImportExisting: cmp.Or(c.ImportExisting, stack.ImportExisting),
			Role:           cmp.Or(c.Role, stack.Role), Tags: merged(stack.Tags, c.Tags),
		},
	}
}

// merged returns the common tags with one's own added or put in their place, nil where
// there are none.
func merged(common, own map[string]string) map[string]string {
	if len(common)+len(own) == 0 {
		return nil
	}
	tags := make(map[string]string, len(common)+len(own))
	maps.Copy(tags, common)
	maps.Copy(tags, own)
	return tags
}

// application resolves one application.
func (d *decoder) application(at string, a Application, defaults Defaults) gitops.Settings {
	s := gitops.Settings{
		Name:   string(a.Name),
		File:   d.label(),
		Path:   d.clean(at+".path", a.Path),
		Engine: gitops.EngineCloudFormation,
		Target: d.target(at, a.Target, defaults.Target),
		Sync:   follow(a.Sync, defaults.Sync),
		Verify: d.verify(at, a, defaults.Verify),
		Drift:  d.drift(at, a, defaults.Drift),
	}
	s.Recover = value(a.Recover).over(value(defaults.Recover)).resolve()
	for i, w := range a.Watch {
		s.Watch = append(s.Watch, d.clean(fmt.Sprintf("%s.watch[%d]", at, i), w))
	}
	if b := s.Drift.Baseline; b != "" {
		s.Drift.Baseline = d.inside(at+".drift.baseline", Path(b), s)
	}
	key := d.engine(at, a)
	at += "." + key
	switch gitops.Engine(key) {
	case gitops.EngineTerraform:
		s.Engine, s.Terraform = gitops.EngineTerraform, d.terraform(at, *a.Terraform, s)
	case gitops.EngineCDK:
		s.Engine, s.CDK = gitops.EngineCDK, &gitops.CDK{Version: string(a.CDK.Version), Context: a.CDK.Context}
		s.CloudFormation = d.common(at, a.CDK.stacks(), s, defaults, "CAPABILITY_NAMED_IAM")
	case gitops.EngineSAM:
		s.Engine, s.CloudFormation = gitops.EngineSAM, d.stack(at, *a.SAM, s, defaults, "CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND")
		if !slices.Contains(s.CloudFormation.Transforms, serverless) {
			s.CloudFormation.Transforms = append(s.CloudFormation.Transforms, serverless)
		}
	case gitops.EngineCloudFormation:
		s.CloudFormation = d.stack(at, value(a.CloudFormation), s, defaults)
	}
	return s
}

// engine returns the key by which an application says what rolls it out, and refuses a second one.
func (d *decoder) engine(at string, a Application) (key string) {
	for _, e := range []struct {
		key string
		has bool
	}{{"cloudformation", a.CloudFormation != nil}, {"sam", a.SAM != nil}, {"cdk", a.CDK != nil}, {"terraform", a.Terraform != nil}} {
		switch {
		case !e.has:
		case key == "":
			key = e.key
		default:
			d.refuse(at+"."+e.key, d.at[at+"."+e.key], "an application has one engine; this one has %s too, in line %d", key, d.at[at+"."+key].line)
		}
	}
	return cmp.Or(key, "cloudformation")
}

// terraform resolves an application's configuration of Terraform.
func (d *decoder) terraform(at string, own Terraform, s gitops.Settings) *gitops.Terraform {
	t := &gitops.Terraform{Flavor: cmp.Or(own.Flavor, gitops.FlavorTerraform), Version: string(own.Version),
		Vars: own.Vars, Workspace: string(own.Workspace), Backend: own.Backend != "", State: string(own.Backend)}
	for i, f := range own.VarFiles {
		t.VarFiles = append(t.VarFiles, d.inside(fmt.Sprintf("%s.varFiles[%d]", at, i), f, s))
	}
	for name := range own.Vars {
		d.variable(join(at+".vars", name), name)
	}
	for name, reference := range own.Secrets {
		d.variable(join(at+".secrets", name), name)
		if t.Secrets == nil {
			t.Secrets = map[string]string{}
		}
		t.Secrets[name] = string(reference)
		if _, twice := own.Vars[name]; twice {
			d.refuse(join(at+".secrets", name), d.at[join(at+".secrets", name)], "%s is among vars too; one of the two", quote(name))
		}
	}
	return t
}

// variable refuses a name that no variable of Terraform has: an identifier of letters, digits,
// underscores and hyphens (Terraform language, "Syntax", "Identifiers").
func (d *decoder) variable(at, name string) {
	if !identifier().MatchString(name) {
		d.refuse(at, d.at[at], "%s is no variable's name; allowed: a letter or underscore, then letters, digits, underscores and hyphens", quote(name))
	}
}

var identifier = pattern(`^[A-Za-z_][A-Za-z0-9_-]{0,200}$`)

// clean returns a path as it is from the repository's root, in its one form; "" when it is
// refused. Only what an included file names may climb, since its directory has one above it.
func (d *decoder) clean(at string, p Path) string {
	switch name := string(p); {
	case name == "": // refused by its rule, or missing
	case d.root == nil && slices.Contains(strings.Split(name, "/"), ".."):
		d.refuse(at, d.at[at], `%s has a ".."; a path is relative to the repository's root`, quote(name))
	case strings.ContainsAny(name, "*?[{"):
		d.refuse(at, d.at[at], "%s looks like a pattern; name a file or a directory", quote(name))
	case leaves(path.Join(d.dir, name)):
		d.refuse(at, d.at[at], "%s leaves the repository; a path is relative to %s", quote(name), d.dir)
	default:
		return path.Join(d.dir, name)
	}
	return ""
}

// leaves reports whether a clean path leads out of the repository.
func leaves(full string) bool { return full == ".." || strings.HasPrefix(full, "../") }

// Relative returns a path of the repository as a file in one of its directories names it;
// both are clean, and "." is the root.
func Relative(dir, full string) string {
	up := ""
	for dir != "." && full != dir && !strings.HasPrefix(full, dir+"/") {
		dir, up = path.Dir(dir), up+"../"
	}
	switch {
	case full == dir:
		return path.Clean(up)
	case dir == ".":
		return up + full
	}
	return up + strings.TrimPrefix(full, dir+"/")
}

// target merges an application's target over the default one, part by part.
func (d *decoder) target(at string, own, common *Target) gitops.Target {
	o, c := value(own), value(common)
	t := gitops.Target{
		Account: string(cmp.Or(o.Account, c.Account)),
		Region:  string(cmp.Or(o.Region, c.Region)),
		Role:    string(cmp.Or(o.Role, c.Role)),
	}
	for _, part := range []struct{ key, value string }{{"account", t.Account}, {"region", t.Region}} {
		ownAt, commonAt := at+".target."+part.key, "defaults.target."+part.key
		if part.value == "" && !d.refused(ownAt) && !d.refused(commonAt) && !d.wrong(at, at+".target", "defaults.target", "defaults") {
			d.refuse(ownAt, d.at[at], "the target's %s is missing; give it here or in defaults.target", part.key)
		}
	}
	roleAt := at + ".target.role"
	if o.Role == "" {
		roleAt = "defaults.target.role"
	}
	d.sameAccount(roleAt, at, t.Role, t.Account)
	return t
}

// wrong reports whether the value at exactly one of these paths was refused, or what the
// root says of targets.
func (d *decoder) wrong(paths ...string) bool {
	return slices.ContainsFunc(d.problems, func(p gitops.Problem) bool { return slices.Contains(paths, p.Path) }) ||
		d.root != nil && d.root.wrong("defaults.target", "defaults")
}

// sameAccount refuses, at a path, the role of an application that is in another account
// than its target: whoever assumes it deploys there. A default is refused once.
func (d *decoder) sameAccount(at, application, role, account string) {
	parts := strings.Split(role, ":")
	if len(parts) < 5 || account == "" || parts[4] == account || d.refused(at) {
		return
	}
	if _, here := d.at[at]; !here && d.root != nil {
		at = application // the role is one of the root's defaults
	}
	d.refuse(at, d.near(at), "the role is in account %s, the target of %s in %s", parts[4], application, account)
}

// near returns where a value stands, or where what it would be part of stands.
func (d *decoder) near(at string) position {
	for at != "" {
		if p, ok := d.at[at]; ok {
			return p
		}
		at = at[:max(strings.LastIndex(at, "."), 0)]
	}
	return position{1, 1}
}

// follow resolves how an application follows its branch.
func follow(own, common *Sync) gitops.Sync {
	o, c := value(own), value(common)
	return gitops.Sync{
		Mode:     cmp.Or(o.Mode, c.Mode, gitops.SyncAuto),
		Approval: cmp.Or(o.Approval, c.Approval, gitops.ApprovalDestructive),
	}
}

// every resolves how often drift is looked for; zero is never.
func (d *decoder) every(at string, own, common *Drift) time.Duration {
	text, from := value(own).Every, at+".drift.every"
	if text == "" {
		text, from = value(common).Every, "defaults.drift.every"
	}
	switch text {
	case "":
		return defaultEvery
	case "0", "off":
		return 0
	}
	every, err := time.ParseDuration(string(text)) // the pattern of Interval lets nothing else through
	if _, here := d.at[from]; here && (err != nil || every < minEvery) && !d.refused(from) {
		d.refuse(from, d.at[from], "%s is less than a minute; allowed: %s", quote(string(text)), rules()[reflect.TypeFor[Interval]()])
	}
	return every
}

// stack resolves an application's stack, with the capabilities that it has where nobody names any.
func (d *decoder) stack(at string, own Stack, s gitops.Settings, defaults Defaults, capabilities ...Capability) gitops.CloudFormation {
	c := d.common(at, StackDefaults{own.Capabilities, own.Transforms, own.ImportExisting, own.Role, own.Tags}, s, defaults, capabilities...)
	c.Stack = string(cmp.Or(own.Stack, StackName(s.Name)))
	c.Template = d.inside(at+".template", cmp.Or(own.Template, defaultTemplate), s)
	if own.Parameters != "" {
		c.Parameters = d.inside(at+".parameters", own.Parameters, s)
	}
	return c
}

// stacks is what a CDK app's stacks have in common.
func (c CDK) stacks() StackDefaults {
	return StackDefaults{c.Capabilities, c.Transforms, c.ImportExisting, c.Role, c.Tags}
}

// common resolves what any stack has, with the capabilities of those that name none.
func (d *decoder) common(at string, own StackDefaults, s gitops.Settings, defaults Defaults, capabilities ...Capability) gitops.CloudFormation {
	common := value(defaults.CloudFormation)
	d.tags(at+".tags", own.Tags)
	c := gitops.CloudFormation{Role: string(cmp.Or(own.Role, common.Role))}
	for _, named := range [][]Capability{own.Capabilities, common.Capabilities} {
		if named != nil {
			capabilities = named
			break
		}
	}
	transforms := common.Transforms
	if own.Transforms != nil {
		transforms = own.Transforms
	}
	for _, capability := range capabilities {
		c.Capabilities = append(c.Capabilities, string(capability))
	}
	for _, transform := range transforms {
		c.Transforms = append(c.Transforms, string(transform))
	}
	c.ImportExisting = value(cmp.Or(own.ImportExisting, common.ImportExisting))
	c.Tags = merged(common.Tags, own.Tags)
	if len(c.Tags) > maxTags {
		d.refuse(at+".tags", d.near(at+".tags"), "the stack has %d tags, those of defaults included; at most %d are allowed", len(c.Tags), maxTags)
	}
	roleAt := at + ".role"
	if own.Role == "" {
		roleAt = "defaults.cloudformation.role"
	}
	d.sameAccount(roleAt, at[:strings.LastIndex(at, ".")], c.Role, s.Target.Account)
	return c
}

// inside returns a file's name relative to the application's path, "" when it is refused.
// It may climb out of the path, though only to what the application watches: a change of
// the file would roll out nothing otherwise.
func (d *decoder) inside(at string, p Path, s gitops.Settings) string {
	if s.Path == "" || slices.Contains(s.Watch, "") {
		return "" // a refused path would make any answer wrong
	}
	full := path.Join(s.Path, string(p))
	if leaves(full) {
		d.refuse(at, d.near(at), "%s leaves the repository", quote(string(p)))
		return ""
	}
	for _, dir := range append([]string{s.Path}, s.Watch...) {
		if dir == "." || full == dir || strings.HasPrefix(full, dir+"/") {
			return path.Clean(string(p))
		}
	}
	d.refuse(at, d.near(at), "%s is %s, outside path and watch; add it to watch", quote(string(p)), full)
	return ""
}

// value returns what a pointer points at, the zero value for nil.
func value[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}
