package faults

import (
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
)

// Summary counts results.
type Summary struct {
	Cases, Failed, Unreached int
	Mended                   int    // cases in which the schedules had to fire
	Sites, Covered           int    // a site is covered where some case of it was reached
	Missed                   []Site // sites that no case reached
	lines                    map[call]*line
}

// line is what there is of one action of a function.
type line struct{ sites, covered, cases, reached, failed int }

// Sum counts results.
func Sum(results []Result) Summary {
	s := Summary{lines: map[call]*line{}}
	reached := map[Site]bool{}
	var sites []Site
	for _, r := range results {
		if r.Function == "" { // an undisturbed step that did not end as it is to
			s.Failed++
			continue
		}
		if _, ok := reached[r.Site]; !ok {
			reached[r.Site] = false
			sites = append(sites, r.Site)
		}
		l := s.line(r.Site)
		s.Cases++
		l.cases++
		if r.Reached {
			reached[r.Site] = true
			l.reached++
		} else {
			s.Unreached++
		}
		if r.Mends > 0 {
			s.Mended++
		}
		if r.Problem != "" {
			s.Failed++
			l.failed++
		}
	}
	for _, site := range sites {
		l := s.line(site)
		s.Sites++
		l.sites++
		if reached[site] {
			s.Covered++
			l.covered++
		} else {
			s.Missed = append(s.Missed, site)
		}
	}
	return s
}

func (s Summary) line(site Site) *line {
	c := call{site.Function, site.Service, site.Action}
	if s.lines[c] == nil {
		s.lines[c] = &line{}
	}
	return s.lines[c]
}

// String is the sum in one line.
func (s Summary) String() string {
	return fmt.Sprintf("%d of %d calls covered, %d cases: %d failed, %d not reached, %d needed the schedules",
		s.Covered, s.Sites, s.Cases, s.Failed, s.Unreached, s.Mended)
}

// Table is a line for each action of each function, and one for whatever else there is to say.
func (s Summary) Table(more ...string) string {
	var calls []call
	for c := range s.lines {
		calls = append(calls, c)
	}
	slices.SortFunc(calls, func(a, b call) int {
		return strings.Compare(a.function+" "+a.service+" "+a.action, b.function+" "+b.service+" "+b.action)
	})
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "FUNCTION\tSERVICE\tACTION\tCALLS\tCOVERED\tCASES\tREACHED\tAS UNDISTURBED")
	for _, c := range calls {
		l := s.lines[c]
		verdict := "all"
		if l.failed > 0 {
			verdict = fmt.Sprintf("all but %d", l.failed)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%d\t%d\t%d\t%s\n", c.function, c.service, c.action, l.sites, l.covered, l.cases, l.reached, verdict)
	}
	_ = w.Flush() // to memory
	for _, line := range more {
		b.WriteString(line + "\n")
	}
	return b.String()
}
