package config

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/driftless-gitops/driftless/internal/gitops"
)

// The defaults of a check.
const (
	defaultRetries  = 5
	defaultInterval = 10 * time.Second
	defaultTimeout  = 5 * time.Second
	maxTimeout      = 20 * time.Second // a function has a minute for an attempt at all checks
	maxChecks       = 20
	// CloudFormation takes five rollback triggers (API reference, RollbackConfiguration).
	maxAlarms = 5
)

// over returns what one's own verify says, and else the common one, part by part.
func (own Verify) over(common Verify) *Verify {
	if own.Checks == nil {
		own.Checks = common.Checks
	}
	return &Verify{cmp.Or(own.Drift, common.Drift), own.Checks, cmp.Or(own.OnFailure, common.OnFailure), cmp.Or(own.Monitor, common.Monitor)}
}

// over returns what one's own drift says, and else the common one, part by part. Rules add up.
func (own Drift) over(common Drift) *Drift {
	if own.HealTypes == nil {
		own.HealTypes = common.HealTypes
	}
	return &Drift{cmp.Or(own.Every, common.Every), cmp.Or(own.Heal, common.Heal), own.HealTypes,
		cmp.Or(own.Undeclared, common.Undeclared), cmp.Or(own.Baseline, common.Baseline), slices.Concat(common.Ignore, own.Ignore)}
}

// over returns what one's own recover says, and else the common one, part by part.
func (own Recover) over(common Recover) *Recover {
	return &Recover{cmp.Or(own.Continue, common.Continue), cmp.Or(own.Recreate, common.Recreate)}
}

func (own Recover) resolve() gitops.Recover {
	return gitops.Recover{Continue: own.Continue == nil || *own.Continue, Recreate: value(own.Recreate)}
}

// verify resolves what is looked at after an apply. Where nobody says so, drift is if looking
// costs no build.
func (d *decoder) verify(at string, a Application, common *Verify) gitops.Verify {
	all, free := value(a.Verify).over(value(common)), a.Terraform == nil
	from := "defaults.verify"
	if value(a.Verify).Checks != nil {
		from = at + ".verify"
	}
	drift := all.Drift
	if !free {
		drift = value(a.Verify).Drift // the defaults' is not meant for it
	}
	v := gitops.Verify{Drift: free, OnFailure: all.OnFailure}
	if drift != nil {
		v.Drift = *drift
	}
	if all.Monitor != "" {
		minutes, _ := time.ParseDuration(string(all.Monitor)) // its pattern lets nothing else through
		v.MonitorSeconds = int64(minutes / time.Second)
	}
	alarms := 0
	for i, c := range all.Checks {
		if c.Alarm != "" {
			alarms++
		}
		v.Checks = append(v.Checks, d.verifyCheck(fmt.Sprintf("%s.checks[%d]", from, i), c, v.Checks))
	}
	switch here := d.near(from + ".checks"); {
	case len(v.Checks) > maxChecks:
		d.refuseOnce(from+".checks", here, "there are %d checks; at most %d are allowed", len(v.Checks), maxChecks)
	case alarms > maxAlarms:
		d.refuseOnce(from+".checks", here, "there are %d alarms; CloudFormation watches at most %d", alarms, maxAlarms)
	}
	return v
}

// refuseOnce refuses what every application takes over from the defaults once.
func (d *decoder) refuseOnce(at string, here position, format string, args ...any) {
	if !d.refused(at) {
		d.refuse(at, here, format, args...)
	}
}

// verifyCheck resolves one check, and refuses a second one of the same name.
func (d *decoder) verifyCheck(at string, c Check, before []gitops.Check) gitops.Check {
	out := gitops.Check{Alarm: string(c.Alarm), Lambda: string(c.Lambda), Retries: defaultRetries}
	timeout, name := defaultTimeout, "alarm "+out.Alarm
	var kinds []string
	if c.HTTP != nil {
		kinds, name = append(kinds, "http"), "http "+string(c.HTTP.URL)
		out.HTTP = &gitops.HTTPCheck{URL: string(c.HTTP.URL), Status: cmp.Or(int(c.HTTP.Status), 200), Body: string(c.HTTP.Body)}
		if _, err := regexp.Compile(out.HTTP.Body); err != nil {
			d.refuseOnce(at+".http.body", d.near(at+".http.body"), "%s is no regular expression: %s", quote(out.HTTP.Body), err)
		}
	}
	if c.Alarm != "" {
		kinds = append(kinds, "alarm")
	}
	if c.Lambda != "" {
		kinds, name, timeout = append(kinds, "lambda"), "lambda "+out.Lambda, maxTimeout
	}
	if len(kinds) != 1 && !d.refused(at) {
		d.refuse(at, d.near(at), "a check has exactly one of http, alarm and lambda; this one has %s", orNone(kinds))
	}
	if c.Retries != nil {
		out.Retries = int(*c.Retries)
	}
	out.IntervalSeconds = seconds(c.Interval, defaultInterval)
	out.TimeoutSeconds = seconds(c.Timeout, timeout)
	if most := int(maxTimeout / time.Second); out.TimeoutSeconds > most {
		d.refuseOnce(at+".timeout", d.near(at+".timeout"), "found %s; allowed: 1s to %ds", quote(string(c.Timeout)), most)
	}
	out.Name = cmp.Or(string(c.Name), name)
	if slices.ContainsFunc(before, func(b gitops.Check) bool { return b.Name == out.Name }) && len(kinds) == 1 {
		d.refuseOnce(at, d.near(at), "there is another check %s; give one of them a name", quote(out.Name))
	}
	return out
}

func orNone(kinds []string) string {
	if len(kinds) == 0 {
		return "none"
	}
	return strings.Join(kinds, " and ")
}

func seconds(t CheckTime, otherwise time.Duration) int {
	if parsed, err := time.ParseDuration(string(t)); err == nil {
		otherwise = parsed
	}
	return int(otherwise / time.Second)
}

// drift resolves how often drift is looked for, and what is done about it.
func (d *decoder) drift(at string, a Application, common *Drift) gitops.DriftPolicy {
	all := value(a.Drift).over(value(common))
	p := gitops.DriftPolicy{EverySeconds: int64(d.every(at, a.Drift, common) / time.Second),
		Heal: value(all.Heal), Undeclared: value(all.Undeclared), Baseline: string(all.Baseline)}
	for _, t := range all.HealTypes {
		p.HealTypes = append(p.HealTypes, string(t))
	}
	for _, rule := range all.Ignore {
		p.Ignore = append(p.Ignore, gitops.Ignore{Resource: string(rule.Resource), Path: string(rule.Path), Reason: string(rule.Reason), Until: string(rule.Until)})
	}
	if all.Undeclared != nil && *all.Undeclared && a.Terraform != nil {
		d.refuseOnce(at+".drift.undeclared", d.near(at+".drift.undeclared"), "is not for terraform: a plan does not tell of what its configuration does not say")
	}
	return p
}
