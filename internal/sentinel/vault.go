package sentinel

import (
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
	"sync"
)

// Secret is one that must not be found.
type Secret struct {
	Name  string // what it is, for the report
	Value string
	InGit bool // it stands in a file of a repository, and so in what holds those files by design
}

// Output is something that came out.
type Output struct {
	Where      string // for the report
	Body       []byte
	FilesOfGit bool // it holds files of a repository by design: what is secret but stands in git may be there
}

// Leak is a secret that was found.
type Leak struct {
	Secret, Where, Form string
	Around              string // the text around it, the secret itself left out
}

// String tells the leak, and not the secret.
func (l Leak) String() string {
	return fmt.Sprintf("%s is in %s, %s: %s", l.Secret, l.Where, l.Form, l.Around)
}

// Vault knows the secrets that were planted. Its methods may be called from several goroutines.
type Vault struct {
	mu      sync.Mutex
	secrets []Secret
}

// least is how long a secret has to be: of a shorter one anything might be said to hold it.
const least = 12

// Plant makes a secret of letters and digits, as tokens are, and remembers it.
func (v *Vault) Plant(name string) string { return v.made(Secret{Name: name, Value: token()}) }

// PlantInGit makes one that a file of a repository is going to hold. It is awkward: quoted,
// escaped and encoded it looks different each time.
func (v *Vault) PlantInGit(name string) string {
	return v.made(Secret{Name: name, Value: token() + `<"é&/+=\%>` + token(), InGit: true})
}

// PlantPlainInGit is PlantInGit for where no such character may stand.
func (v *Vault) PlantPlainInGit(name string) string {
	return v.made(Secret{Name: name, Value: token(), InGit: true})
}

// Keep remembers a secret that somebody else made. One that is known already is no other.
func (v *Vault) Keep(name, value string) {
	if len(value) >= least {
		v.made(Secret{Name: name, Value: value})
	}
}

func (v *Vault) made(s Secret) string {
	v.mu.Lock()
	defer v.mu.Unlock()
	if !slices.ContainsFunc(v.secrets, func(other Secret) bool { return other.Value == s.Value }) {
		v.secrets = append(v.secrets, s)
	}
	return s.Value
}

// Secrets returns what was planted and kept.
func (v *Vault) Secrets() []Secret {
	v.mu.Lock()
	defer v.mu.Unlock()
	return slices.Clone(v.secrets)
}

// token is random, and can be told by eye.
func token() string { return "s3ntinel" + strings.ToLower(rand.Text()) }
