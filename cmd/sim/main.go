// Program sim runs the simulation of internal/sim.
package main

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/driftless-gitops/driftless/internal/sim"
)

func main() {
	seed := flag.Uint64("seed", 0, "")
	n := flag.Uint64("n", 1000, "")
	verbose := flag.Bool("v", false, "")
	most := flag.Uint64("most", 8, "")
	only := flag.String("only", "", "")
	noshrink := flag.Bool("noshrink", false, "")
	flag.Parse()
	if *verbose {
		p := sim.Generate(*seed)
		r := sim.Run(p, nil)
		if r.Violation != nil {
			r = sim.Shrink(r)
		}
		fmt.Println(r.Plan)
		r = sim.Run(r.Plan, os.Stdout)
		fmt.Println(r.Violation)
		return
	}
	began := time.Now()
	bad := 0
	executed := 0
	kinds := map[string]int{}
	for s := *seed; s < *seed+*n; s++ {
		r := sim.Run(sim.Generate(s), nil)
		executed += r.Executed
		if r.Violation != nil && strings.HasPrefix(r.Violation.Error(), *only) {
			bad++
			if *noshrink {
				kinds[r.Violation.Invariant+" "+regexp.MustCompile("[0-9a-f]*[0-9][0-9a-f]*|jobs|books|@.*| main.*").ReplaceAllString(strings.SplitN(r.Violation.What, "\n", 2)[0], "")]++
				continue
			}
			r = sim.Shrink(r)
			fmt.Println(r.Plan)
			fmt.Println("   ", r.Violation)
			if bad > int(*most) {
				break
			}
		}
	}
	for k, n := range kinds {
		fmt.Println(n, k)
	}
	fmt.Println(time.Since(began), bad, executed)
}
