package api

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strconv"

	"alcove.dev/agent/failure"
	"alcove.dev/agent/files"
)

func (s *Server) readFile(writer http.ResponseWriter, request *http.Request) error {
	query, path, err := s.fileQuery(request, "offset", "length", "exchange")
	if err != nil {
		return err
	}
	offset, length := query.number("offset", 0), query.number("length", -1)
	if query.err != nil {
		return query.err
	}
	file, err := files.OpenForReading(path, offset, length)
	if err != nil {
		return err
	}
	defer file.Close()
	asBytes(writer)
	header := writer.Header()
	header.Set("X-Alcove-Size", strconv.FormatInt(file.Size, 10))
	header.Set("X-Alcove-Mode", strconv.FormatUint(uint64(file.Mode), 8))
	header.Set("X-Alcove-Modified", strconv.FormatInt(file.ModifiedUnixMs, 10))
	header.Set("X-Alcove-Version", file.Version)
	return s.sendFile(writer, request, query, file)
}

func (s *Server) writeFile(writer http.ResponseWriter, request *http.Request) error {
	query, path, err := s.fileQuery(request, "mode", "user", "createDirs", "sync", "exchange")
	if err != nil {
		return err
	}
	options := files.WriteOptions{CreateParents: query.flag("createDirs", false), Sync: query.flag("sync", true), SizeHint: request.ContentLength}
	if query.err != nil {
		return query.err
	}
	if options.Mode, err = modeOf(query.text("mode")); err != nil {
		return err
	}
	if options.Owner, err = s.ownerOf(query.text("user")); err != nil {
		return err
	}
	return s.receive(writer, request, query, func(content io.Reader) (any, error) {
		written, err := files.Write(path, content, options)
		return map[string]int64{"bytesWritten": written}, err
	})
}

func (s *Server) removeFile(writer http.ResponseWriter, request *http.Request) error {
	query, path, err := s.fileQuery(request, "recursive")
	if err != nil {
		return err
	}
	recursive := query.flag("recursive", false)
	if query.err != nil {
		return query.err
	}
	return done(writer, files.Remove(path, recursive))
}

func (s *Server) statFile(writer http.ResponseWriter, request *http.Request) error {
	query, path, err := s.fileQuery(request, "follow")
	if err != nil {
		return err
	}
	follow := query.flag("follow", false)
	if query.err != nil {
		return query.err
	}
	entry, err := files.Stat(path, follow)
	if err != nil {
		return err
	}
	respond(writer, http.StatusOK, entry)
	return nil
}

func (s *Server) listFiles(writer http.ResponseWriter, request *http.Request) error {
	_, path, err := s.fileQuery(request)
	if err != nil {
		return err
	}
	listing, err := files.List(path)
	if err != nil {
		return err
	}
	respond(writer, http.StatusOK, listing)
	return nil
}

func (s *Server) makeDirectory(writer http.ResponseWriter, request *http.Request) error {
	var asked struct {
		Path          string `json:"path"`
		CreateParents bool   `json:"createParents"`
		Mode          string `json:"mode"`
	}
	if err := s.fileBody(request, &asked); err != nil {
		return err
	}
	if err := files.CheckPath(asked.Path); err != nil {
		return err
	}
	mode, err := modeOf(asked.Mode)
	if err != nil {
		return err
	}
	return done(writer, files.MakeDirectory(asked.Path, asked.CreateParents, mode))
}

func (s *Server) linkFile(writer http.ResponseWriter, request *http.Request) error {
	var asked struct {
		Path   string `json:"path"`
		Target string `json:"target"`
	}
	if err := s.fileBody(request, &asked); err != nil {
		return err
	}
	if err := files.CheckPath(asked.Path); err != nil {
		return err
	}
	return done(writer, files.Link(asked.Path, asked.Target))
}

// watchFiles tells changes, one a line, until the daemon hangs up. It takes no turn of the other calls on files: it may last.
func (s *Server) watchFiles(writer http.ResponseWriter, request *http.Request) error {
	query, path, err := s.fileQuery(request, "recursive")
	if err != nil {
		return err
	}
	recursive := query.flag("recursive", false)
	if query.err != nil {
		return query.err
	}
	select {
	case s.watches <- struct{}{}:
		defer func() { <-s.watches }()
	default:
		return failure.New(failure.TooManyRequests, "%d watches are open already.", watchCalls)
	}
	watch, err := files.OpenWatch(path, recursive)
	if err != nil {
		return err
	}
	defer watch.Close()
	asBytes(writer)
	answer := newFlushed(writer)
	if err := answer.send(nil); err != nil {
		return err
	}
	return watch.Run(request.Context(), func(events []files.Event) error {
		var lines bytes.Buffer
		encoder := json.NewEncoder(&lines)
		for _, event := range events {
			encoder.Encode(event)
		}
		return answer.send(lines.Bytes())
	})
}

func (s *Server) moveFile(writer http.ResponseWriter, request *http.Request) error {
	var asked struct {
		From      string `json:"from"`
		To        string `json:"to"`
		Overwrite bool   `json:"overwrite"`
	}
	if err := s.fileBody(request, &asked); err != nil {
		return err
	}
	for _, path := range []string{asked.From, asked.To} {
		if err := files.CheckPath(path); err != nil {
			return err
		}
	}
	return done(writer, files.Move(asked.From, asked.To, asked.Overwrite))
}

func (s *Server) readArchive(writer http.ResponseWriter, request *http.Request) error {
	query, path, err := s.fileQuery(request, "exchange")
	if err != nil {
		return err
	}
	archive, err := files.OpenArchive(path)
	if err != nil {
		return err
	}
	defer archive.Close()
	writer.Header()["Content-Type"] = []string{"application/x-tar"}
	writer.Header()["Date"] = nil
	return s.send(writer, request, query, func(to io.Writer) error { return archive.WriteTo(request.Context(), to) })
}

func (s *Server) writeArchive(writer http.ResponseWriter, request *http.Request) error {
	query, path, err := s.fileQuery(request, "user", "exchange")
	if err != nil {
		return err
	}
	owner, err := s.ownerOf(query.text("user"))
	if err != nil {
		return err
	}
	return s.receive(writer, request, query, func(content io.Reader) (any, error) {
		entries, err := files.Extract(path, content, owner)
		return map[string]int{"entries": entries}, err
	})
}
