package wire

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
)

// Answer writes an answer of a service that speaks the JSON 1.1 protocol.
func Answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // a client that left needs no answer
}

// Refuse writes an error as that protocol has it. One that is no *Error is a failure of ours.
func Refuse(w http.ResponseWriter, err error) {
	known := &Error{Code: "InternalFailure", Message: err.Error(), Status: http.StatusInternalServerError}
	errors.As(err, &known)
	status := known.Status
	if status == 0 {
		status = http.StatusBadRequest
	}
	Answer(w, status, map[string]string{"__type": known.Code, "message": known.Message})
}

// NewUUID returns a random one, the form of most ids.
func NewUUID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand)
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
