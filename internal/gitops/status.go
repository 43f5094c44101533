package gitops

// SyncStatus says whether live is what git wants. It is derived for people, never stored.
type SyncStatus string

// The sync statuses, argocd's words.
const (
	StatusSynced    SyncStatus = "Synced"
	StatusOutOfSync SyncStatus = "OutOfSync"
	StatusUnknown   SyncStatus = "Unknown"
)

// Health says how an application is. It is derived for people, never stored.
type Health string

// The healths, argocd's words.
const (
	HealthHealthy     Health = "Healthy"
	HealthProgressing Health = "Progressing"
	HealthDegraded    Health = "Degraded"
	HealthSuspended   Health = "Suspended"
	HealthMissing     Health = "Missing"
)

// Sync returns whether live is what git wants: Unknown while nothing is wanted, or while the
// last look at live found nothing out; OutOfSync when something else is deployed, or live
// has drifted from it.
func (a Application) Sync() SyncStatus {
	switch {
	case a.Wanted.Seq == 0, a.Removed:
		return StatusUnknown
	case a.Wanted.Digest != a.Deployed.Digest, a.Drift.Differs():
		return StatusOutOfSync
	case a.Drift.Problem != "":
		return StatusUnknown
	}
	return StatusSynced
}

// Health returns how the application is. What is suspended is said first, since nothing
// else will change until somebody resumes it.
func (a Application) Health() Health {
	switch {
	case a.Suspended != nil, a.Removed:
		return HealthSuspended
	case a.Drift.Gone && a.InFlight == "":
		return HealthMissing
	case a.InFlight != "", !a.Removed && a.Wanted.Seq > a.Ended.Seq:
		return HealthProgressing
	case a.Ended.Phase == PhaseFailed, a.Ended.Phase == PhaseBlocked:
		return HealthDegraded
	case a.Deployed.StackID == "" && (a.Settings.CDK == nil || a.Deployed.Digest == ""): // an app itself is no stack
		return HealthMissing
	}
	return HealthHealthy
}

// Message returns the one line that the status table shows: what holds the application,
// what went wrong, or what has drifted.
func (a Application) Message() string {
	switch {
	case a.Suspended != nil, a.Removed:
		return a.held()
	case a.InFlight != "":
		return ""
	case a.Ended.Phase == PhaseFailed, a.Ended.Phase == PhaseBlocked, a.Ended.Phase == PhaseRejected:
		return a.Ended.Reason
	case a.Ended.Kind == KindRollback && a.Wanted.Digest != a.Deployed.Digest:
		return "rolled back to " + Short(a.Deployed.Revision.Commit) + ": sync deploys what git wants, and so does the next commit"
	case a.Drift.Differs():
		return a.Drift.Message
	case a.Drift.Problem != "":
		return a.Drift.Problem
	}
	return ""
}
