// Package spawn starts the users' processes: each a session of its own, in its cgroup and in the users' PID namespace.
package spawn

import (
	"fmt"
	"os"
	"runtime"
	"syscall"

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
	// Descriptors become 0, 1 and 2.
	Descriptors [3]uintptr
	// Cgroup is a directory's descriptor; below 0: the agent's own.
	Cgroup int
	// Namespace is a PID namespace's descriptor; below 0: the agent's own.
	Namespace int
}

// Process is a started child that has not been waited for.
type Process struct {
	PID        int
	Descriptor int
}

// Start returns when the child runs its program or could not.
func Start(command *Command) (Process, error) {
	descriptor := -1
	attributes := &syscall.ProcAttr{
		Dir:   command.WorkingDirectory,
		Env:   command.Environment,
		Files: command.Descriptors[:],
		Sys:   &syscall.SysProcAttr{Setsid: true, PidFD: &descriptor},
	}
	if command.Cgroup >= 0 {
		attributes.Sys.UseCgroupFD, attributes.Sys.CgroupFD = true, command.Cgroup
	}
	if os.Geteuid() == 0 {
		attributes.Sys.Credential = &syscall.Credential{Uid: command.UserID, Gid: command.GroupID, Groups: command.Groups}
	}
	leave, err := enter(command.Namespace)
	if err != nil {
		return Process{}, err
	}
	defer leave()
	pid, err := syscall.ForkExec(command.Path, command.Argv, attributes)
	if err != nil {
		return Process{}, err
	}
	if err := syscall.SetNonblock(descriptor, true); err != nil {
		return Process{}, fmt.Errorf("pidfd of %d: %w", pid, err)
	}
	return Process{PID: pid, Descriptor: descriptor}, nil
}

var ownNamespace = -1

// UseNamespaces tells the package the agent's own PID namespace; without it Command.Namespace cannot be used.
func UseNamespaces(own int) { ownNamespace = own }

// enter makes children of this thread be born in a PID namespace, until leave is called.
func enter(namespace int) (leave func(), err error) {
	if namespace < 0 {
		return func() {}, nil
	}
	runtime.LockOSThread()
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
