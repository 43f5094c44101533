package notify

// Event is what Driftless' own bus is told.
type Event struct {
	Type   string // "Deployment Succeeded"
	Detail any    // becomes JSON
}
