package cloudformation

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// controlTiming sets how long things take.
func (s *Service) controlTiming(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	var in struct{ ChangeSet, Resource, Stack, CleanUp, Detection, Minute span }
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxRequest))
	d.DisallowUnknownFields()
	if err := d.Decode(&in); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	s.SetTiming(Timing{time.Duration(in.ChangeSet), time.Duration(in.Resource), time.Duration(in.Stack),
		time.Duration(in.CleanUp), time.Duration(in.Detection), time.Duration(in.Minute)})
}

// span is a duration as Go writes it: "3s".
type span time.Duration

func (s *span) UnmarshalJSON(b []byte) error {
	var text string
	if err := json.Unmarshal(b, &text); err != nil {
		return fmt.Errorf("read duration: %w", err)
	}
	d, err := time.ParseDuration(text)
	if err == nil && d < 0 {
		err = fmt.Errorf("duration %s is negative", text)
	}
	*s = span(d)
	return err
}
