// Package api is the daemon's side of the agent: PROTOCOL.md as routes. A handler translates; the packages beside it do.
//
// To add a call: 1. its row in PROTOCOL.md; 2. a line in routes below; 3. a handler in the file of its noun.
package api

import (
	"io"
	"net/http"

	"alcove.dev/agent/accounts"
	"alcove.dev/agent/capture"
	"alcove.dev/agent/exchange"
	"alcove.dev/agent/execs"
	"alcove.dev/agent/layers"
)

// Machine is what the calls do to the sandbox as a whole.
type Machine interface {
	Health() Health
	Renew(Renewal) error
	Generation() uint64
	SetAddressRules([]capture.AddressRule) error
	Freeze(timeoutMs int64) (bool, error)
	Thaw() error
	Prepare(Preparation) error
	Prepared() error
	OpenDisk() error
	ApplyLayer(io.Reader) (layers.Unpacked, error)
	FinishDisk() (layers.Used, error)
	Stats() (Stats, error)
	Processes() ([]Process, error)
	MountVolume(VolumeMount) error
	UnmountVolume(serial string) error
	SyncVolumes() error
	Shutdown()
	// Exchange is the disk for large contents; nil where there is none.
	Exchange() *exchange.Device
}

// Server answers the daemon's calls.
type Server struct {
	Machine Machine
	Execs   *execs.Registry
	Book    *accounts.Book
	turns   chan struct{}
	watches chan struct{}
	ports   chan struct{}
}

// Handler routes the calls.
func (s *Server) Handler() http.Handler {
	s.turns = make(chan struct{}, fileCalls)
	s.watches = make(chan struct{}, watchCalls)
	s.ports = make(chan struct{}, portCalls)
	learnShapes()
	routes := map[string]handler{
		"GET /health":                s.health,
		"POST /renew":                s.renew,
		"PUT /network/addresses":     s.setAddressRules,
		"POST /freeze":               s.freeze,
		"POST /thaw":                 s.thaw,
		"POST /prepare":              s.prepare,
		"POST /disk":                 s.openDisk,
		"PUT /disk/layers":           s.applyLayer,
		"POST /disk/finish":          s.finishDisk,
		"GET /stats":                 s.stats,
		"GET /processes":             s.processes,
		"POST /volumes/mount":        s.mountVolume,
		"POST /volumes/unmount":      s.unmountVolume,
		"POST /volumes/sync":         s.syncVolumes,
		"POST /shutdown":             s.shutdown,
		"POST /execs":                s.startExec,
		"GET /execs":                 s.listExecs,
		"GET /execs/{id}":            s.getExec,
		"GET /execs/{id}/output":     s.readOutput,
		"POST /execs/{id}/stdin":     s.writeStdin,
		"POST /execs/{id}/signal":    s.signalExec,
		"PUT /execs/{id}/terminal":   s.resizeTerminal,
		"DELETE /execs/{id}":         s.deleteExec,
		"GET /files":                 s.onFiles(s.readFile),
		"PUT /files":                 s.onFiles(s.writeFile),
		"DELETE /files":              s.onFiles(s.removeFile),
		"GET /files/stat":            s.onFiles(s.statFile),
		"GET /files/list":            s.onFiles(s.listFiles),
		"GET /files/watch":           s.watchFiles,
		"POST /files/mkdir":          s.onFiles(s.makeDirectory),
		"POST /files/move":           s.onFiles(s.moveFile),
		"POST /files/symlink":        s.onFiles(s.linkFile),
		"GET /files/archive":         s.onFiles(s.readArchive),
		"PUT /files/archive":         s.onFiles(s.writeArchive),
		"POST /ports/{port}/connect": s.connectPort,
	}
	mux := http.NewServeMux()
	for pattern, handle := range routes {
		mux.Handle(pattern, handle)
	}
	mux.Handle("/", handler(unknownCall))
	return mux
}
