package template

import "strings"

const dynamicStart = "{{resolve:"

// Dynamic says whether v holds a dynamic reference.
func Dynamic(v any) bool {
	switch v := v.(type) {
	case string:
		return strings.Contains(v, dynamicStart)
	case []any:
		for _, e := range v {
			if Dynamic(e) {
				return true
			}
		}
	case map[string]any:
		for _, e := range v {
			if Dynamic(e) {
				return true
			}
		}
	}
	return false
}

// Reveal returns v with every {{resolve:reference}} replaced by what look answers. It is for
// the call that makes a resource alone: plans, events and records keep the reference, so
// that no secret gets there.
func Reveal(v any, look func(reference string) (string, error)) (any, error) {
	switch v := v.(type) {
	case string:
		return reveal(v, look)
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			r, err := Reveal(e, look)
			if err != nil {
				return nil, err
			}
			out[i] = r
		}
		return out, nil
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, e := range v {
			r, err := Reveal(e, look)
			if err != nil {
				return nil, err
			}
			out[k] = r
		}
		return out, nil
	}
	return v, nil
}

func reveal(s string, look func(reference string) (string, error)) (any, error) {
	for from := 0; ; {
		start := strings.Index(s[from:], dynamicStart)
		if start < 0 {
			return s, nil
		}
		start += from
		end := strings.Index(s[start:], "}}")
		if end < 0 {
			return s, nil
		}
		v, err := look(s[start+len(dynamicStart) : start+end])
		if err != nil {
			return nil, err
		}
		s = s[:start] + v + s[start+end+2:]
		from = start + len(v)
	}
}
