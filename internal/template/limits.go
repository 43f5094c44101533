package template

import (
	"maps"
	"math/big"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"go.yaml.in/yaml/v3"
)

// limits is what a parameter says of its values, as it is written; empty where it says
// nothing, or nothing that is certain.
// https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/parameters-section-structure.html
type limits struct {
	allowed              []string
	pattern              string
	minLength, maxLength string
	minValue, maxValue   string
}

func limitsOf(parameter *yaml.Node) limits {
	if merged(parameter) {
		return limits{}
	}
	of := func(key string) string {
		s, _ := text(get(parameter, key))
		return s
	}
	return limits{allowed: allowedOf(get(parameter, "AllowedValues")), pattern: of("AllowedPattern"),
		minLength: of("MinLength"), maxLength: of("MaxLength"), minValue: of("MinValue"), maxValue: of("MaxValue")}
}

// allowedOf returns the values that are allowed; none where CloudFormation may read one of
// them otherwise than it is written, as YAML 1.1 does with yes, 010 and 1.10.
func allowedOf(list *yaml.Node) []string {
	if list == nil || list.Kind != yaml.SequenceNode || custom(list) {
		return nil
	}
	var all []string
	for _, n := range list.Content {
		n = follow(n)
		s, plain := text(n)
		quoted := n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) != 0
		word := n.Tag == "!!str" && !slices.Contains(loose, strings.ToLower(s))
		if !plain || !quoted && !word && !integer().MatchString(s) && s != "true" && s != "false" {
			return nil
		}
		all = append(all, s)
	}
	return all
}

var (
	loose   = []string{"yes", "no", "on", "off", "y", "n", "true", "false", "~", "null"}
	integer = lazily(`^(0|-?[1-9][0-9]*)$`)
	decimal = lazily(`^[+-]?[0-9]+(\.[0-9]+)?$`)
	numeric = lazily(`^[0-9A-Fa-fxXpP_., +-]*[0-9][0-9A-Fa-fxXpP_., +-]*$`)
)

// lazily compiles an expression when it is first used: every function would pay for it
// before its first request otherwise.
func lazily(expression string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expression) })
}

// CheckLimits holds the values given against what the template's parameters say of theirs.
// What a dynamic reference stands for, and what the types of AWS and of SSM are, is not known
// here. The value of a NoEcho parameter is in no message.
func CheckLimits(t Template, v Values) []error {
	f := &faults{file: v.file}
	for _, m := range t.Transforms {
		if !tame[m.Name] {
			return nil // it may make the parameters others
		}
	}
	for _, name := range slices.Sorted(maps.Keys(v.Parameters)) {
		value := v.Parameters[name]
		p, declared := t.Parameters[name]
		if !declared || strings.Contains(value, "{{resolve:") {
			continue
		}
		found, why := p.refuses(value)
		if why == "" {
			continue
		}
		said := "found " + quote(found) + "; "
		if p.NoEcho {
			said = "its value is refused: "
		}
		at := v.places[name]
		f.add(at.line, at.column, "parameter %s: %s%s", name, said, why)
	}
	return f.errs()
}

// refuses returns the value, or the element of a list, that is not allowed, and what is.
func (p Parameter) refuses(value string) (found, why string) {
	switch p.Type {
	case "String":
		return value, p.refusesText(value)
	case "Number":
		return value, p.refusesNumber(value)
	}
	if p.Type != "CommaDelimitedList" && p.Type != "List<Number>" || value == "" {
		return "", ""
	}
	for part := range strings.SplitSeq(value, ",") {
		part = strings.TrimSpace(part)
		if p.Type == "List<Number>" {
			if why = notNumeric(part); why != "" {
				return part, why
			}
			continue
		}
		if why = p.refusesOne(part); why != "" {
			return part, why
		}
	}
	return "", ""
}

// refusesText judges a text by all that may be said of it.
func (p Parameter) refusesText(value string) string {
	if why := p.refusesOne(value); why != "" {
		return why
	}
	if slices.ContainsFunc([]rune(value), func(c rune) bool { return c > '\uffff' }) {
		return "" // one character or two
	}
	n := len([]rune(value))
	if least, err := strconv.Atoi(p.limits.minLength); err == nil && n < least {
		return "at least " + p.limits.minLength + " characters are needed"
	}
	if most, err := strconv.Atoi(p.limits.maxLength); err == nil && n > most {
		return "at most " + p.limits.maxLength + " characters are allowed"
	}
	return ""
}

// refusesOne judges a text, or each element of a list.
func (p Parameter) refusesOne(value string) string {
	if len(p.limits.allowed) > 0 && !slices.Contains(p.limits.allowed, value) {
		return p.oneOf()
	}
	if matches, certain := match(p.limits.pattern, value); certain && !matches {
		return "all of it has to match " + p.limits.pattern
	}
	return ""
}

func (p Parameter) oneOf() string {
	if p.NoEcho {
		return "it is none of its AllowedValues"
	}
	var all []string
	for _, s := range p.limits.allowed {
		all = append(all, quote(s))
	}
	return "allowed: " + strings.Join(all, ", ")
}

// refusesNumber judges a number by its bounds, which like it are judged where they are
// written as people write them.
func (p Parameter) refusesNumber(value string) string {
	if why := notNumeric(value); why != "" {
		return why
	}
	n, ok := number(value)
	if !ok {
		return ""
	}
	equal := func(s string) bool {
		other, ok := number(s)
		return !ok || other.Cmp(n) == 0
	}
	if least, ok := number(p.limits.minValue); ok && n.Cmp(least) < 0 {
		return "at least " + p.limits.minValue + " is needed"
	}
	if most, ok := number(p.limits.maxValue); ok && n.Cmp(most) > 0 {
		return "at most " + p.limits.maxValue + " is allowed"
	}
	if len(p.limits.allowed) > 0 && !slices.ContainsFunc(p.limits.allowed, equal) {
		return p.oneOf()
	}
	return ""
}

func number(s string) (*big.Rat, bool) {
	if !decimal().MatchString(s) {
		return nil, false
	}
	return new(big.Rat).SetString(s)
}

// notNumeric refuses what no reader of numbers takes: some take 1e3, 1_000 and 0x1F.
func notNumeric(s string) string {
	if s = strings.TrimSpace(s); s == "" || numeric().MatchString(s) || strings.EqualFold(strings.TrimLeft(s, "+-"), "NaN") || strings.EqualFold(strings.TrimLeft(s, "+-"), "Infinity") {
		return ""
	}
	return "a number is needed"
}

// match reports whether all of a value matches a pattern. It is certain where Java's
// expressions, which CloudFormation's are, and Go's mean the same.
func match(pattern, value string) (matches, certain bool) {
	if pattern == "" || !portable(pattern) || strings.ContainsFunc(value, func(c rune) bool { return c < ' ' || c > '~' }) {
		return false, false
	}
	e, err := regexp.Compile(`^(?:` + pattern + `)$`)
	if err != nil {
		return false, false
	}
	return e.MatchString(value), true
}

// portable reports whether a pattern has nothing that Java and Go read differently: classes
// in classes, escapes but the plain ones, and groups with a question mark.
func portable(pattern string) bool {
	class := false
	for i := 0; i < len(pattern); i++ {
		rest := pattern[i+1:]
		switch c := pattern[i]; {
		case c > '~' || c < ' ':
			return false
		case c == '\\':
			if rest == "" || strings.IndexByte(`dDwWsS.-/\_^$*+?()[]{}|:@,=#%&~"'!<>;`, rest[0]) < 0 {
				return false
			}
			i++
		case c == '[' && (class || strings.HasPrefix(rest, "]") || strings.HasPrefix(rest, "^]")):
			return false
		case c == '[':
			class = true
		case c == ']':
			class = false
		case c == '&' && class && strings.HasPrefix(rest, "&"), c == '{' && !class && strings.HasPrefix(rest, ","):
			return false
		case c == '(' && !class && strings.HasPrefix(rest, "?") && !strings.HasPrefix(rest, "?:"):
			return false
		}
	}
	return true
}
