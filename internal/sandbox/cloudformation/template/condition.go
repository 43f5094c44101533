package template

import (
	"slices"
	"strings"
)

func isCondition(name string) bool {
	switch name {
	case "Fn::And", "Fn::Or", "Fn::Not", "Fn::Equals", "Fn::Contains", "Fn::EachMemberIn",
		"Fn::EachMemberEquals", "Fn::RefAll", "Fn::ValueOf", "Fn::ValueOfAll":
		return true
	}
	return false
}

// Evaluate computes the conditions into e.Conditions and checks the rules.
func (e *Env) Evaluate() error {
	e.Conditions = map[string]bool{}
	for name := range e.Template.Conditions {
		if _, err := e.condition(name, nil); err != nil {
			return err
		}
	}
	for name, rule := range e.Template.Rules {
		if err := e.rule(name, rule); err != nil {
			return err
		}
	}
	return nil
}

func (e *Env) condition(name string, path []string) (bool, error) {
	if v, ok := e.Conditions[name]; ok {
		return v, nil
	}
	body, ok := e.Template.Conditions[name]
	if !ok {
		return false, invalid("Template format error: Unresolved condition dependency %s in the Conditions block of the template", name)
	}
	if slices.Contains(path, name) {
		return false, invalid("Template format error: Circular dependency in the Conditions block: %s", strings.Join(append(path, name), " -> "))
	}
	v, err := e.holds(body, append(path, name))
	if err == nil {
		e.Conditions[name] = v
	}
	return v, err
}

func (e *Env) holds(v any, path []string) (bool, error) {
	switch v := v.(type) {
	case bool:
		return v, nil
	case string:
		return strings.EqualFold(v, "true"), nil
	case map[string]any:
		for name, argument := range v {
			if len(v) == 1 {
				return e.operator(name, argument, path)
			}
		}
	}
	return false, invalid("Template format error: Conditions can only be boolean operations on parameters and other conditions")
}

func (e *Env) operator(name string, argument any, path []string) (bool, error) {
	if name == "Condition" {
		return e.condition(Text(argument), path)
	}
	list, _ := argument.([]any)
	switch {
	case name == "Fn::Not" && len(list) == 1:
		v, err := e.holds(list[0], path)
		return !v, err
	case (name == "Fn::And" || name == "Fn::Or") && len(list) >= 2 && len(list) <= 10:
		for _, c := range list {
			v, err := e.holds(c, path)
			if err != nil || v == (name == "Fn::Or") {
				return v, err
			}
		}
		return name == "Fn::And", nil
	case (name == "Fn::Equals" || name == "Fn::Contains" || name == "Fn::EachMemberIn") && len(list) == 2:
		a, err := e.Resolve(list[0])
		if err != nil {
			return false, err
		}
		b, err := e.Resolve(list[1])
		if err != nil {
			return false, err
		}
		return compare(name, a, b), nil
	}
	return false, invalid("Template format error: Conditions can only be boolean operations on parameters and other conditions")
}

func compare(name string, a, b any) bool {
	in := func(list, v any) bool { return slices.Contains(Strings(list), Text(v)) }
	switch name {
	case "Fn::Contains":
		return in(a, b)
	case "Fn::EachMemberIn":
		return !slices.ContainsFunc(Strings(a), func(s string) bool { return !in(b, s) })
	}
	return Equal(a, b)
}

func (e *Env) rule(name string, v any) error {
	body, ok := v.(map[string]any)
	if !ok {
		return invalid("Template format error: Every Rules member must be an object.")
	}
	if c, ok := body["RuleCondition"]; ok {
		if applies, err := e.holds(c, nil); err != nil || !applies {
			return err
		}
	}
	assertions, _ := body["Assertions"].([]any)
	for _, a := range assertions {
		assertion, _ := a.(map[string]any)
		ok, err := e.holds(assertion["Assert"], nil)
		if err != nil {
			return err
		}
		if !ok {
			return invalid("Template validation error: Rule %s failed: %s", name, Text(assertion["AssertDescription"]))
		}
	}
	return nil
}

// Active says whether the resource or output of that condition is part of the stack.
func (e *Env) Active(condition string) bool { return condition == "" || e.Conditions[condition] }

// Prune returns v with every Fn::If replaced by the branch that holds.
func (e *Env) Prune(v any) any {
	switch v := v.(type) {
	case map[string]any:
		if list, ok := v["Fn::If"].([]any); ok && len(v) == 1 && len(list) == 3 {
			if e.Conditions[Text(list[0])] {
				return e.Prune(list[1])
			}
			return e.Prune(list[2])
		}
		out := make(map[string]any, len(v))
		for k, element := range v {
			out[k] = e.Prune(element)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, element := range v {
			out[i] = e.Prune(element)
		}
		return out
	}
	return v
}

// Graph names, for every active resource, those it must wait for. It refuses references to
// resources whose condition does not hold, and circles.
func (e *Env) Graph() (map[string][]string, error) {
	graph := map[string][]string{}
	for _, r := range e.Template.Resources {
		if e.Active(r.Condition) {
			graph[r.ID] = nil
		}
	}
	var absent []string
	for _, r := range e.Template.Resources {
		if _, active := graph[r.ID]; !active {
			continue
		}
		for _, ref := range References(e.Prune(r.Properties)) {
			if _, ok := graph[ref.ID]; ok {
				graph[r.ID] = append(graph[r.ID], ref.ID)
			} else if e.Template.Resource(ref.ID) != nil {
				absent = append(absent, ref.ID)
			}
		}
		for _, d := range r.DependsOn {
			if _, ok := graph[d]; ok {
				graph[r.ID] = append(graph[r.ID], d)
			}
		}
		slices.Sort(graph[r.ID])
		graph[r.ID] = slices.Compact(graph[r.ID])
	}
	if len(absent) > 0 {
		return nil, unresolved(absent, "Resources")
	}
	if circle := circle(graph); len(circle) > 0 {
		return nil, invalid("Circular dependency between resources: [%s]", strings.Join(circle, ", "))
	}
	return graph, nil
}

// circle returns the nodes that no order can satisfy: what is left once all nodes without
// unmet needs are taken away, again and again.
func circle(graph map[string][]string) []string {
	left := map[string]bool{}
	for id := range graph {
		left[id] = true
	}
	for progress := true; progress; {
		progress = false
		for id := range left {
			if !slices.ContainsFunc(graph[id], func(d string) bool { return left[d] }) {
				delete(left, id)
				progress = true
			}
		}
	}
	var out []string
	for id := range left {
		out = append(out, id)
	}
	slices.Sort(out)
	return out
}
