package api

import (
	"bytes"
	"encoding/pem"
	"net/http"

	"alcove.dev/agent/execs"
	"alcove.dev/agent/failure"
)

// Health is who the agent is.
type Health struct {
	Version    string `json:"version"`
	Generation uint64 `json:"generation"`
	BootID     string `json:"bootId"`
	UptimeMs   int64  `json:"uptimeMs"`
}

// Renewal is what makes a restored sandbox one of its own.
type Renewal struct {
	Generation  uint64            `json:"generation"`
	Hostname    string            `json:"hostname"`
	MachineID   string            `json:"machineId"`
	UnixNanos   int64             `json:"unixNanos,string"`
	Entropy     []byte            `json:"entropy"`
	Environment map[string]string `json:"environment"`
	Thaw        bool              `json:"thaw"`
	// Seeded: the entropy was given to repeat a run, and programs are told what follows from it.
	Seeded bool `json:"seeded"`
	// Certificates is PEM: whom programs trust besides those whom the image has them trust. Empty: nobody.
	Certificates string `json:"certificates"`
}

// Preparation turns a booted machine into a template's content.
type Preparation struct {
	DiskBytes int64      `json:"diskBytes"`
	Warm      [][]string `json:"warm"`
}

// Stats are the sandbox's figures of the moment.
type Stats struct {
	CPUUsageUsec     int64   `json:"cpuUsageUsec"`
	MemoryUsedBytes  int64   `json:"memoryUsedBytes"`
	MemoryTotalBytes int64   `json:"memoryTotalBytes"`
	DiskUsedBytes    int64   `json:"diskUsedBytes"`
	DiskTotalBytes   int64   `json:"diskTotalBytes"`
	ProcessCount     int     `json:"processCount"`
	LoadAverage1m    float64 `json:"loadAverage1m"`
	UptimeMs         int64   `json:"uptimeMs"`
	UnixNanos        int64   `json:"unixNanos,string"`
}

// Process is one of the users' processes, numbered as they see it.
type Process struct {
	PID             int    `json:"pid"`
	ParentPID       int    `json:"parentPid"`
	User            string `json:"user"`
	State           string `json:"state"`
	Command         string `json:"command"`
	StartedAtUnixMs int64  `json:"startedAtUnixMs"`
	CPUUsec         int64  `json:"cpuUsec"`
	ResidentBytes   int64  `json:"residentBytes"`
	ExecID          string `json:"execId,omitempty"`
}

const smallestEntropyBytes = 64

func (s *Server) health(writer http.ResponseWriter, _ *http.Request) error {
	respond(writer, http.StatusOK, s.Machine.Health())
	return nil
}

func (s *Server) renew(writer http.ResponseWriter, request *http.Request) error {
	var renewal Renewal
	if err := body(request, &renewal); err != nil {
		return err
	}
	if err := checkRenewal(&renewal); err != nil {
		return err
	}
	s.Execs.SetEnvironment(renewal.Environment)
	if err := s.Machine.Renew(renewal); err != nil {
		return err
	}
	respond(writer, http.StatusOK, map[string]uint64{"generation": s.Machine.Generation()})
	return nil
}

func checkRenewal(renewal *Renewal) error {
	switch {
	case len(renewal.Entropy) < smallestEntropyBytes:
		return failure.New(failure.InvalidRequest, "entropy must have %d bytes or more, but has %d.", smallestEntropyBytes, len(renewal.Entropy))
	case renewal.UnixNanos <= 0:
		return failure.New(failure.InvalidRequest, "unixNanos must be the time now, not %d.", renewal.UnixNanos)
	case renewal.Hostname == "" || len(renewal.Hostname) > 63:
		return failure.New(failure.InvalidRequest, "hostname must have 1 to 63 characters, not %q.", renewal.Hostname)
	case renewal.MachineID == "":
		return failure.New(failure.InvalidRequest, "machineId must not be empty.")
	case renewal.Certificates != "" && !onlyCertificates([]byte(renewal.Certificates)):
		return failure.New(failure.InvalidRequest, "certificates must be certificates in PEM, and nothing else.")
	}
	for name, value := range renewal.Environment {
		if err := execs.ValidateVariable(name, value); err != nil {
			return err
		}
	}
	return nil
}

func onlyCertificates(text []byte) bool {
	for len(bytes.TrimSpace(text)) > 0 {
		block, rest := pem.Decode(text)
		if block == nil || block.Type != "CERTIFICATE" {
			return false
		}
		text = rest
	}
	return true
}

func (s *Server) freeze(writer http.ResponseWriter, request *http.Request) error {
	var asked struct {
		TimeoutMs int64 `json:"timeoutMs"`
	}
	if err := body(request, &asked); err != nil {
		return err
	}
	frozen, err := s.Machine.Freeze(asked.TimeoutMs)
	if err != nil {
		return err
	}
	respond(writer, http.StatusOK, map[string]bool{"frozen": frozen})
	return nil
}

func (s *Server) thaw(writer http.ResponseWriter, request *http.Request) error {
	if err := body(request, &struct{}{}); err != nil {
		return err
	}
	return done(writer, s.Machine.Thaw())
}

func (s *Server) prepare(writer http.ResponseWriter, request *http.Request) error {
	var preparation Preparation
	if err := body(request, &preparation); err != nil {
		return err
	}
	return done(writer, s.Machine.Prepare(preparation))
}

func (s *Server) stats(writer http.ResponseWriter, _ *http.Request) error {
	stats, err := s.Machine.Stats()
	if err != nil {
		return err
	}
	respond(writer, http.StatusOK, stats)
	return nil
}

func (s *Server) processes(writer http.ResponseWriter, _ *http.Request) error {
	list, err := s.Machine.Processes()
	if err != nil {
		return err
	}
	respond(writer, http.StatusOK, map[string][]Process{"processes": list})
	return nil
}

func (s *Server) shutdown(writer http.ResponseWriter, request *http.Request) error {
	if err := body(request, &struct{}{}); err != nil {
		return err
	}
	respond(writer, http.StatusOK, struct{}{})
	s.Machine.Shutdown()
	return nil
}

func unknownCall(_ http.ResponseWriter, request *http.Request) error {
	return failure.New(failure.InvalidRequest, "There is no call %s %s.", request.Method, request.URL.Path)
}

// done answers {} or the failure.
func done(writer http.ResponseWriter, err error) error {
	if err != nil {
		return err
	}
	respond(writer, http.StatusOK, struct{}{})
	return nil
}
