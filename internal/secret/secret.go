// Package secret has the one type that secrets are passed around in: whoever formats, logs
// or encodes it writes "***". It knows nothing of where secrets are kept, and imports the
// standard library only.
package secret

import (
	"log/slog"
	"strings"
)

const hidden = "***"

// Secret is a secret. Only Reveal gives it away.
type Secret struct{ value string }

// New returns a secret.
func New(value string) Secret { return Secret{value} }

// Join returns the secrets as they are kept together, one per line.
func Join(secrets ...Secret) Secret {
	var lines []string
	for _, s := range secrets {
		lines = append(lines, s.value)
	}
	return Secret{strings.Join(lines, "\n")}
}

// Reveal returns the secret itself, for the one place that uses it.
func (s Secret) Reveal() string { return s.value }

// Lines returns the secrets that are kept together, one per line, two while one is being
// changed for the other. Empty lines are none: an empty secret would accept whoever signs
// with an empty key.
func (s Secret) Lines() []Secret {
	var all []Secret
	for line := range strings.Lines(s.value) {
		if line = strings.TrimSpace(line); line != "" {
			all = append(all, Secret{line})
		}
	}
	return all
}

// String returns "***".
func (Secret) String() string { return hidden }

// GoString returns "***".
func (Secret) GoString() string { return hidden }

// LogValue returns "***".
func (Secret) LogValue() slog.Value { return slog.StringValue(hidden) }

// MarshalText returns "***", so that no encoder writes a secret.
func (Secret) MarshalText() ([]byte, error) { return []byte(hidden), nil }
