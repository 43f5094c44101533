package lambda

import (
	"encoding/json"
	"io"
	"net/http"
)

func (s *Service) createFunctionURL(w http.ResponseWriter, r *http.Request) error {
	var in putURL
	if err := decode(r, &in); err != nil {
		return err
	}
	u, err := s.createURL(named(r), in)
	if err != nil {
		return err
	}
	return reply(w, http.StatusCreated, s.showURL(u))
}

func (s *Service) getFunctionURL(w http.ResponseWriter, r *http.Request) error {
	u, err := s.urlOf(named(r))
	if err != nil {
		return err
	}
	return reply(w, http.StatusOK, s.showURL(u))
}

func (s *Service) updateFunctionURL(w http.ResponseWriter, r *http.Request) error {
	var in putURL
	if err := decode(r, &in); err != nil {
		return err
	}
	u, err := s.updateURL(named(r), in)
	if err != nil {
		return err
	}
	return reply(w, http.StatusOK, s.showURL(u))
}

func (s *Service) deleteFunctionURL(w http.ResponseWriter, r *http.Request) error {
	if err := s.removeURL(named(r)); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (s *Service) listFunctionURLs(w http.ResponseWriter, r *http.Request) error {
	if _, _, err := s.find(reference{name: named(r).name}); err != nil {
		return err
	}
	all := []map[string]any{}
	for _, u := range s.urlsOf(named(r).name) {
		all = append(all, s.showURL(u))
	}
	return reply(w, http.StatusOK, map[string]any{"FunctionUrlConfigs": all})
}

func (s *Service) putInvokes(w http.ResponseWriter, r *http.Request) error {
	return s.setInvokes(w, r, false)
}

func (s *Service) updateInvokes(w http.ResponseWriter, r *http.Request) error {
	return s.setInvokes(w, r, true)
}

func (s *Service) setInvokes(w http.ResponseWriter, r *http.Request, merge bool) error {
	var in eventInvokeConfig
	if err := decode(r, &in); err != nil {
		return err
	}
	c, err := s.configureInvokes(named(r), in, merge)
	if err != nil {
		return err
	}
	return reply(w, http.StatusOK, s.showInvokes(named(r), c))
}

func (s *Service) showInvokes(ref reference, c eventInvokeConfig) any {
	return struct {
		eventInvokeConfig
		FunctionArn string
	}{c, s.arn(ref.name, ref.or("$LATEST").qualifier)}
}

func (s *Service) getInvokes(w http.ResponseWriter, r *http.Request) error {
	c, ok := s.invokesOf(named(r))
	if !ok {
		return notFound("The function %s doesn't have an EventInvokeConfig", s.arn(named(r).name, named(r).or("$LATEST").qualifier))
	}
	return reply(w, http.StatusOK, s.showInvokes(named(r), c))
}

func (s *Service) deleteInvokes(w http.ResponseWriter, r *http.Request) error {
	s.removeInvokes(named(r))
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (s *Service) createEventSourceMapping(w http.ResponseWriter, r *http.Request) error {
	var in putMapping
	if err := decode(r, &in); err != nil {
		return err
	}
	m, err := s.createMapping(r.Context(), in)
	if err != nil {
		return err
	}
	return reply(w, http.StatusAccepted, m)
}

func (s *Service) listEventSourceMappings(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	return reply(w, http.StatusOK, map[string]any{"EventSourceMappings": s.mappingsOf(q.Get("EventSourceArn"), q.Get("FunctionName"))})
}

func (s *Service) getEventSourceMapping(w http.ResponseWriter, r *http.Request) error {
	m, err := s.findMapping(r.PathValue("uuid"))
	if err != nil {
		return err
	}
	return reply(w, http.StatusOK, m)
}

// updateEventSourceMapping changes what the request names and leaves the rest.
func (s *Service) updateEventSourceMapping(w http.ResponseWriter, r *http.Request) error {
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err != nil {
		return invalidJSON()
	}
	m, err := s.updateMapping(r.Context(), r.PathValue("uuid"), func(old mapping) (putMapping, error) {
		in := putMapping{mappingSettings: old.clone()}
		if json.Unmarshal(body, &in) != nil {
			return in, invalidJSON()
		}
		return in, nil
	})
	if err != nil {
		return err
	}
	return reply(w, http.StatusAccepted, m)
}

func (s *Service) deleteEventSourceMapping(w http.ResponseWriter, r *http.Request) error {
	m, err := s.removeMapping(r.PathValue("uuid"))
	if err != nil {
		return err
	}
	return reply(w, http.StatusAccepted, m)
}
