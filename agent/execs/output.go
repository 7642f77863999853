package execs

import (
	"os"
	"runtime"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	readBytes = largestPiece
	// bulkBytes in one read mean that a process is writing a lot.
	bulkBytes = 4 << 10
)

var readBuffers = sync.Pool{New: func() any { return new([readBytes]byte) }}

// pump moves one of the process' streams into the journal. A buffer is taken only when there is something to read, so
// thousands of silent processes hold none.
type pump struct {
	kind    Kind
	file    *os.File
	journal *Journal
	done    chan struct{}
	// bulk: the last read was a large one.
	bulk bool
}

func startPump(kind Kind, file *os.File, journal *Journal) *pump {
	p := &pump{kind: kind, file: file, journal: journal, done: make(chan struct{})}
	go p.run()
	return p
}

func (p *pump) run() {
	defer close(p.done)
	defer p.file.Close()
	raw, err := p.file.SyscallConn()
	if err != nil {
		return
	}
	ended := false
	for err == nil && !ended {
		err = raw.Read(func(descriptor uintptr) (ready bool) {
			ready, ended = p.move(int(descriptor))
			return ready
		})
	}
	if !ended {
		// The process is gone (see finish): what the pipe still holds is the rest.
		raw.Control(func(descriptor uintptr) {
			for ready := true; ready && !ended; {
				ready, ended = p.move(int(descriptor))
			}
		})
	}
}

// move reads once. It answers not ready when the pipe is empty, and ended at its end.
func (p *pump) move(descriptor int) (ready, ended bool) {
	buffer := readBuffers.Get().(*[readBytes]byte)
	defer readBuffers.Put(buffer)
	count, err := syscall.Read(descriptor, buffer[:])
	switch {
	case err == syscall.EAGAIN && p.bulk:
		// Lets the writer fill the pipe: else each of its writes would wake the agent for a small read.
		p.bulk = false
		unix.RawSyscall(unix.SYS_SCHED_YIELD, 0, 0, 0)
		return true, false
	case err == syscall.EAGAIN:
		return false, false
	case err == syscall.EINTR:
		return true, false
	case err != nil || count == 0:
		return true, true
	}
	p.journal.Append(p.kind, buffer[:count])
	if p.bulk = count >= bulkBytes; p.bulk {
		// Readers first: what fills a journal faster than they empty it only waits there.
		runtime.Gosched()
	}
	return true, false
}

// finish reads what is left and returns; it does not wait for a process elsewhere that holds the pipe open.
func (p *pump) finish() {
	p.file.SetReadDeadline(time.Unix(1, 0))
	<-p.done
}
