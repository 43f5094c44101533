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

// claimant is an application of a file.
type claimant struct {
	file *decoder
	i    int
}

func (c claimant) settings() gitops.Settings { return c.file.settings[c.i] }
func (c claimant) at(key string) string      { return fmt.Sprintf("applications[%d].%s", c.i, key) }

// unique refuses the second application of a name, the second that claims a stack, and
// whichever claims a stack that carries Driftless itself. It reports whether two files
// claim one thing: then neither is certain to be meant, whoever wrote them.
func unique(files []*decoder) (clash bool) {
	names, stacks := map[string]claimant{}, map[string]claimant{}
	for _, d := range files {
		for i, s := range d.settings {
			c, at := claimant{d, i}, fmt.Sprintf("applications[%d].%s.stack", i, s.Engine)
			if first, twice := names[s.Name]; twice && s.Name != "" {
				clash = c.refuse(first, "name", "%q is the name of applications[%d] in %s too", s.Name, first.i, c.where(first, "name")) || clash
				continue // its stack is most likely the same as well: one problem for one mistake
			}
			names[s.Name] = c
			if slices.Contains(reserved, s.CloudFormation.Stack) {
				d.refuse(at, d.near(at), "the stack %s carries Driftless itself; no application may claim %s", s.CloudFormation.Stack, strings.Join(reserved, ", "))
			}
			kind, claim, said := claimOf(s)
			if claim == "" {
				continue
			}
			if first, twice := stacks[claim]; twice {
				theirs, _, _ := claimOf(first.settings())
				clash = c.refuse(first, kind, "%s is claimed by applications[%d] (%s) in %s already",
					said, first.i, first.settings().Name, c.where(first, theirs)) || clash
				continue
			}
			stacks[claim] = c
		}
	}
	return clash
}

// claimOf returns the key that says what an application changes, that thing's name for claims
// and in words; "" where that is not known, or cannot be another's: a state in the
// installation's bucket is named after its application.
func claimOf(s gitops.Settings) (key, claim, said string) {
	t := s.Target
	switch {
	case s.Terraform != nil && s.Terraform.State != "":
		return "terraform.backend", s.Terraform.State + " " + s.Terraform.Workspace, "the state " + s.Terraform.State
	case t.Account == "" || t.Region == "" || s.CloudFormation.Stack == "":
		return "", "", ""
	}
	return string(s.Engine) + ".stack", t.Account + " " + t.Region + " " + s.CloudFormation.Stack,
		fmt.Sprintf("the stack %s in %s %s", s.CloudFormation.Stack, t.Account, t.Region)
}

// where returns the place of another application's value, as one of the same file or of another.
func (c claimant) where(first claimant, key string) string {
	line := first.file.near(first.at(key)).line
	if first.file == c.file {
		return fmt.Sprintf("line %d", line)
	}
	return fmt.Sprintf("%s:%d", first.file.file, line)
}

// refuse notes that another application has claimed the same, and reports whether that one
// stands in another file: then the problem is that of the whole repository.
func (c claimant) refuse(first claimant, key, format string, args ...any) bool {
	d := c.file
	if first.file == d {
		d.refuse(c.at(key), d.near(c.at(key)), format, args...)
		return false
	}
	if len(d.between) >= maxKept {
		d.dropped++
		return true
	}
	at := d.near(c.at(key))
	d.between = append(d.between, gitops.Problem{File: d.file, Line: at.line, Column: at.column, Path: c.at(key), Message: fmt.Sprintf(format, args...)})
	return true
}
