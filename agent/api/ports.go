package api

import (
	"net/http"
	"strconv"

	"alcove.dev/agent/failure"
	"alcove.dev/agent/ports"
)

// portCalls is how many connections to ports there may be at once.
const portCalls = 1000

// connectPort is a connection to a port for as long as the call lasts.
func (s *Server) connectPort(writer http.ResponseWriter, request *http.Request) error {
	port, err := strconv.ParseUint(request.PathValue("port"), 10, 16)
	if err != nil || port == 0 {
		return failure.New(failure.InvalidRequest, "There is no port %q.", request.PathValue("port"))
	}
	if err := s.Machine.Prepared(); err != nil {
		return err
	}
	select {
	case s.ports <- struct{}{}:
		defer func() { <-s.ports }()
	default:
		return failure.New(failure.TooManyRequests, "There are %d connections to ports already.", portCalls)
	}
	conn, err := ports.Dial(request.Context(), uint16(port))
	if err != nil {
		return err
	}
	defer conn.Close()
	asBytes(writer)
	answer := newFlushed(writer)
	if err := answer.send(nil); err != nil {
		return err
	}
	return ports.Carry(conn, request.Body, answer.send)
}
