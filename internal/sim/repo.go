package sim

import (
	"fmt"
	"maps"
	"strings"

	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/sim/cloud"
)

// sentinel is the value of a NoEcho parameter: it may stand nowhere (I10).
const sentinel = "sentinel-5f2c1d"

// repo is the watched repository.
type repo struct {
	w       *world
	id      string
	apps    []entryOf // of driftless.yaml
	broken  bool      // driftless.yaml cannot be read
	files   map[string]string
	commits []version // oldest first
	gone    bool      // the branch is deleted
}

// entryOf is an application in driftless.yaml.
type entryOf struct {
	App
	stack string
	gone  bool // it is not in the file
}

// version is a commit that can be gone back to.
type version struct {
	commit string
	files  map[string]string
	apps   []entryOf
	broken bool
}

func newRepo(w *world) *repo {
	r := &repo{w: w, files: map[string]string{}}
	for i, a := range w.knobs.Apps {
		r.apps = append(r.apps, entryOf{App: a, stack: "prod-" + a.Name})
		r.files[a.Name+"/template.json"] = template(a, fmt.Sprint(i+1))
	}
	return r
}

// template returns a template with a content: a number that decides its resources, and how
// its stack behaves.
func template(a App, content string) string {
	number, behaviour, _ := strings.Cut(content, "-")
	n := 0
	_, _ = fmt.Sscan(number, &n) // a content is drawn
	if behaviour == "" {
		behaviour = cloud.Sound
	}
	parameters, value := "", fmt.Sprint(n)
	if a.Secret {
		parameters = fmt.Sprintf(`"Parameters":{"Secret":{"Type":"String","NoEcho":true,"Default":%q}},`, sentinel)
		value += `,"Policy":{"Ref":"Secret"}`
	}
	if a.Heal {
		value += fmt.Sprintf(`,"Delay":%d`, n%2)
	}
	b := ""
	if n%3 != 0 {
		b = fmt.Sprintf(`,"B":{"Type":"AWS::SQS::Queue","Properties":{"QueueName":"b%d","Delay":%d}}`, n/5, n%2)
	}
	if behaviour == "refuse" {
		return `{"Description":"refuse","Resources":{}`
	}
	return fmt.Sprintf(`{"Description":%q,%s"Resources":{"A":{"Type":"AWS::SQS::Queue","Properties":{"Visibility":%s}}%s}}`, behaviour, parameters, value, b)
}

// config returns driftless.yaml.
func (r *repo) config() string {
	if r.broken {
		return "version: 1\napplications: [\n"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "version: 1\ndefaults: {target: {account: %q, region: %s}}\napplications:\n", target.Account, target.Region)
	n := 0
	for _, a := range r.apps {
		if a.gone {
			continue
		}
		n++
		fmt.Fprintf(&b, "  - {name: %s, path: %s, cloudformation: {stack: %s, template: template.json}%s}\n", a.Name, a.Name, a.stack, a.settings())
	}
	if n == 0 {
		return strings.Replace(b.String(), "applications:\n", "applications: []\n", 1)
	}
	return b.String()
}

// settings returns what driftless.yaml says of an application that is not the default.
func (a App) settings() string {
	text, sync := "", []string(nil)
	if a.Manual {
		sync = append(sync, "mode: manual")
	}
	if a.Approval != gitops.ApprovalDestructive {
		sync = append(sync, "approval: "+string(a.Approval))
	}
	if len(sync) > 0 {
		text += ", sync: {" + strings.Join(sync, ", ") + "}"
	}
	if verify := a.verify(); len(verify) > 0 {
		text += ", verify: {" + strings.Join(verify, ", ") + "}"
	}
	switch {
	case a.Stays && a.Recreate:
		text += ", recover: {continue: false, recreate: true}"
	case a.Stays:
		text += ", recover: {continue: false}"
	case a.Recreate:
		text += ", recover: {recreate: true}"
	}
	switch {
	case a.Heal:
		return text + ", drift: {every: 10m, heal: true}"
	case a.Drift:
		return text + ", drift: {every: 10m}"
	}
	return text + ", drift: {every: off}"
}

// verify returns what driftless.yaml says of what is looked at after an apply.
func (a App) verify() (all []string) {
	if !a.Verify {
		all = append(all, "drift: false")
	}
	var checks []string
	for i := range a.Checks {
		checks = append(checks, fmt.Sprintf("{name: check-%d, lambda: driftless-verify-%d, retries: %d, interval: 5s}", i, i, attempts-1))
	}
	if len(checks) > 0 {
		all = append(all, "checks: ["+strings.Join(checks, ", ")+"]")
		if a.Undo {
			all = append(all, "onFailure: rollback")
		}
	}
	return all
}

// commit pushes the files as they are.
func (r *repo) commit(message string) {
	r.files["driftless.yaml"] = r.config()
	id := r.w.git.Push(repoURL, "main", message, r.files)
	r.gone = false
	r.commits = append(r.commits, version{id, maps.Clone(r.files), append([]entryOf(nil), r.apps...), r.broken})
	r.w.judge.pushed(id)
	r.w.mail.pushed(id)
}

// calm mends what is wrong with the configuration, and the branch, if anything is.
func (r *repo) calm() {
	wrong := r.broken || r.gone
	r.broken = false
	for i, e := range r.apps {
		if !strings.HasPrefix(e.stack, "prod-"+e.Name) {
			r.apps[i].stack, wrong = "prod-"+e.Name, true
		}
	}
	if wrong {
		r.commit("calm")
	}
}

// back moves the branch to an older commit.
func (r *repo) back(n int) {
	v := r.commits[max(0, len(r.commits)-1-n)]
	r.files, r.apps, r.broken, r.gone = maps.Clone(v.files), append([]entryOf(nil), v.apps...), v.broken, false
	r.w.git.Reset(repoURL, "main", v.commit)
	r.commits = append(r.commits, v)
	r.w.judge.pushed(v.commit)
	r.w.mail.pushed(v.commit)
}

func (r *repo) app(name string) *entryOf {
	for i := range r.apps {
		if r.apps[i].Name == name {
			return &r.apps[i]
		}
	}
	return &r.apps[0]
}
