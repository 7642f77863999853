// Package execs runs the users' commands and keeps their output for whoever comes to read it.
//
// exec.go what one exec is · start.go how it begins · ending.go how it ends · journal.go, reader.go, frames.go its output
// · stdin.go its input · terminal.go its terminal, where it has one · registry.go all of them.
package execs

import (
	"context"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"alcove.dev/agent/cgroups"
	"alcove.dev/agent/failure"
	"alcove.dev/agent/spawn"
)

// Exec is one command, from its start until it is deleted.
type Exec struct {
	ID      string
	argv    []string
	started time.Time
	journal *Journal
	stdin   *stdin
	group   *cgroups.Group
	// terminal is nil where input and output are pipes.
	terminal *terminal
	// attached reads from before the process began, for the first who streams.
	attached *Reader
	// forget: nobody wants to know of the exec once its end was delivered. The registry keeps delivered.
	forget, delivered bool
	// finished is closed when the exec has ended and all its output is in the journal.
	finished chan struct{}

	mutex    sync.Mutex
	process  spawn.Process // until it has been waited for
	pid      int           // in the users' PID namespace
	hasEnded bool
	ended    time.Time
	exitCode int
	signal   string
	timedOut bool
}

// Signal sends a signal, named without SIG, to the exec's process group.
func (e *Exec) Signal(name string) error {
	number := unix.SignalNum("SIG" + strings.TrimPrefix(name, "SIG"))
	if number == 0 {
		return failure.New(failure.InvalidRequest, "There is no signal called %q.", name)
	}
	return e.send(number)
}

func (e *Exec) send(number syscall.Signal) error {
	e.mutex.Lock()
	defer e.mutex.Unlock()
	if e.hasEnded || e.process.PID == 0 {
		return failure.New(failure.ExecEnded, "Exec %s has ended.", e.ID)
	}
	if err := syscall.Kill(-e.process.PID, number); err != nil && err != syscall.ESRCH {
		return failure.FromSystem(err, "send a signal to exec "+e.ID)
	}
	return nil
}

// killAll ends the main process and everything that it started.
func (e *Exec) killAll() {
	e.mutex.Lock()
	defer e.mutex.Unlock()
	if e.hasEnded || e.process.PID == 0 {
		return
	}
	if e.group != nil {
		e.group.Kill()
	}
	syscall.Kill(-e.process.PID, syscall.SIGKILL)
}

// Stop asks the process group to end, and kills everything after grace (0: at once). It returns when the exec has ended.
func (e *Exec) Stop(ctx context.Context, grace time.Duration) error {
	if grace > 0 && e.askToEnd() == nil {
		select {
		case <-e.finished:
			return nil
		case <-ctx.Done():
		case <-time.After(grace):
		}
	}
	e.killAll()
	select {
	case <-e.finished:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// askToEnd tells what runs in a terminal that the line is cut, since shells there let SIGTERM pass.
func (e *Exec) askToEnd() error {
	if e.terminal == nil {
		return e.send(syscall.SIGTERM)
	}
	if err := e.send(syscall.SIGHUP); err != nil {
		return err
	}
	return e.send(syscall.SIGCONT)
}

// Wait returns when the exec has ended, the time is over or the context has ended.
func (e *Exec) Wait(ctx context.Context, within time.Duration) {
	timer := time.NewTimer(within)
	defer timer.Stop()
	select {
	case <-e.finished:
	case <-timer.C:
	case <-ctx.Done():
	}
}

// Processes lists the exec's processes by their numbers in the agent's PID namespace.
func (e *Exec) Processes() []int {
	e.mutex.Lock()
	defer e.mutex.Unlock()
	if e.hasEnded || e.process.PID == 0 {
		return nil
	}
	if e.group == nil {
		return []int{e.process.PID}
	}
	return e.group.Processes()
}
