package api

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"testing"

	"alcove.dev/agent/failure"
)

var told = regexp.MustCompile(`^agent;dur=\d{1,9}\.\d{3}$`)

func TestACallOfATraceIsToldHowLongItTook(t *testing.T) {
	calls := map[string]handler{
		"an answer": func(writer http.ResponseWriter, _ *http.Request) error {
			respond(writer, http.StatusOK, struct{}{})
			return nil
		},
		"bytes": func(writer http.ResponseWriter, _ *http.Request) error {
			_, err := writer.Write([]byte("x"))
			return err
		},
		"a refusal": func(http.ResponseWriter, *http.Request) error {
			return failure.New(failure.InvalidRequest, "No.")
		},
	}
	for name, call := range calls {
		request := httptest.NewRequest("GET", "/health", http.NoBody)
		answer := httptest.NewRecorder()
		call.ServeHTTP(answer, request)
		if got := answer.Result().Header.Get("Server-Timing"); got != "" {
			t.Errorf("%s that nobody traces has %q", name, got)
		}
		request.Header.Set("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
		answer = httptest.NewRecorder()
		call.ServeHTTP(answer, request)
		if got := answer.Result().Header.Get("Server-Timing"); !told.MatchString(got) {
			t.Errorf("%s has %q", name, got)
		}
	}
}
