package api

import (
	"bufio"
	"io"
	"net/http"
)

// smallReads is for layers that come in the request's body, which gives little at a time.
const smallReads = 256 << 10

func (s *Server) openDisk(writer http.ResponseWriter, request *http.Request) error {
	if err := body(request, &struct{}{}); err != nil {
		return err
	}
	return done(writer, s.Machine.OpenDisk())
}

func (s *Server) applyLayer(writer http.ResponseWriter, request *http.Request) error {
	query, err := queryOf(request, "exchange")
	if err != nil {
		return err
	}
	return s.receive(writer, request, query, func(content io.Reader) (any, error) {
		if content == request.Body {
			content = bufio.NewReaderSize(content, smallReads)
		}
		return s.Machine.ApplyLayer(content)
	})
}

func (s *Server) finishDisk(writer http.ResponseWriter, request *http.Request) error {
	if err := body(request, &struct{}{}); err != nil {
		return err
	}
	used, err := s.Machine.FinishDisk()
	if err != nil {
		return err
	}
	respond(writer, http.StatusOK, used)
	return nil
}
