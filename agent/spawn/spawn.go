// Package spawn starts the users' processes: each a session of its own, in its cgroup and in the users' PID namespace.
//
// It does not use os/exec. There the parent's thread stands still, inside the kernel and out of the scheduler's reach, until the child
// runs its program; a program on a file system that never answers, or a frozen cgroup, would stop the whole agent. Here the
// child is a list of system calls (program.go), run by a few instructions of assembly (clone_*.s) on the agent's memory, and the parent
// waits like for any other system call, with a deadline.
package spawn

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Command is what to start and how.
type Command struct {
	Path             string
	Argv             []string
	Environment      []string
	WorkingDirectory string
	UserID, GroupID  uint32
	Groups           []uint32
	// Descriptors become 0, 1 and 2; they must not be among these three.
	Descriptors [3]int
	// Terminal: descriptor 0 is a terminal, and controls the new session.
	Terminal bool
	// Cgroup is a directory's descriptor; below 0: the agent's own.
	Cgroup int
	// Namespace is a PID namespace's descriptor; below 0: the agent's own.
	Namespace int
}

// Process is a started child that has not been waited for.
type Process struct {
	PID int
	// Inside is its number in the PID namespace that it was started in.
	Inside int
	// Descriptor is a pidfd, and does not block.
	Descriptor int
}

// ErrTooSlow means that a program did not begin to run in time.
var ErrTooSlow = errors.New("it did not begin to run in time")

const startDeadline = 30 * time.Second

// cloneArguments is struct clone_args of clone3(2).
type cloneArguments struct {
	flags, pidfd, childTID, parentTID, exitSignal uint64
	stack, stackSize, tls, setTID, setTIDSize     uint64
	cgroup                                        uint64
}

// cloneAndRun makes a child that shares the memory and runs the program in it; the child writes to result when a step fails. It
// returns the child's number, or a negated error number. All signals must be blocked.
//
//go:noescape
func cloneAndRun(arguments *cloneArguments, size uintptr, program *step, result *outcome) int

// Start returns when the child runs its program or could not. Where a system call of the child failed, the error is its number.
func Start(command *Command) (Process, error) {
	running, err := assemble(command)
	if err != nil {
		return Process{}, err
	}
	process, err := running.clone(command)
	if err != nil {
		return Process{}, err
	}
	if err := running.await(process); err != nil {
		// An unkillable child still reads what it was given, so that is never used again.
		reap(process, errors.Is(err, ErrTooSlow))
		return Process{}, err
	}
	process.Inside = running.numberInside()
	running.release()
	if err := syscall.SetNonblock(process.Descriptor, true); err != nil {
		return Process{}, fmt.Errorf("pidfd of %d: %w", process.PID, err)
	}
	return process, nil
}

// clone makes the child, from a thread that is in the users' PID namespace for the moment and takes no signals.
func (p *program) clone(command *Command) (Process, error) {
	arguments := &cloneArguments{
		flags:      unix.CLONE_VM | unix.CLONE_PIDFD | unix.CLONE_CLEAR_SIGHAND | unix.CLONE_CHILD_CLEARTID,
		pidfd:      uint64(uintptr(unsafe.Pointer(&p.result.pidfd))),
		childTID:   uint64(uintptr(unsafe.Pointer(&p.result.pending))),
		exitSignal: uint64(unix.SIGCHLD),
	}
	if command.Cgroup >= 0 {
		arguments.flags |= unix.CLONE_INTO_CGROUP
		arguments.cgroup = uint64(command.Cgroup)
	}
	leave, err := enter(command.Namespace)
	if err != nil {
		return Process{}, err
	}
	defer leave()
	all, before := allSignals, unix.Sigset_t{}
	if err := unix.PthreadSigmask(unix.SIG_SETMASK, &all, &before); err != nil {
		return Process{}, fmt.Errorf("block signals: %w", err)
	}
	pid := cloneAndRun(arguments, unsafe.Sizeof(*arguments), &p.steps[0], p.result)
	unix.PthreadSigmask(unix.SIG_SETMASK, &before, nil)
	runtime.KeepAlive(arguments)
	if pid < 0 {
		return Process{}, syscall.Errno(-pid)
	}
	return Process{PID: pid, Descriptor: int(p.result.pidfd)}, nil
}

var allSignals = func() (set unix.Sigset_t) {
	for index := range set.Val {
		set.Val[index] = ^uint64(0)
	}
	return set
}()

// await returns when the child has left the agent's memory: by running its program, or by ending. The kernel clears and wakes
// result.pending then (CLONE_CHILD_CLEARTID).
func (p *program) await(process Process) error {
	deadline := time.Now().Add(startDeadline)
	for p.result.isPending() {
		left := time.Until(deadline)
		if left <= 0 {
			unix.PidfdSendSignal(process.Descriptor, unix.SIGKILL, nil, 0)
			return ErrTooSlow
		}
		p.result.waitWhilePending(left)
	}
	if p.result.errorNumber != 0 {
		return syscall.Errno(p.result.errorNumber)
	}
	return nil
}

// reap waits for a child that did not come to run its program; later, where it may take its time to die.
func reap(process Process, later bool) {
	wait := func() {
		defer unix.Close(process.Descriptor)
		for {
			if _, err := unix.Wait4(process.PID, nil, 0, nil); err != unix.EINTR {
				return
			}
		}
	}
	if later {
		go wait()
		return
	}
	wait()
}

var ownNamespace = -1

// UseNamespaces tells the package the agent's own PID namespace; without it Command.Namespace cannot be used.
func UseNamespaces(own int) { ownNamespace = own }

// enter makes children of this thread be born in a PID namespace, until leave is called.
func enter(namespace int) (leave func(), err error) {
	runtime.LockOSThread()
	if namespace < 0 {
		return runtime.UnlockOSThread, nil
	}
	if err := unix.Setns(namespace, unix.CLONE_NEWPID); err != nil {
		runtime.UnlockOSThread()
		return nil, fmt.Errorf("enter the users' PID namespace: %w", err)
	}
	return func() {
		// A thread that cannot come back stays locked, and ends with its goroutine.
		if unix.Setns(ownNamespace, unix.CLONE_NEWPID) == nil {
			runtime.UnlockOSThread()
		}
	}, nil
}

func isRoot() bool { return os.Geteuid() == 0 }
