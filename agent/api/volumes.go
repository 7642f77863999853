package api

import (
	"net/http"

	"alcove.dev/agent/failure"
)

// VolumeMount is a data disk and where it goes.
type VolumeMount struct {
	Serial   string `json:"serial"`
	Path     string `json:"path"`
	ReadOnly bool   `json:"readOnly"`
}

func (s *Server) mountVolume(writer http.ResponseWriter, request *http.Request) error {
	var volume VolumeMount
	if err := body(request, &volume); err != nil {
		return err
	}
	if err := s.Machine.Prepared(); err != nil {
		return err
	}
	if volume.Serial == "" {
		return failure.New(failure.InvalidRequest, "serial must not be empty.")
	}
	if len(volume.Path) < 2 || volume.Path[0] != '/' {
		return failure.New(failure.InvalidRequest, "path must be an absolute path, not %q.", volume.Path)
	}
	return done(writer, s.Machine.MountVolume(volume))
}

func (s *Server) unmountVolume(writer http.ResponseWriter, request *http.Request) error {
	var asked struct {
		Serial string `json:"serial"`
	}
	if err := body(request, &asked); err != nil {
		return err
	}
	return done(writer, s.Machine.UnmountVolume(asked.Serial))
}

func (s *Server) syncVolumes(writer http.ResponseWriter, request *http.Request) error {
	if err := body(request, &struct{}{}); err != nil {
		return err
	}
	return done(writer, s.Machine.SyncVolumes())
}
