package execs

import "time"

// State says whether an exec's main process has ended.
type State string

const (
	Running State = "Running"
	Exited  State = "Exited"
)

// Status is what is known of an exec. Offsets of output count the bytes kept: stdoutBytes + stderrBytes is the offset of the
// next byte, droppedBytes are past an output limit and have none.
type Status struct {
	ID              string   `json:"id"`
	Argv            []string `json:"argv"`
	PID             int      `json:"pid"`
	State           State    `json:"state"`
	ExitCode        *int     `json:"exitCode,omitempty"`
	Signal          string   `json:"signal,omitempty"`
	TimedOut        bool     `json:"timedOut"`
	StartedAtUnixMs int64    `json:"startedAtUnixMs"`
	EndedAtUnixMs   int64    `json:"endedAtUnixMs,omitempty"`
	StdoutBytes     int64    `json:"stdoutBytes"`
	StderrBytes     int64    `json:"stderrBytes"`
	// DroppedBytes are of both streams, and so many of them of stderr.
	DroppedBytes       int64   `json:"droppedBytes"`
	StderrDroppedBytes int64   `json:"stderrDroppedBytes"`
	StdinOpen          bool    `json:"stdinOpen"`
	DurationMs         float64 `json:"durationMs"`
	// Terminal is left out where there is none.
	Terminal *TerminalSize `json:"terminal,omitempty"`
}

// Status reads the exec as it is now.
func (e *Exec) Status() *Status {
	e.mutex.Lock()
	defer e.mutex.Unlock()
	counts := e.journal.Counts()
	status := &Status{
		ID: e.ID, Argv: e.argv, PID: e.pid, State: Running, TimedOut: e.timedOut,
		StartedAtUnixMs: e.started.UnixMilli(), StdoutBytes: counts.Stdout, StderrBytes: counts.Stderr,
		DroppedBytes: counts.StdoutDropped + counts.StderrDropped, StderrDroppedBytes: counts.StderrDropped, StdinOpen: e.stdin.open(), DurationMs: milliseconds(time.Since(e.started)),
	}
	if e.terminal != nil {
		size := e.terminal.size
		status.Terminal = &size
	}
	if e.hasEnded {
		status.State = Exited
		status.ExitCode, status.Signal = &e.exitCode, e.signal
		status.EndedAtUnixMs = e.ended.UnixMilli()
		status.DurationMs = milliseconds(e.ended.Sub(e.started))
	}
	return status
}

func milliseconds(duration time.Duration) float64 {
	return float64(duration.Microseconds()) / 1000
}
