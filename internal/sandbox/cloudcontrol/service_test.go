package cloudcontrol_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/driftless-gitops/driftless/internal/sandbox/cloudcontrol"
	"github.com/driftless-gitops/driftless/internal/sandbox/wire"
)

func TestOneResourceIsReadAndAllElseIsRefusedByName(t *testing.T) {
	handler := cloudcontrol.New(cloudcontrol.Config{
		Caller: func(*http.Request) (string, string) { return "111122223333", "eu-west-1" },
		Live: func(_ context.Context, account, region, kind, identifier string) (map[string]any, error) {
			switch {
			case account != "111122223333" || region != "eu-west-1":
				t.Errorf("asked in %s %s", account, region)
			case kind != "AWS::SQS::Queue":
				return nil, &wire.Error{Code: "UnsupportedActionException", Message: "cannot read " + kind}
			}
			return map[string]any{"DelaySeconds": 5, "QueueUrl": identifier}, nil
		}})
	for name, c := range map[string]struct {
		target, body, want string
		status             int
	}{
		"a resource": {"CloudApiService.GetResource", `{"TypeName":"AWS::SQS::Queue","Identifier":"q"}`,
			`{"ResourceDescription":{"Identifier":"q","Properties":"{\"DelaySeconds\":5,\"QueueUrl\":\"q\"}"},"TypeName":"AWS::SQS::Queue"}`, 200},
		"a type that cannot be read": {"CloudApiService.GetResource", `{"TypeName":"AWS::X::Y","Identifier":"q"}`, `{"__type":"UnsupportedActionException","message":"cannot read AWS::X::Y"}`, 400},
		"a resource without a name":  {"CloudApiService.GetResource", `{"TypeName":"AWS::SQS::Queue"}`, `{"__type":"ValidationException","message":"1 validation error detected: TypeName and Identifier must not be null"}`, 400},
		"another action":             {"CloudApiService.UpdateResource", `{}`, `{"__type":"UnsupportedActionException","message":"The sandbox's Cloud Control does not have the action UpdateResource"}`, 400},
		"no JSON":                    {"CloudApiService.GetResource", `{`, `{"__type":"SerializationException","message":"unexpected EOF"}`, 400},
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(c.body))
			r.Header.Set("X-Amz-Target", c.target)
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, r)
			if got := strings.TrimSpace(w.Body.String()); got != c.want || w.Code != c.status {
				t.Errorf("%d %s", w.Code, got)
			}
		})
	}
}
