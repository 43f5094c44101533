package config

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/driftless-gitops/driftless/internal/gitops"
)

// What a stack may have of tags.
// https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateChangeSet.html
// https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_Tag.html
const (
	maxTags     = 50
	maxTagKey   = 128
	maxTagValue = 256
)

// tags holds a stack's tags against what CloudFormation takes.
func (d *decoder) tags(at string, tags map[string]string) {
	for key, text := range tags {
		here := join(at, key)
		n := utf8.RuneCountInString(text)
		switch {
		case d.refused(here):
		case key == "" || utf8.RuneCountInString(key) > maxTagKey:
			d.refuse(here, d.at[here], "a tag's key has 1 to %d characters", maxTagKey)
		case strings.HasPrefix(strings.ToLower(key), "aws:"):
			d.refuse(here, d.at[here], "tags that begin with aws: are AWS's own")
		case n == 0 || n > maxTagValue:
			d.refuse(here, d.at[here], "the value has %d characters; a tag's value has 1 to %d", n, maxTagValue)
		}
	}
}

// reserved are the stacks that no application may claim: Driftless's own, and the CDK's
// bootstrap stack that it was installed with. A push must not change what carries it out.
var reserved = []string{"Driftless", "driftless-target", "driftless-events", "CDKToolkit"}

// unique refuses the second application of a name, the second that claims a stack, and
// whichever claims a stack that carries Driftless itself.
func (d *decoder) unique(all []gitops.Settings) {
	names, stacks := map[string]int{}, map[string]int{}
	for i, s := range all {
		at := fmt.Sprintf("applications[%d]", i)
		if first, twice := names[s.Name]; twice && s.Name != "" {
			where := fmt.Sprintf("applications[%d].name", first)
			d.refuse(at+".name", d.near(at+".name"), "%q is the name of applications[%d] in line %d too", s.Name, first, d.near(where).line)
			continue // its stack is most likely the same as well: one problem for one mistake
		}
		names[s.Name] = i
		if slices.Contains(reserved, s.CloudFormation.Stack) {
			d.refuse(at+".cloudformation.stack", d.near(at+".cloudformation.stack"),
				"the stack %s carries Driftless itself; no application may claim %s", s.CloudFormation.Stack, strings.Join(reserved, ", "))
		}
		t := s.Target
		if t.Account == "" || t.Region == "" || s.CloudFormation.Stack == "" {
			continue
		}
		claim := t.Account + " " + t.Region + " " + s.CloudFormation.Stack
		if first, twice := stacks[claim]; twice {
			d.refuse(at+".cloudformation.stack", d.near(at+".cloudformation.stack"),
				"the stack %s in %s %s is claimed by applications[%d] (%s) in line %d already",
				s.CloudFormation.Stack, t.Account, t.Region, first, all[first].Name, d.near(fmt.Sprintf("applications[%d].cloudformation.stack", first)).line)
			continue
		}
		stacks[claim] = i
	}
}
