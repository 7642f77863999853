package api

import (
	"net/http"
	"time"

	"alcove.dev/agent/execs"
	"alcove.dev/agent/failure"
)

// stopGrace is how long a deleted exec may take to end by itself.
const stopGrace = 2 * time.Second

func (s *Server) startExec(writer http.ResponseWriter, request *http.Request) error {
	var spec execs.Spec
	if err := body(request, &spec); err != nil {
		return err
	}
	if err := s.Machine.Prepared(); err != nil {
		return err
	}
	exec, err := s.Execs.Start(&spec)
	if err != nil {
		return err
	}
	if spec.Attach {
		return s.stream(writer, request, exec, 0)
	}
	respond(writer, http.StatusOK, exec.Status())
	return nil
}

func (s *Server) stream(writer http.ResponseWriter, request *http.Request, exec *execs.Exec, offset int64) error {
	asBytes(writer)
	controller := http.NewResponseController(writer)
	if err := exec.Stream(request.Context(), offset, writer, controller.Flush); err != nil {
		return err
	}
	s.Execs.Delivered(exec)
	return nil
}

func (s *Server) listExecs(writer http.ResponseWriter, _ *http.Request) error {
	statuses := []*execs.Status{}
	for _, exec := range s.Execs.All() {
		statuses = append(statuses, exec.Status())
	}
	respond(writer, http.StatusOK, map[string]any{"execs": statuses})
	return nil
}

func (s *Server) getExec(writer http.ResponseWriter, request *http.Request) error {
	exec, err := s.Execs.Find(request.PathValue("id"))
	if err != nil {
		return err
	}
	query, err := queryOf(request, "waitMs")
	if err != nil {
		return err
	}
	if waitMs := query.number("waitMs", 0); waitMs > 0 {
		exec.Wait(request.Context(), time.Duration(waitMs)*time.Millisecond)
	}
	if query.err != nil {
		return query.err
	}
	respond(writer, http.StatusOK, exec.Status())
	return nil
}

func (s *Server) readOutput(writer http.ResponseWriter, request *http.Request) error {
	exec, err := s.Execs.Find(request.PathValue("id"))
	if err != nil {
		return err
	}
	query, err := queryOf(request, "offset", "log")
	if err != nil {
		return err
	}
	offset, isLog := query.number("offset", 0), query.flag("log", false)
	if query.err != nil {
		return query.err
	}
	if isLog {
		asBytes(writer)
		return exec.Log(request.Context(), offset, writer, http.NewResponseController(writer).Flush)
	}
	return s.stream(writer, request, exec, offset)
}

func (s *Server) writeStdin(writer http.ResponseWriter, request *http.Request) error {
	exec, err := s.Execs.Find(request.PathValue("id"))
	if err != nil {
		return err
	}
	query, err := queryOf(request, "close")
	if err != nil {
		return err
	}
	closeAfter := query.flag("close", false)
	if query.err != nil {
		return query.err
	}
	written, err := exec.WriteStdin(request.Context(), request.Body, closeAfter)
	if err != nil {
		return err
	}
	respond(writer, http.StatusOK, map[string]int64{"bytesWritten": written})
	return nil
}

func (s *Server) signalExec(writer http.ResponseWriter, request *http.Request) error {
	exec, err := s.Execs.Find(request.PathValue("id"))
	if err != nil {
		return err
	}
	var asked struct {
		Signal string `json:"signal"`
	}
	if err := body(request, &asked); err != nil {
		return err
	}
	return done(writer, exec.Signal(asked.Signal))
}

func (s *Server) resizeTerminal(writer http.ResponseWriter, request *http.Request) error {
	exec, err := s.Execs.Find(request.PathValue("id"))
	if err != nil {
		return err
	}
	var size execs.TerminalSize
	if err := body(request, &size); err != nil {
		return err
	}
	return done(writer, exec.Resize(size))
}

func (s *Server) deleteExec(writer http.ResponseWriter, request *http.Request) error {
	exec, err := s.Execs.Find(request.PathValue("id"))
	if err != nil {
		return err
	}
	query, err := queryOf(request, "force")
	if err != nil {
		return err
	}
	grace := stopGrace
	if query.flag("force", false) {
		grace = 0
	}
	if query.err != nil {
		return query.err
	}
	if err := exec.Stop(request.Context(), grace); err != nil {
		return failure.New(failure.InternalError, "Exec %s did not end: %v.", exec.ID, err)
	}
	s.Execs.Forget(exec)
	return done(writer, nil)
}
