package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"time"

	"alcove.dev/agent/execs"
	"alcove.dev/agent/failure"
)

const bodyBytes = 4 << 20

type handler func(http.ResponseWriter, *http.Request) error

// ServeHTTP answers a failure as {code, message}. One that comes after output has begun can only break the stream.
func (h handler) ServeHTTP(writer http.ResponseWriter, request *http.Request) {
	tracked := &trackedWriter{ResponseWriter: writer}
	if isTraced(request) {
		tracked.timing = &timing{began: time.Now()}
	}
	err := h(tracked, request)
	if err == nil || request.Context().Err() != nil {
		return
	}
	if tracked.begun {
		panic(http.ErrAbortHandler)
	}
	failed := failure.From(err)
	tracked.timing.tell(writer.Header())
	respond(writer, failed.Status(), failed)
}

// trackedWriter knows whether an answer has begun.
type trackedWriter struct {
	http.ResponseWriter
	begun bool
	// timing is nil where nobody wants to know it.
	timing *timing
}

func (t *trackedWriter) WriteHeader(status int) {
	t.timing.tell(t.Header())
	t.ResponseWriter.WriteHeader(status)
}

func (t *trackedWriter) Write(from []byte) (int, error) {
	if !t.begun {
		t.timing.tell(t.Header())
	}
	t.begun = true
	return t.ResponseWriter.Write(from)
}

func (t *trackedWriter) Unwrap() http.ResponseWriter { return t.ResponseWriter }

func respond(writer http.ResponseWriter, status int, value any) {
	content, err := json.Marshal(value)
	if err != nil {
		status, content = http.StatusInternalServerError, []byte(`{"code":"InternalError","message":"The answer could not be written as JSON."}`)
	}
	header := writer.Header()
	header["Content-Type"] = jsonType
	header["Date"] = nil
	writer.WriteHeader(status)
	writer.Write(content)
}

// asBytes says of an answer that it is bytes.
func asBytes(writer http.ResponseWriter) {
	header := writer.Header()
	header["Content-Type"] = bytesType
	header["Date"] = nil
}

var (
	jsonType  = []string{"application/json"}
	bytesType = []string{"application/octet-stream"}
)

// body reads a JSON body into value; an empty body counts as {}.
func body(request *http.Request, value any) error {
	content, err := io.ReadAll(io.LimitReader(request.Body, bodyBytes+1))
	switch {
	case err != nil:
		return failure.New(failure.InvalidRequest, "The body could not be read: %v.", err)
	case len(content) > bodyBytes:
		return failure.New(failure.InvalidRequest, "The body is larger than %d bytes.", bodyBytes)
	case len(content) == 0:
		content = []byte("{}")
	}
	if err := decodeStrictly(content, value); err != nil {
		return failure.New(failure.InvalidRequest, "The body is not what this call takes: %v.", err)
	}
	return nil
}

// learnShapes has encoding/json look at what a sandbox' first calls carry: it does so once for each type, and what it learned is then
// part of every copy of a template.
func learnShapes() {
	for _, value := range []any{&Renewal{}, &execs.Spec{}} {
		decodeStrictly([]byte("{}"), value)
	}
	json.Marshal(map[string]uint64{})
}

func decodeStrictly(content []byte, value any) error {
	decoder := json.NewDecoder(bytes.NewReader(content))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(value); err != nil {
		return err
	}
	if _, err := decoder.Token(); err != io.EOF {
		return errors.New("more follows the JSON value")
	}
	return nil
}
