package lambda

import (
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/driftless-gitops/driftless/internal/sandbox/wire"
)

func (s *Service) createFunction(w http.ResponseWriter, r *http.Request) error {
	var in createFunction
	if err := decode(r, &in); err != nil {
		return err
	}
	c, err := s.create(r.Context(), in)
	if err != nil {
		return err
	}
	return reply(w, http.StatusCreated, c)
}

func (s *Service) listFunctions(w http.ResponseWriter, r *http.Request) error {
	s.mu.Lock()
	all := []configuration{}
	for _, f := range s.functions {
		all = append(all, f.latest)
		if r.URL.Query().Get("FunctionVersion") == "ALL" {
			all = append(all, f.versions...)
		}
	}
	s.mu.Unlock()
	slices.SortFunc(all, func(a, b configuration) int { return strings.Compare(a.FunctionArn, b.FunctionArn) })
	return reply(w, http.StatusOK, map[string]any{"Functions": all})
}

func (s *Service) getFunction(w http.ResponseWriter, r *http.Request) error {
	f, c, err := s.find(named(r))
	if err != nil {
		return err
	}
	out := map[string]any{
		"Configuration": qualified(c, named(r)),
		"Code":          map[string]string{"RepositoryType": "S3", "Location": "file://" + c.dir},
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(f.tags) > 0 {
		out["Tags"] = f.tags
	}
	if f.reserved != nil {
		out["Concurrency"] = map[string]int{"ReservedConcurrentExecutions": *f.reserved}
	}
	return reply(w, http.StatusOK, out)
}

// qualified shows the ARN as it was asked for: with an alias, or $LATEST, where that was named.
func qualified(c configuration, ref reference) configuration {
	if ref.qualifier != "" {
		base, _, _ := strings.Cut(c.FunctionArn, ":function:")
		c.FunctionArn = base + ":function:" + c.FunctionName + ":" + ref.qualifier
	}
	return c
}

func (s *Service) deleteFunction(w http.ResponseWriter, r *http.Request) error {
	if err := s.remove(named(r)); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (s *Service) getConfiguration(w http.ResponseWriter, r *http.Request) error {
	_, c, err := s.find(named(r))
	if err != nil {
		return err
	}
	return reply(w, http.StatusOK, qualified(c, named(r)))
}

func (s *Service) updateConfiguration(w http.ResponseWriter, r *http.Request) error {
	f, c, err := s.find(reference{name: named(r).name})
	if err != nil {
		return err
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err != nil {
		return invalidJSON()
	}
	if c.settings, err = c.merge(body); err != nil {
		return err
	}
	if err := c.validate(c.PackageType); err != nil {
		return err
	}
	if err := s.checkDeadLetter(r.Context(), c.settings); err != nil {
		return err
	}
	return reply(w, http.StatusOK, s.replace(f, c))
}

func (s *Service) updateCode(w http.ResponseWriter, r *http.Request) error {
	var in struct {
		code
		Architectures   []string
		Publish, DryRun boolean
	}
	if err := decode(r, &in); err != nil {
		return err
	}
	f, c, err := s.find(reference{name: named(r).name})
	if err != nil {
		return err
	}
	d, err := s.take(r.Context(), in.code)
	if err != nil {
		return err
	}
	c.dir, c.CodeSha256, c.CodeSize, c.source = d.dir, d.sha256, d.size, in.code
	if len(in.Architectures) > 0 {
		c.Architectures = in.Architectures
	}
	if in.DryRun {
		return reply(w, http.StatusOK, c)
	}
	c = s.replace(f, c)
	if in.Publish {
		if c, err = s.publish(f.name, ""); err != nil {
			return err
		}
	}
	return reply(w, http.StatusOK, c)
}

// getCodeSigning answers that there is none, which deployment tools ask for.
func (s *Service) getCodeSigning(w http.ResponseWriter, r *http.Request) error {
	if _, _, err := s.find(named(r)); err != nil {
		return err
	}
	return reply(w, http.StatusOK, map[string]string{"FunctionName": named(r).name, "CodeSigningConfigArn": ""})
}

func (s *Service) publishVersion(w http.ResponseWriter, r *http.Request) error {
	var in struct{ Description, CodeSha256 string }
	if err := decode(r, &in); err != nil {
		return err
	}
	_, c, err := s.find(reference{name: named(r).name})
	if err != nil {
		return err
	}
	if in.CodeSha256 != "" && in.CodeSha256 != c.CodeSha256 {
		return invalid("CodeSHA256 (%s) is different from current CodeSHA256 in $LATEST (%s). Please try again with the CodeSHA256 in $LATEST.", in.CodeSha256, c.CodeSha256)
	}
	v, err := s.publish(named(r).name, in.Description)
	if err != nil {
		return err
	}
	return reply(w, http.StatusCreated, v)
}

func (s *Service) listVersions(w http.ResponseWriter, r *http.Request) error {
	f, c, err := s.find(reference{name: named(r).name})
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	all := append([]configuration{qualified(c, reference{c.FunctionName, "$LATEST"})}, f.versions...)
	return reply(w, http.StatusOK, map[string]any{"Versions": all})
}

func (s *Service) createAlias(w http.ResponseWriter, r *http.Request) error {
	var in putAlias
	if err := decode(r, &in); err != nil {
		return err
	}
	a, err := s.setAlias(named(r), in, true)
	if err != nil {
		return err
	}
	return reply(w, http.StatusCreated, a)
}

func (s *Service) updateAlias(w http.ResponseWriter, r *http.Request) error {
	var in putAlias
	if err := decode(r, &in); err != nil {
		return err
	}
	in.Name = r.PathValue("alias")
	a, err := s.setAlias(named(r), in, false)
	if err != nil {
		return err
	}
	return reply(w, http.StatusOK, a)
}

func (s *Service) getAlias(w http.ResponseWriter, r *http.Request) error {
	a, err := s.findAlias(named(r), r.PathValue("alias"))
	if err != nil {
		return err
	}
	return reply(w, http.StatusOK, a)
}

func (s *Service) deleteAlias(w http.ResponseWriter, r *http.Request) error {
	s.removeAlias(named(r), r.PathValue("alias"))
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (s *Service) listAliases(w http.ResponseWriter, r *http.Request) error {
	all, err := s.aliasesOf(named(r))
	if err != nil {
		return err
	}
	return reply(w, http.StatusOK, map[string]any{"Aliases": all})
}

func (s *Service) addPermission(w http.ResponseWriter, r *http.Request) error {
	var in addPermission
	if err := decode(r, &in); err != nil {
		return err
	}
	p, err := s.permit(named(r), in)
	if err != nil {
		return err
	}
	b, err := json.Marshal(p)
	if err != nil {
		return err
	}
	return reply(w, http.StatusCreated, map[string]string{"Statement": string(b)})
}

func (s *Service) getPolicy(w http.ResponseWriter, r *http.Request) error {
	text, err := s.policyText(named(r))
	if err != nil {
		return err
	}
	return reply(w, http.StatusOK, map[string]string{"Policy": text, "RevisionId": wire.NewUUID()})
}

func (s *Service) removePermission(w http.ResponseWriter, r *http.Request) error {
	if err := s.forbid(named(r), r.PathValue("id")); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (s *Service) putConcurrency(w http.ResponseWriter, r *http.Request) error {
	var in struct{ ReservedConcurrentExecutions integer }
	if err := decode(r, &in); err != nil {
		return err
	}
	if err := s.reserve(named(r), new(int(in.ReservedConcurrentExecutions))); err != nil {
		return err
	}
	return reply(w, http.StatusOK, in)
}

func (s *Service) deleteConcurrency(w http.ResponseWriter, r *http.Request) error {
	if err := s.reserve(named(r), nil); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// reserve sets how many invocations a function may have at once; nil takes that away.
func (s *Service) reserve(ref reference, n *int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.functions[ref.name]
	if f == nil {
		return s.noFunction(ref)
	}
	f.reserved = n
	return nil
}

func (s *Service) getConcurrency(w http.ResponseWriter, r *http.Request) error {
	f, _, err := s.find(named(r))
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	out := map[string]int{}
	if f.reserved != nil {
		out["ReservedConcurrentExecutions"] = *f.reserved
	}
	return reply(w, http.StatusOK, out)
}

func (s *Service) listTags(w http.ResponseWriter, r *http.Request) error {
	tags, err := s.changeTags(r, func(map[string]string) {})
	if err != nil {
		return err
	}
	return reply(w, http.StatusOK, map[string]any{"Tags": tags})
}

func (s *Service) tag(w http.ResponseWriter, r *http.Request) error {
	var in struct{ Tags map[string]string }
	if err := decode(r, &in); err != nil {
		return err
	}
	if _, err := s.changeTags(r, func(tags map[string]string) { maps.Copy(tags, in.Tags) }); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (s *Service) untag(w http.ResponseWriter, r *http.Request) error {
	_, err := s.changeTags(r, func(tags map[string]string) {
		for _, k := range r.URL.Query()["tagKeys"] {
			delete(tags, k)
		}
	})
	if err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// changeTags replaces a function's tags by a changed copy.
func (s *Service) changeTags(r *http.Request, change func(map[string]string)) (map[string]string, error) {
	ref := parseReference(r.PathValue("arn"))
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.functions[ref.name]
	if f == nil {
		return nil, notFound("Function not found: %s", r.PathValue("arn"))
	}
	tags := maps.Clone(f.tags)
	if tags == nil {
		tags = map[string]string{}
	}
	change(tags)
	f.tags = tags
	return tags, nil
}
