package adopt

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/template"
)

// read reads one of the repository's files; that it is not there is a reason for people.
func (a *adopter) read(name string) ([]byte, error) {
	data, err := fs.ReadFile(a.files, name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, &gitops.Refusal{Reason: name + " is not in the repository any more"}
	case err != nil:
		a.broken = fmt.Errorf("read %s: %w", name, err)
		return nil, a.broken
	}
	return data, nil
}

// place is where a resource of a stack stands.
type place struct {
	*document
	id string // in the document
}

// property writes back one property of a resource of a stack.
func (a *adopter) property(c Change) {
	p, why := a.find(c.Resource)
	if why == "" {
		c.File, why = p.name, p.unfit(c)
	}
	if why != "" {
		c.Reason = why
		a.leave(c)
		return
	}
	base := []string{"Resources", p.id, "Properties"}
	told := func(at []string, declared, live any, line int) Change {
		one := c
		one.Path, one.Declared, one.Live, one.Line = gitops.PathOf(at), shown(declared), shown(live), line
		return one
	}
	e := &editor{document: p.document, base: base}
	e.written = func(at []string, declared, live any, line int) {
		a.written = append(a.written, told(at, declared, live, line))
	}
	e.left = func(at []string, declared, live any, line int, why string) {
		one := told(at, declared, live, line)
		one.Reason = why
		a.leave(one)
	}
	e.call = func(at []string, s template.Spot, declared, live any) {
		a.call(p, told(at, declared, live, s.Line), s, live)
	}
	e.edit(gitops.PathSteps(c.Path), valueOf(c.Declared, false), valueOf(c.Live, false))
}

// find returns where a resource stands: in the application's template, or in one nested in it,
// where the logical ids of the stacks on the way stand before its own.
func (a *adopter) find(resource string) (place, string) {
	if a.settings.Engine == gitops.EngineCDK || a.settings.Of != "" {
		return place{}, a.made()
	}
	name := path.Join(a.settings.Path, a.settings.CloudFormation.Template)
	ids := strings.FieldsFunc(resource, func(c rune) bool { return c == '/' || c == '.' })
	for i := 0; ; i++ {
		d, err := a.open(name)
		if err != nil {
			return place{}, err.Error()
		}
		if i == len(ids)-1 {
			return place{d, ids[i]}, ""
		}
		if len(ids) == 0 {
			return place{}, "it has no logical id"
		}
		below, why := d.nested(ids[i])
		if why != "" {
			return place{}, why
		}
		name = below
	}
}

// made says that a program makes the stack.
func (a *adopter) made() string {
	of := a.settings.Of
	if of == "" {
		of = a.settings.Name
	}
	return fmt.Sprintf("the CDK app of %s makes the template: its code in %s/ has to change", of, a.settings.Path)
}

// nested returns the file of a nested stack's template.
func (d *document) nested(id string) (name, why string) {
	at := d.now.At("Resources", id, "Properties", "TemplateURL")
	of := d.now.At("Resources", id, "Type")
	switch {
	case of.Text != gitops.TypeNestedStack && of.Text != "AWS::Serverless::Application":
		return "", fmt.Sprintf("%s does not make the nested stack %s", d.name, id)
	case of.Text != gitops.TypeNestedStack:
		at = d.now.At("Resources", id, "Properties", "Location")
	}
	if at.Form != template.Scalar || at.Text == "" || strings.Contains(at.Text, "://") || strings.Contains(at.Text, "{{") {
		return "", "the nested stack " + id + " has its template elsewhere than in the repository"
	}
	for _, other := range d.now.At("Resources").Keys {
		for _, property := range []string{"TemplateURL", "Location"} {
			s := d.now.At("Resources", other, "Properties", property)
			if other != id && s.Form == template.Scalar && s.Text != "" && beside(d.name, s.Text) == beside(d.name, at.Text) {
				return "", fmt.Sprintf("%s is the template of the nested stack %s too, which would change with it", beside(d.name, at.Text), other)
			}
		}
	}
	return beside(d.name, at.Text), ""
}

// unfit returns why nothing of a resource can be written where it stands, or nothing.
func (p place) unfit(c Change) string {
	at := func(path ...string) template.Spot { return p.now.At(append([]string{"Resources", p.id}, path...)...) }
	of := at("Type")
	switch resource := at(); {
	case resource.Form != template.Mapping:
		return p.missing()
	case at("Metadata", "aws:cdk:path").Text != "":
		return fmt.Sprintf("the CDK made %s: the construct %s is to be changed in its code", p.name, at("Metadata", "aws:cdk:path").Text)
	case at("Condition").Form != template.Absent:
		return fmt.Sprintf("it stands under the condition %s: other stacks of the template may have it under another one", at("Condition").Text)
	case of.Text != c.Type && !strings.HasPrefix(of.Text, "AWS::Serverless::"):
		return fmt.Sprintf("in git it is an %s by now", of.Text)
	case of.Text != c.Type:
		return p.serverless(c, of.Text)
	}
	return ""
}

// missing says why a resource is not in the template.
func (p place) missing() string {
	if loops := p.now.Loops(); len(loops) > 0 {
		return fmt.Sprintf("it does not stand in %s as it is: a loop or a macro makes it (%s)", p.name, strings.Join(loops, ", "))
	}
	if t := p.now.At("Transform"); t.Form != template.Absent {
		return fmt.Sprintf("it does not stand in %s: the macro that the template calls makes it", p.name)
	}
	return fmt.Sprintf("it does not stand in %s any more", p.name)
}

// alikeInSAM are properties that SAM hands on as they are, by the type that it makes.
// https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-resource-function.html
var alikeInSAM = map[string][]string{
	"AWS::Lambda::Function": {"Description", "Environment", "EphemeralStorage", "Handler", "Layers", "MemorySize",
		"ReservedConcurrentExecutions", "Runtime", "Timeout"},
}

// serverless returns why a property cannot be written where SAM makes the resource of another
// type, or nothing.
func (p place) serverless(c Change, of string) string {
	property := gitops.PathSteps(c.Path)[0]
	if !slices.Contains(alikeInSAM[c.Type], property) {
		return fmt.Sprintf("SAM makes the %s of an %s, and %s of more than one property", c.Type, of, property)
	}
	globals := p.now.At("Globals", strings.TrimPrefix(of, "AWS::Serverless::"), property)
	list := p.now.At("Resources", p.id, "Properties", property).Form == template.List // of which Globals' elements come first
	own := p.now.At(append([]string{"Resources", p.id, "Properties"}, gitops.PathSteps(c.Path)...)...)
	if globals.Form != template.Absent && (own.Form == template.Absent || list) {
		return fmt.Sprintf("Globals has %s (line %d), for other resources too", property, globals.Line)
	}
	return ""
}

// call writes the value of a parameter where a property is that parameter and nothing else;
// what any other function makes is left.
func (a *adopter) call(p place, c Change, s template.Spot, live any) {
	text, plain := live.(string)
	if number, ok := live.(json.Number); ok {
		text, plain = number.String(), true
	}
	if truth, ok := live.(bool); ok {
		text, plain = fmt.Sprint(truth), true
	}
	switch {
	case s.Function != "Ref" || s.Argument == "" || s.Below:
		c.Reason = fmt.Sprintf("%s decides it: what it is made from is for a person to change", s.Function)
	case p.now.At("Parameters", s.Argument).Form == template.Absent:
		c.Reason = fmt.Sprintf("it refers to %s, whose own value it is", s.Argument)
	case !plain || strings.HasPrefix(text, "[") || strings.HasPrefix(text, "{"):
		c.Reason = fmt.Sprintf("the parameter %s gives it, and live has no single value", s.Argument)
	default:
		a.parameter(p, c, s.Argument, text)
		return
	}
	a.leave(c)
}

// parameter writes the value of a parameter into the application's parameter file.
func (a *adopter) parameter(p place, c Change, name, live string) {
	if c.Reason = a.bound(p, name); c.Reason == "" {
		c.Reason = a.give(p, &c, name, live)
	}
	if c.Reason != "" {
		a.leave(c)
		return
	}
	a.written = append(a.written, c)
}

var noEcho = regexp.MustCompile(`(?i)^(true|yes|on|y)$`)

// bound returns why the value of a parameter may not be changed for one property, or nothing.
func (a *adopter) bound(p place, name string) string {
	uses := p.now.Uses(name)
	switch {
	case noEcho.MatchString(p.now.At("Parameters", name, "NoEcho").Text):
		return fmt.Sprintf("the parameter %s gives it, which is secret", name)
	case p.name != path.Join(a.settings.Path, a.settings.CloudFormation.Template):
		return fmt.Sprintf("the parameter %s gives it, which the stack above gives the nested one", name)
	case len(uses) > 1:
		others := slices.Compact(slices.DeleteFunc(uses, func(at string) bool { return at == "Resources."+p.id }))
		if len(others) == 0 {
			return fmt.Sprintf("the parameter %s gives it, and other properties of it too", name)
		}
		return fmt.Sprintf("the parameter %s gives it, and is used elsewhere too: %s", name, strings.Join(others, ", "))
	case a.settings.CloudFormation.Parameters == "":
		return fmt.Sprintf("the parameter %s gives it by its default, and the application has no parameter file", name)
	}
	return ""
}

// give edits the parameter file, and returns why it cannot be.
func (a *adopter) give(p place, c *Change, name, live string) string {
	file := path.Join(a.settings.Path, a.settings.CloudFormation.Parameters)
	d, err := a.open(file)
	if err != nil {
		return err.Error()
	}
	c.File = file
	at, before, ok := d.now.Given(name)
	if !ok {
		return fmt.Sprintf("the parameter %s gives it, and %s says nothing of that: its default or its previous value holds", name, file)
	}
	s := d.now.At(at...)
	c.Line = s.Line
	switch value := strings.TrimPrefix(s.Text, before); {
	case same(value, live):
		return "git says so already: it is not deployed yet"
	case !same(value, c.Declared):
		return fmt.Sprintf("git has changed the parameter %s since what is deployed", name) // it is not shown: it may be secret by now
	}
	out, err := d.now.Set(at, before+live)
	if err != nil {
		return err.Error()
	}
	if why := refused(p.now.Bytes(), p.name, out.Bytes(), file); why != "" {
		return why
	}
	d.now, d.touched = out, append(d.touched, at)
	return ""
}

// refused returns why a template does not take the parameters, or nothing.
func refused(body []byte, name string, values []byte, file string) string {
	t, broken := template.Read(name, body)
	v, wrong := template.Parameters(file, values)
	if broken != nil || wrong != nil {
		return ""
	}
	if found := template.CheckLimits(t, v); len(found) > 0 {
		return "the template does not allow it: " + found[0].Error()
	}
	return ""
}

// literal returns a text as the number or the truth that it can only be, else as it is.
func literal(text string) any {
	switch {
	case small.MatchString(text):
		return json.Number(text)
	case text == "true" || text == "false":
		return text == "true"
	}
	return text
}

// small are whole numbers that no parser reads as anything else.
var small = regexp.MustCompile(`^(0|[1-9][0-9]{0,8})$`)
