package gitops

// View is one application as people and programs are shown it: its record, the deployment
// in flight, what its repository says, and what follows from them.
type View struct {
	Application Application `json:"application"`
	Deployment  *Deployment `json:"deployment,omitempty"` // in flight
	Repository  Origin      `json:"repository"`
	Sync        SyncStatus  `json:"sync"`
	Health      Health      `json:"health"`
	Message     string      `json:"message,omitempty"`
}

// Origin is what a View says of its repository.
type Origin struct {
	URL      string    `json:"url"`
	Branch   string    `json:"branch,omitempty"`   // that is tracked; empty where a tag is
	Tag      string    `json:"tag,omitempty"`      // that is tracked in place of a branch
	Problems []Problem `json:"problems,omitempty"` // those that concern the application
	Trouble  string    `json:"trouble,omitempty"`
	Note     string    `json:"note,omitempty"`
}

// NewView derives what people are shown. A problem that holds for all applications of the
// repository, or of a configuration file, is shown on each of them.
func NewView(a Application, d *Deployment, r Repository) View {
	v := View{Application: a, Deployment: d, Sync: a.Sync(), Health: a.Health(), Message: a.Message(),
		Repository: Origin{URL: r.URL, Branch: r.Branch, Tag: r.Tag, Trouble: r.Trouble, Note: r.Note}}
	for _, p := range r.Problems {
		if p.Concerns(a.ID, a.Settings.File) {
			v.Repository.Problems = append(v.Repository.Problems, p)
		}
	}
	if v.Sync == StatusSynced && (len(v.Repository.Problems) > 0 || r.Trouble != "") {
		v.Sync = StatusUnknown // what git wants now cannot be read
	}
	switch {
	case d != nil && d.Progress != "":
		v.Message = d.Progress
	case d != nil:
		v.Message = d.Reason
	case v.Message != "":
	case len(v.Repository.Problems) > 0:
		v.Message = v.Repository.Problems[0].String()
	case r.Trouble != "":
		v.Message = r.Trouble
	case r.Note != "":
		v.Message = r.Note
	}
	return v
}

// Diff answers "what would change, or has": the plan of the unfinished deployment, else
// the latest drift report.
type Diff struct {
	Application string       `json:"application"`
	Sync        SyncStatus   `json:"sync"`
	Message     string       `json:"message,omitempty"` // why it is not Synced
	Deployment  *Deployment  `json:"deployment,omitempty"`
	Plan        *Plan        `json:"plan,omitempty"`
	Report      *DriftReport `json:"report,omitempty"`
}

// Log is a part of what the builds of a deployment printed.
type Log struct {
	Application string `json:"application"`
	Deployment  string `json:"deployment"`
	Phase       Phase  `json:"phase"`
	Text        string `json:"text"`
	Next        int    `json:"next"` // where the next part begins, in bytes
	Done        bool   `json:"done"` // there will be no more of it
}
