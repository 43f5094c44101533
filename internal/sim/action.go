package sim

import (
	"fmt"
	"strings"
	"time"
)

// Action is one thing that people, git or AWS do, at a time since the world began.
type Action struct {
	At   time.Duration
	What string // one of the names in actions
	App  string
	Arg  string
}

// String returns "push:jobs:7@2m5s".
func (a Action) String() string {
	parts := []string{a.What}
	if a.App != "" || a.Arg != "" {
		parts = append(parts, a.App)
	}
	if a.Arg != "" {
		parts = append(parts, a.Arg)
	}
	return strings.Join(parts, ":") + "@" + a.At.String()
}

// ParseAction reads what String writes.
func (w World) ParseAction(text string) (Action, error) {
	what, at, ok := strings.Cut(text, "@")
	d, err := time.ParseDuration(at)
	if !ok || err != nil {
		return Action{}, fmt.Errorf("action %q: must be <what>[:<application>[:<argument>]]@<time>", text)
	}
	a := Action{At: d}
	parts := strings.SplitN(what, ":", 3)
	a.What = parts[0]
	if len(parts) > 1 {
		a.App = parts[1]
	}
	if len(parts) > 2 {
		a.Arg = parts[2]
	}
	if !w.Knows(a.What) {
		return Action{}, fmt.Errorf("action %q: %s is not known", text, a.What)
	}
	return a, nil
}

// act is what an action does, how often it is drawn, and its argument.
type act struct {
	weight int
	do     func(w *world, a Action)
	arg    func(draw func(int) int) string
}

func none(func(int) int) string { return "" }

// content draws a content of a template: mostly one that is sound.
func content(draw func(int) int) string {
	behaviour := ""
	switch n := draw(48); {
	case n < 1:
		behaviour = "-slow"
	case n < 9:
		behaviour = "-fail"
	case n < 21:
		behaviour = []string{"-reject", "-stuck", "-refuse"}[n%3]
	}
	return fmt.Sprintf("%d%s", 1+draw(12), behaviour)
}

// shipped draws a content as content does, of which some fail their checks.
func shipped(draw func(int) int) string {
	return fmt.Sprintf("%d%s", 1+draw(12), []string{"", "", "-bad", "-bad", "-fail", "-stuck"}[draw(6)])
}

// acts are the actions. The map is never ranged over.
var acts map[string]act

// names are the actions' names in the order in which they are drawn.
var names = []string{"push", "pushall", "force", "branch", "remove", "move", "break", "suspend", "resume", "sync", "drift", "answer",
	"update", "delete", "edit", "newer", "throttle", "blind", "propose", "clash", "upgrade", "snatch"}

// mendings are the names of those that are drawn where something is mended by itself, as often as
// each stands here.
var mendings = []string{"ship", "ship", "ship", "ship", "sync", "sync", "edit", "tweak", "tweak", "erase", "fight", "regret", "usurp", "dark", "outage", "outage", "heal", "heal", "rollback", "rollback", "rollback",
	"recover", "recover"}

func init() {
	seconds := func(draw func(int) int) string { return fmt.Sprintf("%ds", 10+draw(300)) }
	acts = map[string]act{
		"push":     {12, (*world).push, content},
		"pushall":  {2, (*world).pushAll, none},
		"force":    {2, (*world).force, func(draw func(int) int) string { return fmt.Sprint(1 + draw(4)) }},
		"branch":   {1, (*world).branch, seconds},
		"remove":   {2, (*world).removeApp, seconds},
		"move":     {1, (*world).move, none},
		"break":    {1, (*world).breakConfig, seconds},
		"suspend":  {3, (*world).suspend, seconds},
		"resume":   {0, (*world).resumeApp, none},
		"sync":     {2, (*world).sync, none},
		"drift":    {3, (*world).drift, none},
		"answer":   {5, (*world).answer, func(draw func(int) int) string { return []string{"yes", "yes", "yes", "no"}[draw(4)] }},
		"update":   {4, (*world).update, content},
		"delete":   {2, (*world).deleteStack, none},
		"edit":     {3, (*world).edit, none},
		"newer":    {1, (*world).newer, none},
		"propose":  {3, (*world).propose, none},
		"snatch":   {2, (*world).snatch, none},
		"clash":    {1, (*world).clash, seconds},
		"upgrade":  {1, (*world).upgrade, seconds},
		"throttle": {1, (*world).throttle, seconds},
		"blind":    {1, (*world).blind, seconds},

		"ship":     {0, (*world).push, shipped},
		"tweak":    {0, (*world).tweak, none},
		"erase":    {0, (*world).erase, func(draw func(int) int) string { return []string{"A", "B"}[draw(2)] }},
		"fight":    {0, (*world).fight, seconds},
		"dark":     {0, (*world).darken, func(draw func(int) int) string { return fmt.Sprintf("%ds", 10+draw(1200)) }},
		"outage":   {0, (*world).outage, seconds},
		"regret":   {0, (*world).regret, func(draw func(int) int) string { return fmt.Sprint(1 + draw(12)) }},
		"usurp":    {0, (*world).usurp, seconds},
		"heal":     {0, (*world).heal, none},
		"rollback": {0, (*world).rollBack, func(draw func(int) int) string { return []string{"", "", "0", "1", "2"}[draw(5)] }},
		"recover":  {0, (*world).recover, func(draw func(int) int) string { return []string{"", "A"}[draw(2)] }},
	}
}
