package sim

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// FaultKind is what goes wrong with one call.
type FaultKind string

// The kinds of fault.
const (
	FaultFail     FaultKind = "fail"     // the call fails and has no effect
	FaultLost     FaultKind = "lost"     // the call has its effect, and its answer is lost
	FaultThrottle FaultKind = "throttle" // CloudFormation answers "Rate exceeded"
	FaultCrash    FaultKind = "crash"    // the process dies before the call
	FaultDie      FaultKind = "die"      // the process dies after the call had its effect
	FaultStall    FaultKind = "stall"    // the process freezes before the call, and then makes it
	FaultStale    FaultKind = "stale"    // a read tells what was true before
	FaultDrop     FaultKind = "drop"     // a message is lost
	FaultDouble   FaultKind = "double"   // a message comes twice
	FaultDelay    FaultKind = "delay"    // a message comes late
)

// Fault is one thing that goes wrong: at the n-th call of a site, whoever makes it.
type Fault struct {
	Site string
	N    int
	Kind FaultKind
	For  time.Duration // of a stall or a delay
}

// String returns "ExecuteChangeSet#2=stall:7m0s".
func (f Fault) String() string {
	s := fmt.Sprintf("%s#%d=%s", f.Site, f.N, f.Kind)
	if f.For > 0 {
		s += ":" + f.For.String()
	}
	return s
}

// ParseFault reads what String writes.
func ParseFault(text string) (Fault, error) {
	bad := func() (Fault, error) {
		return Fault{}, fmt.Errorf("fault %q: must be <call>#<n>=<kind>, with :<duration> after stall and delay", text)
	}
	at, what, ok := strings.Cut(text, "=")
	site, n, numbered := strings.Cut(at, "#")
	if !ok || !numbered {
		return bad()
	}
	count, err := strconv.Atoi(n)
	if err != nil {
		return bad()
	}
	f := Fault{Site: site, N: count}
	kind, d, timed := strings.Cut(what, ":")
	f.Kind = FaultKind(kind)
	if timed {
		if f.For, err = time.ParseDuration(d); err != nil {
			return bad()
		}
	}
	return f, nil
}

// site is a call that may go wrong, how often a fault is drawn for it, and what kinds.
type site struct {
	name   string
	weight int
	kinds  []FaultKind
}

var (
	ofWrites   = []FaultKind{FaultFail, FaultLost, FaultCrash, FaultDie, FaultStall}
	ofReads    = []FaultKind{FaultFail, FaultCrash, FaultStall}
	ofIndexes  = []FaultKind{FaultFail, FaultCrash, FaultStale}
	ofRecords  = []FaultKind{FaultFail, FaultCrash, FaultStall}
	ofCloud    = []FaultKind{FaultFail, FaultLost, FaultThrottle, FaultCrash, FaultDie, FaultStall}
	ofLooks    = []FaultKind{FaultFail, FaultThrottle, FaultCrash, FaultStall}
	ofMessages = []FaultKind{FaultDrop, FaultDouble, FaultDelay}
)

// sites are the calls of every port.
var sites = []site{
	{"Repository", 1, ofRecords}, {"PutRepository", 3, ofWrites},
	{"Application", 3, ofRecords}, {"ApplicationsByID", 1, ofReads}, {"Register", 2, ofWrites}, {"PutApplication", 3, ofWrites},
	{"ListApplications", 1, ofIndexes}, {"Unfinished", 2, ofIndexes}, {"Watched", 1, ofIndexes},
	{"Owner", 1, ofReads}, {"Take", 2, ofWrites}, {"Yield", 2, ofWrites},
	{"Deployment", 2, ofRecords}, {"Open", 3, ofWrites}, {"PutDeployment", 8, ofWrites}, {"Intend", 4, ofWrites}, {"Close", 4, ofWrites}, {"Supersede", 3, ofWrites},
	{"PutReport", 1, ofWrites}, {"LatestReport", 1, ofReads},
	{"Send", 2, ofWrites}, {"Put", 2, ofWrites}, {"Get", 2, ofReads},
	{"Head", 2, ofReads}, {"Snapshot", 1, ofReads}, {"Fetch", 1, ofReads},
	{"CreateChangeSet", 12, ofCloud}, {"DescribeChangeSet", 4, ofLooks}, {"ExecuteChangeSet", 8, ofCloud}, {"DeleteChangeSet", 4, ofCloud},
	{"ListChangeSets", 1, ofLooks}, {"DescribeStacks", 3, ofLooks}, {"DescribeStackEvents", 4, ofLooks}, {"DescribeEvents", 1, ofLooks},
	{"ListStackResources", 1, ofLooks}, {"DeleteStack", 2, ofCloud}, {"DetectStackDrift", 3, ofCloud},
	{"DescribeStackDriftDetectionStatus", 2, ofLooks}, {"DescribeStackResourceDrifts", 1, ofLooks},
	{"message", 8, ofMessages}, {"event", 6, ofMessages}, {"delete", 2, []FaultKind{FaultDrop}},
}

// moreSites are those at which faults are drawn where something is mended by itself.
var moreSites = []site{
	{"ContinueUpdateRollback", 3, ofCloud}, {"DeleteStack", 2, ofCloud}, {"DescribeStackResources", 1, ofLooks}, {"ListDeployments", 1, ofReads},
	{"Open", 3, ofWrites}, {"Close", 4, ofWrites}, {"Intend", 4, ofWrites}, {"PutDeployment", 6, ofWrites}, {"PutApplication", 6, ofWrites},
	{"PutReport", 3, ofWrites}, {"LatestReport", 3, ofReads}, {"ExecuteChangeSet", 4, ofCloud}, {"DetectStackDrift", 3, ofCloud}, {"event", 4, ofMessages},
}

// stalls are how long a process may freeze: past a message's visibility, and past the five
// and ten minutes for which AWS remembers tokens.
var stalls = []time.Duration{5 * time.Second, 100 * time.Second, 4 * time.Minute, 7 * time.Minute, 12 * time.Minute}

func drawFault(sites []site, draw func(int) int) Fault {
	total := 0
	for _, s := range sites {
		total += s.weight
	}
	at := draw(total)
	for _, s := range sites {
		if at -= s.weight; at >= 0 {
			continue
		}
		f := Fault{Site: s.name, N: 1 + draw(1+draw(8)), Kind: s.kinds[draw(len(s.kinds))]}
		if f.Kind == FaultStall || f.Kind == FaultDelay {
			f.For = stalls[draw(len(stalls))]
		}
		return f
	}
	return Fault{}
}
