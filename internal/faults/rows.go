package faults

// Tier is where a row of the fault matrix is tested.
type Tier string

// The tiers.
const (
	TierSimulation Tier = "S" // the deterministic simulation of the real reconciler
	TierSandbox    Tier = "F" // the sandbox's strict gateway, over HTTP
	TierProxy      Tier = "P" // the deployed binaries in the sandbox, with calls that go wrong
	TierKill       Tier = "K" // the same, with processes that are killed or held
	TierTerraform  Tier = "T" // the real terraform
	TierGit        Tier = "G" // a real git server on this machine
	TierUnit       Tier = "U" // the unit alone: ports in memory, strict fakes, fuzzing
	TierMoto       Tier = "M" // an adapter against moto, the emulator
)

// Row is a fault or a bad input that Driftless must survive.
type Row struct {
	ID     string
	Group  string
	Fault  string // what goes wrong
	Then   string // what is to happen
	Wanted []Tier
	// Without says why a tier has no test, by tier; under "" why the row has none.
	Without map[Tier]string
	Later   string // why a part of the row has no test yet
}

const withDashboard = "comes with the dashboard"

// Reasons that several rows have.
const (
	drawn    = "one of the faults that the runs of internal/sim draw at random; they are judged by the invariants, and no test bears the row's name"
	builds   = "CodeBuild's answers are the fake's in the unit's test; that the sandbox's CodeBuild gives them is internal/sandbox/codebuild's"
	rollout  = "one of the faults that the runs of internal/sim/builds draw at random, which no test names; TestR39 in internal/aws/codebuild draws them with the adapter itself, in any order, twice, and dying anywhere"
	ownProxy = "the calls of the real terraform go through a proxy of its test, in tier T"
	strict   = "the strict fake goes through every answer of AWS; the sandbox comes to a few of them only"
)

func only(why string) map[Tier]string { return map[Tier]string{"": why} }

// Rows is the fault matrix.
var Rows = []Row{
	{ID: "R1", Group: "Events", Fault: "the event of a push never arrives", Then: "the next resync applies it", Wanted: []Tier{"S", "F"}, Without: map[Tier]string{"S": drawn}},
	{ID: "R2", Group: "Events", Fault: "an event comes ten times", Then: "one execution", Wanted: []Tier{"S", "P"}, Without: map[Tier]string{"S": drawn}},
	{ID: "R3", Group: "Events", Fault: "events out of order", Then: "the head is read from git; nothing old after something newer", Wanted: []Tier{"S"}, Without: map[Tier]string{"S": drawn}},
	{ID: "R4", Group: "Events", Fault: "a forged event", Then: "one read, and no deployment but of the head", Wanted: []Tier{"F", "U"}, Without: map[Tier]string{"F": "part of TestR2_AMessageTenTimesAndForgedEventsDeployOnce there"}},
	{ID: "R5", Group: "Events", Fault: "a webhook without a good signature", Then: "401, and nothing is written", Wanted: []Tier{"U"}},
	{ID: "R6", Group: "Events", Fault: "a webhook that is delivered again", Then: "taken once", Wanted: []Tier{"F"}, Without: map[Tier]string{"F": "part of TestR5_OnlyASignedPushOfItsOwnRepositoryIsTaken there"}},
	{ID: "R7", Group: "Events", Fault: "a webhook's body that is too large, packed, or no UTF-8", Then: "refused; the resync covers it", Wanted: []Tier{"U"}},
	{ID: "R8", Group: "Events", Fault: "a webhook function that is slow or down", Then: "answered in time; what is lost is covered by the resync", Wanted: []Tier{"P"}},
	{ID: "R9", Group: "Events", Fault: "a message that is handled and not deleted", Then: "the second time does nothing", Wanted: []Tier{"P", "S"}, Without: map[Tier]string{"S": drawn}},
	{ID: "R10", Group: "Events", Fault: "one of a batch fails", Then: "it and all that stands after it come again", Wanted: []Tier{"U"}},
	{ID: "R11", Group: "Events", Fault: "a poisoned message", Then: "set aside after five tries, and nobody else waits", Wanted: []Tier{"F"}},
	{ID: "R12", Group: "Events", Fault: "a function that may not run", Then: "no permanent stop", Wanted: []Tier{"F"}},

	{ID: "R13", Group: "Compute", Fault: "any call that fails or is not answered, any process killed before or after it", Then: "the end is that of the undisturbed run", Wanted: []Tier{"K", "S"}, Without: map[Tier]string{"S": drawn}},
	{ID: "R14", Group: "Compute", Fault: "a function's time ends at any call", Then: "what was reached is stored, and goes on", Wanted: []Tier{"S", "U"}, Without: map[Tier]string{"S": "a step's time ends at every call in the unit's test, whose clock is its own"}},
	{ID: "R15", Group: "Compute", Fault: "a worker that stands still and wakes up much later", Then: "its start is refused; nothing is applied twice", Wanted: []Tier{"S", "K"}, Without: map[Tier]string{"S": drawn}},
	{ID: "R16", Group: "Compute", Fault: "several workers on one application at once", Then: "one wins, the others observe", Wanted: []Tier{"S", "P"}, Without: map[Tier]string{"S": drawn}},
	{ID: "R17", Group: "Compute", Fault: "a bug that panics", Then: "recorded as a failure; no loop of crashes", Wanted: []Tier{"U"}},
	{ID: "R18", Group: "Compute", Fault: "clocks an hour off", Then: "nobody's lock is stolen", Wanted: []Tier{"S"}, Without: map[Tier]string{"S": "the simulation's workers share one clock; the reconciler and the table's adapter are held against clocks that differ"}},
	{ID: "R19", Group: "Compute", Fault: "no memory, no room in /tmp", Then: "a clear error, of that application alone", Wanted: []Tier{"K"}},

	{ID: "R20", Group: "DynamoDB", Fault: "a condition that does not hold", Then: "somebody else was first: read again", Wanted: []Tier{"S", "P"}, Without: map[Tier]string{"S": drawn}},
	{ID: "R21", Group: "DynamoDB", Fault: "a write whose answer is lost", Then: "found to be one's own, and gone on from", Wanted: []Tier{"P", "S"}, Without: map[Tier]string{"S": drawn}},
	{ID: "R22", Group: "DynamoDB", Fault: "throttling that lasts", Then: "nothing is marked failed", Wanted: []Tier{"P"}},
	{ID: "R23", Group: "DynamoDB", Fault: "reads that are behind", Then: "conditional writes protect", Wanted: []Tier{"S"}, Without: map[Tier]string{"S": drawn}},
	{ID: "R24", Group: "DynamoDB", Fault: "a record of more than 400 KB", Then: "its largest parts go to S3", Wanted: []Tier{"M"}},
	{ID: "R25", Group: "DynamoDB", Fault: "no table, or no right to it", Then: "nothing is deployed", Wanted: []Tier{"F"}},

	{ID: "R26", Group: "CloudFormation", Fault: "each of the states that a stack may be found in", Then: "an action for each", Wanted: []Tier{"F"}},
	{ID: "R27", Group: "CloudFormation", Fault: "an empty change set, in both wordings", Then: "no changes, and the change set is deleted", Wanted: []Tier{"F"}, Without: map[Tier]string{"F": "the sandbox answers one of the two wordings, which the scenarios meet; the fake has both"}},
	{ID: "R28", Group: "CloudFormation", Fault: "a change set that fails for a reason", Then: "failed with the reason", Wanted: []Tier{"F"}},
	{ID: "R29", Group: "CloudFormation", Fault: "a thousand change sets that were left", Then: "ours are cleared, and it is tried once more", Wanted: []Tier{"F"}},
	{ID: "R29b", Group: "CloudFormation", Fault: "an execution whose answer is lost", Then: "found by its token, not executed twice", Wanted: []Tier{"F", "K"}},
	{ID: "R29c", Group: "CloudFormation", Fault: "a stack that rolls back", Then: "failed with the first cause; it can be deployed again", Wanted: []Tier{"F"}},
	{ID: "R29d", Group: "CloudFormation", Fault: "an operation of three hours", Then: "many short looks; people see since when", Wanted: []Tier{"S"}, Without: map[Tier]string{"S": drawn}},
	{ID: "R29e", Group: "CloudFormation", Fault: "somebody else updates the stack", Then: "waited for, then planned anew", Wanted: []Tier{"F"}},
	{ID: "R29f", Group: "CloudFormation", Fault: "the stack is deleted meanwhile", Then: "said so; the next sync makes it", Wanted: []Tier{"F"}},
	{ID: "R29g", Group: "CloudFormation", Fault: "throttling while something is looked at", Then: "never taken for a failure", Wanted: []Tier{"S", "P"}, Without: map[Tier]string{"S": drawn}},
	{ID: "R29h", Group: "CloudFormation", Fault: "templates that are too large or malformed; answers that are no XML", Then: "the right way, or an error that names file and line", Wanted: []Tier{"U", "P"}, Without: map[Tier]string{"P": "an answer that is no XML is the adapter's to survive, and tested there, byte for byte"}},
	{ID: "R29i", Group: "CloudFormation", Fault: "a transform, macro or resource that is not allowed", Then: "refused before any call", Wanted: []Tier{"U"}},
	{ID: "R29j", Group: "CloudFormation", Fault: "a stack with another role", Then: "refused with the reason", Wanted: []Tier{"F"}},
	{ID: "R29k", Group: "CloudFormation", Fault: "parameters and capabilities that do not fit", Then: "a clear error, and nothing half done", Wanted: []Tier{"F"}, Without: map[Tier]string{"F": strict}},

	{ID: "R30", Group: "Terraform", Fault: "a build that is killed while it applies", Then: "the lock is removed once its build is over; a person looks before anything is applied", Wanted: []Tier{"T"}},
	{ID: "R31", Group: "Terraform", Fault: "a build that is stopped", Then: "the lock is released, and it is told", Wanted: []Tier{"T"}},
	{ID: "R32", Group: "Terraform", Fault: "the state's backend fails meanwhile", Then: "the state is kept in the bucket; blocked", Wanted: []Tier{"T"}},
	{ID: "R33", Group: "Terraform", Fault: "a saved plan that is stale", Then: "said to be; nothing is applied of it", Wanted: []Tier{"T"}},
	{ID: "R34", Group: "Terraform", Fault: "each detailed exit code", Then: "each is what it says, whatever is warned of", Wanted: []Tier{"T"}},
	{ID: "R35", Group: "Terraform", Fault: "a log that nobody reads any more", Then: "nothing stops", Wanted: []Tier{"T"}},
	{ID: "R36", Group: "Terraform", Fault: "a plan file that was tampered with", Then: "refused", Wanted: []Tier{"T"}},
	{ID: "R37", Group: "Terraform", Fault: "credentials that expire meanwhile", Then: "new ones are fetched; the apply ends well", Wanted: []Tier{"T", "P"}, Without: map[Tier]string{"P": ownProxy}},
	{ID: "R38", Group: "Terraform", Fault: "builds that queue, or may not", Then: "waited for; no failure", Wanted: []Tier{"F"}, Without: map[Tier]string{"F": builds}},
	{ID: "R39", Group: "Terraform", Fault: "builds that start in another order", Then: "one at a time applies; the end is what git wants", Wanted: []Tier{"S", "F"}, Without: map[Tier]string{"S": rollout, "F": builds}},
	{ID: "R40", Group: "Terraform", Fault: "builds that fail in every way", Then: "told, each with what is known", Wanted: []Tier{"F"}, Without: map[Tier]string{"F": builds}},
	{ID: "R41", Group: "Terraform", Fault: "a build that is started twice", Then: "the one that claimed is watched; the other ends", Wanted: []Tier{"S"}, Without: map[Tier]string{"S": rollout}},
	{ID: "R42", Group: "Terraform", Fault: "a provider that is not the locked one", Then: "refused", Wanted: []Tier{"T"}},

	{ID: "R43", Group: "Git", Fault: "a force push to something older", Then: "applied, and noted", Wanted: []Tier{"S", "G"}, Without: map[Tier]string{"S": drawn}},
	{ID: "R44", Group: "Git", Fault: "no branch, no repository any more, or an empty one", Then: "suspended; no stack is deleted", Wanted: []Tier{"G"}},
	{ID: "R45", Group: "Git", Fault: "refusals, errors, answers that hang or end early", Then: "tried again; the last good state stands", Wanted: []Tier{"G", "P"}},
	{ID: "R46", Group: "Git", Fault: "the head moves between two reads", Then: "every read is of one commit", Wanted: []Tier{"G"}},
	{ID: "R47", Group: "Git", Fault: "a repository that is huge or never ends", Then: "cut off; nobody else waits", Wanted: []Tier{"G"}},
	{ID: "R48", Group: "Git", Fault: "links, submodules, odd names and texts", Then: "regular files alone; the rest is named", Wanted: []Tier{"G"}},
	{ID: "R49", Group: "Git", Fault: "very many commits or pushes", Then: "at most two deployments; the last one wins", Wanted: []Tier{"G", "S"}, Without: map[Tier]string{"S": drawn}},
	{ID: "R50", Group: "Git", Fault: "a redirect to another host", Then: "refused; no credentials leave", Wanted: []Tier{"G"}},

	{ID: "R51", Group: "Drift", Fault: "a detection runs, or the stack moves", Then: "waited for", Wanted: []Tier{"F"}, Without: map[Tier]string{"F": strict}},
	{ID: "R52", Group: "Drift", Fault: "a detection that could not look everywhere", Then: "not called in sync", Wanted: []Tier{"F"}, Without: map[Tier]string{"F": strict}},
	{ID: "R53", Group: "Drift", Fault: "types that cannot be checked, nested stacks, detections that AWS forgot", Then: "counted apart", Wanted: []Tier{"F"}, Without: map[Tier]string{"F": strict}},
	{ID: "R54", Group: "Drift", Fault: "the second page of a result fails", Then: "no half result is published", Wanted: []Tier{"P"}},

	{ID: "R55", Group: "Operations", Fault: "a role that may not be assumed", Then: "blocked, naming the role", Wanted: []Tier{"F"}},
	{ID: "R56", Group: "Operations", Fault: "a configuration that is wrong after an edit", Then: "the one before stands, and the error is shown", Wanted: []Tier{"U"}},
	{ID: "R57", Group: "Operations", Fault: "two applications claim one stack", Then: "the second is refused", Wanted: []Tier{"F"}},
	{ID: "R58", Group: "Operations", Fault: "an application leaves while it is deployed", Then: "it ends, and no lock is left", Wanted: []Tier{"S"}, Without: map[Tier]string{"S": drawn}},
	{ID: "R59", Group: "Operations", Fault: "old and new versions at work together", Then: "the old one leaves alone what it does not know", Wanted: []Tier{"S", "K"}, Without: map[Tier]string{"S": drawn, "K": "there is one version of the binaries so far; that an old reader keeps what it does not know is the adapter's test"}},
	{ID: "R60", Group: "Operations", Fault: "a bucket that denies; messages of last week", Then: "told with the reason; old messages are harmless", Wanted: []Tier{"F", "S"}, Without: map[Tier]string{"S": drawn}},
	{ID: "R61", Group: "Operations", Fault: "hostile text and very many records in the dashboard", Wanted: []Tier{"U"}, Then: "hostile text is inert, however many records there are", Later: withDashboard},
	{ID: "R62", Group: "Operations", Fault: "a check after the deployment fails or hangs", Wanted: []Tier{"F"}, Then: "recorded as such; live stays as it was brought"},
}

// Beyond is what the sandbox cannot show.
var Beyond = []string{
	"AWS's own latencies, quotas and eventual consistency: the sandbox answers at once, and what was written is read. Reads that are behind are the simulation's.",
	"Faults inside of AWS, between two of its services: a rule that loses an event is shown (every event lost), one that is late by minutes is not.",
	"The Lambda service's own calls. It receives and deletes the queue's messages and reads the table's stream itself, so that no fault can be put there; a message whose deletion was lost is shown by handing it over again.",
	"A freeze of many minutes. A worker is held at a call for as long as the others need to finish everything, which orders the calls in the same way; the windows of AWS that end by the clock meanwhile are the simulation's.",
	"Throttling of ten minutes. It lasts for seconds here, in which every attempt of every call is refused, many times over.",
	"A crash of the machine below a function: a process is killed, its machine is not.",
	"Time as such. The schedules fire when somebody waits for them, and drift is due, and a notice is, when the test says so.",
}
