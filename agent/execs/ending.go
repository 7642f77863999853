package execs

import (
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"alcove.dev/agent/spawn"
)

// killDeadline is how long the last processes of an exec may take to die; one that hangs in the kernel may never.
const killDeadline = 5 * time.Second

// follow sees the exec to its end: main process exits → everything else in its cgroup is killed → pipes are read empty → end.
func (l *launch) follow() {
	e := l.exec
	stdout := startPump(KindStdout, l.pipes.stdout, e.journal)
	finishStderr := func() {}
	if l.pipes.stderr != nil {
		finishStderr = startPump(KindStderr, l.pipes.stderr, e.journal).finish
	}
	status := waitFor(e.process)
	e.mutex.Lock()
	reaped := e.process
	e.process = spawn.Process{}
	e.mutex.Unlock()
	if e.group == nil {
		syscall.Kill(-reaped.PID, syscall.SIGKILL)
	} else if e.group.Empty(killDeadline) == nil {
		l.sandbox.Cgroups.Give(e.group)
	}
	e.journal.release()
	stdout.finish()
	finishStderr()
	e.stdin.close()
	if e.terminal != nil {
		e.terminal.release()
	}
	l.finish(func(e *Exec) { e.setExit(status) })
}

// finish says that the exec has ended, with what set knows about how.
func (l *launch) finish(set func(*Exec)) {
	e := l.exec
	e.mutex.Lock()
	set(e)
	e.hasEnded, e.ended = true, time.Now()
	e.mutex.Unlock()
	e.journal.finish()
	close(e.finished)
}

func (e *Exec) setExit(status unix.WaitStatus) {
	if status.Signaled() {
		e.signal = signalName(status.Signal())
		e.exitCode = 128 + int(status.Signal())
		return
	}
	e.exitCode = status.ExitStatus()
}

func signalName(number syscall.Signal) string {
	name := unix.SignalName(number)
	if len(name) > 3 {
		return name[3:]
	}
	return number.String()
}

func (e *Exec) timeOut() {
	e.mutex.Lock()
	if !e.hasEnded && e.process.PID != 0 {
		e.timedOut = true
	}
	e.mutex.Unlock()
	e.killAll()
}

// waitFor waits for the process without holding a thread.
func waitFor(process spawn.Process) unix.WaitStatus {
	file := os.NewFile(uintptr(process.Descriptor), "pidfd")
	defer file.Close()
	var status unix.WaitStatus
	reap := func(options int) bool {
		for {
			pid, err := unix.Wait4(process.PID, &status, options, nil)
			if err != unix.EINTR {
				return err != nil || pid == process.PID
			}
		}
	}
	raw, err := file.SyscallConn()
	if err == nil {
		err = raw.Read(func(uintptr) bool { return reap(unix.WNOHANG) })
	}
	if err != nil {
		reap(0)
	}
	return status
}
