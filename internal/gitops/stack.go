package gitops

import (
	"cmp"
	"fmt"
	"maps"
	"strings"
)

// Stack is a stack of a CDK app, as it was synthesised. Those of an app are listed in an order in
// which each stands after all that it depends on.
type Stack struct {
	ID         string            `json:"id"`                // its artifact's in the cloud assembly
	Name       string            `json:"name"`              // the stack's
	Account    string            `json:"account,omitempty"` // empty: the app leaves it to whoever deploys
	Region     string            `json:"region,omitempty"`  // as Account
	Template   string            `json:"template"`          // key of its template in the data bucket; its file's name is the SHA-256 of its content
	Parameters map[string]string `json:"parameters,omitempty"`
	Tags       map[string]string `json:"tags,omitempty"`
	DependsOn  []string          `json:"dependsOn,omitempty"` // ids of stacks of the same app
}

// StackSettings returns what the stacks of a CDK app are as applications, in the same order: they
// follow their branch, are verified and watched as the app is. It is an error for two of them to have one
// name, or for a name to be too long.
func StackSettings(app Settings, stacks []Stack) ([]Settings, error) {
	all, names, taken := make([]Settings, 0, len(stacks)), map[string]string{}, map[string]string{app.Name: app.Name}
	for _, s := range stacks {
		name := stackName(app.Name, s.Name)
		if other, twice := taken[name]; twice {
			return nil, fmt.Errorf("stack %s would be the application %s, which is %s: give it another name", s.Name, name, other)
		}
		if len(name) > 63 {
			return nil, fmt.Errorf("stack %s would be the application %s, whose name is longer than 63 characters", s.Name, name)
		}
		names[s.ID], taken[name] = name, "the stack "+s.Name
		c := app.CloudFormation
		c.Stack, c.Template, c.Parameters = s.Name, "template.json", ""
		if len(s.Parameters) > 0 {
			c.Parameters = "parameters.json"
		}
		if len(s.Tags) > 0 {
			c.Tags = maps.Clone(s.Tags)
			for key, value := range app.CloudFormation.Tags {
				c.Tags[key] = cmp.Or(c.Tags[key], value)
			}
		}
		one := Settings{Name: name, File: app.File, Path: strings.TrimPrefix(app.Path+"/cdk.out/"+s.Name, "./"), Engine: EngineCloudFormation,
			Target: app.Target, CloudFormation: c, Of: app.Name, Sync: app.Sync, Verify: app.Verify, Drift: app.Drift, Recover: app.Recover}
		if s.Account != "" && s.Account != app.Target.Account {
			one.Target.Account, one.Target.Role = s.Account, "" // both are of the app's own account
			one.CloudFormation.Role = ""
		}
		one.Target.Region = cmp.Or(s.Region, app.Target.Region)
		for _, id := range s.DependsOn {
			on, known := names[id]
			if !known {
				return nil, fmt.Errorf("stack %s depends on %q, which does not stand before it", s.Name, id)
			}
			one.DependsOn = append(one.DependsOn, on)
		}
		all = append(all, one)
	}
	return all, nil
}

// stackName returns the name of the application that a stack is: the stack's in small letters,
// words apart, after the app's unless it begins with that.
func stackName(app, stack string) string {
	var b strings.Builder
	for i, r := range stack {
		switch {
		case r >= 'A' && r <= 'Z':
			if i > 0 && !strings.HasSuffix(b.String(), "-") && (lower(stack, i-1) || lower(stack, i+1)) {
				b.WriteByte('-')
			}
			b.WriteRune(r + 'a' - 'A')
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9', r == '-':
			b.WriteRune(r)
		}
	}
	name := strings.Trim(b.String(), "-")
	if name == app || strings.HasPrefix(name, app+"-") {
		if name == app {
			return name + "-stack"
		}
		return name
	}
	return app + "-" + name
}

// lower reports whether a text has a small letter or a digit at i.
func lower(s string, i int) bool {
	return i < len(s) && (s[i] >= 'a' && s[i] <= 'z' || s[i] >= '0' && s[i] <= '9')
}
