package execs

import (
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"alcove.dev/agent/failure"
)

// stdin is the agent's end of a process' input.
type stdin struct {
	writing sync.Mutex
	file    *os.File
	isOpen  atomic.Bool
}

const stdinBufferBytes = 64 << 10

// endOfFile is Ctrl-D.
const endOfFile = "\x04"

// newStdin takes the pipe's outer end; nil means that the process reads nothing.
func newStdin(file *os.File) *stdin {
	input := &stdin{file: file}
	input.isOpen.Store(file != nil)
	return input
}

func (s *stdin) open() bool { return s != nil && s.isOpen.Load() }

func (s *stdin) close() {
	if s != nil && s.isOpen.Swap(false) {
		s.file.Close()
	}
}

// WriteStdin passes source on to the process, no faster than it reads, and then closes its input if asked to.
func (e *Exec) WriteStdin(ctx context.Context, source io.Reader, closeAfter bool) (int64, error) {
	e.mutex.Lock()
	input := e.stdin
	e.mutex.Unlock()
	closed := failure.New(failure.StdinClosed, "Exec %s has no open stdin.", e.ID)
	if !input.open() {
		return 0, closed
	}
	input.writing.Lock()
	defer input.writing.Unlock()
	if !input.open() {
		return 0, closed
	}
	input.file.SetWriteDeadline(time.Time{})
	defer context.AfterFunc(ctx, func() { input.file.SetWriteDeadline(time.Unix(1, 0)) })()
	if closeAfter && e.terminal != nil {
		// A terminal's input has no end: its programs are told of one by a character.
		source, closeAfter = io.MultiReader(source, strings.NewReader(endOfFile)), false
	}
	written, err := io.CopyBuffer(plainWriter{input.file}, source, make([]byte, stdinBufferBytes))
	if errors.Is(err, syscall.EPIPE) || errors.Is(err, os.ErrClosed) {
		input.close()
		return written, closed
	}
	if err == nil && closeAfter {
		input.close()
	}
	return written, err
}

// plainWriter hides ReadFrom, so that CopyBuffer uses the buffer it was given.
type plainWriter struct{ io.Writer }
