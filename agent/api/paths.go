package api

import (
	"net/http"
	"strconv"
	"time"

	"alcove.dev/agent/failure"
	"alcove.dev/agent/files"
)

// fileQuery reads the query of a call on one path.
func (s *Server) fileQuery(request *http.Request, known ...string) (*query, string, error) {
	if err := s.Machine.Prepared(); err != nil {
		return nil, "", err
	}
	query, err := queryOf(request, append(known, "path")...)
	if err != nil {
		return nil, "", err
	}
	path := query.text("path")
	return query, path, files.CheckPath(path)
}

func (s *Server) fileBody(request *http.Request, value any) error {
	if err := s.Machine.Prepared(); err != nil {
		return err
	}
	return body(request, value)
}

// modeOf reads permission bits in octal; nil means that none were given.
func modeOf(text string) (*uint32, error) {
	if text == "" {
		return nil, nil
	}
	mode, err := strconv.ParseUint(text, 8, 32)
	if err != nil || mode > 0o7777 {
		return nil, failure.New(failure.InvalidRequest, "mode must be octal permission bits, not %q.", text)
	}
	bits := uint32(mode)
	return &bits, nil
}

// ownerOf looks up whom a file shall belong to; nil means that nobody was named.
func (s *Server) ownerOf(spec string) (*files.Owner, error) {
	if spec == "" {
		return nil, nil
	}
	user, err := s.Book.Find(spec)
	if err != nil {
		return nil, err
	}
	return &files.Owner{UserID: int(user.UserID), GroupID: int(user.GroupID)}, nil
}

// fileCalls is how many calls on files run at once. A file system that never answers takes those that touch it, and no more.
const (
	fileCalls    = 64
	turnDeadline = 30 * time.Second
)

// watchCalls is how many watches may be open at once.
const watchCalls = 16

// onFiles makes a handler wait for its turn.
func (s *Server) onFiles(handle handler) handler {
	return func(writer http.ResponseWriter, request *http.Request) error {
		select {
		case s.turns <- struct{}{}:
			defer func() { <-s.turns }()
			return handle(writer, request)
		case <-request.Context().Done():
			return request.Context().Err()
		case <-time.After(turnDeadline):
			return failure.New(failure.InternalError, "%d calls on files have been running for %v and more: the sandbox's file systems do not answer.", fileCalls, turnDeadline)
		}
	}
}
