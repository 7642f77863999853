package machine

import (
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// The users' processes live in a PID namespace of their own: nothing in it can signal, trace or see the agent. Its init is
// this same program, started as UserInitArgument: it mounts /proc for the users, and then sleeps; the kernel buries its orphans.

// UserInitArgument is the argument that makes the program the init of the users' PID namespace.
const UserInitArgument = "user-init"

// RunUserInit is the life of that init. proc is where it mounts the users' /proc, as the agent's initial root names it.
func RunUserInit(procTarget string) error {
	signal.Ignore(unix.SIGCHLD, unix.SIGHUP, unix.SIGINT, unix.SIGTERM)
	os.WriteFile("/proc/self/oom_score_adj", []byte("-1000"), 0)
	flags := uintptr(unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC)
	if err := unix.Mount("proc", procTarget, "proc", flags, ""); err != nil {
		return fmt.Errorf("mount the users' /proc at %s: %w", procTarget, err)
	}
	usersProc, err := privateMount("proc")
	if err != nil {
		return err
	}
	// Standard output is a socket to the agent.
	if err := unix.Sendmsg(1, []byte{1}, unix.UnixRights(usersProc), nil, 0); err != nil {
		return fmt.Errorf("hand over the users' /proc: %w", err)
	}
	unix.Close(usersProc)
	for {
		unix.Poll(nil, -1)
	}
}

// userSpace is the users' PID namespace as the agent holds it.
type userSpace struct {
	mutex     sync.Mutex
	starts    chan chan startedInit
	init      startedInit
	proc      proc // the agent's own, of the whole machine
	procMount string
}

type startedInit struct {
	process   *os.Process
	namespace int  // descriptor
	usersProc proc // the users' /proc, where no user can unmount it
	err       error
	gone      <-chan struct{}
}

// newUserSpace must be called while the initramfs is the agent's root: one thread keeps that root, so that the init can
// be started, and started again, from the program's own file.
func newUserSpace(own proc) *userSpace {
	space := &userSpace{proc: own, starts: make(chan chan startedInit), procMount: newRoot + "/proc"}
	ready := make(chan struct{})
	go func() {
		runtime.LockOSThread()
		unix.Unshare(unix.CLONE_FS)
		close(ready)
		for answer := range space.starts {
			answer <- space.startInit()
		}
	}()
	<-ready
	return space
}

// switched says that the root disk is at / now, as every later init has to find it.
func (s *userSpace) switched() { s.procMount = "/../proc" }

// namespace returns the namespace's descriptor; an init that died is replaced by a new one, with a new namespace.
func (s *userSpace) namespace() (int, error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.init.process != nil {
		select {
		case <-s.init.gone:
			unix.Close(s.init.namespace)
			unix.Close(int(s.init.usersProc))
			s.init = startedInit{}
		default:
			return s.init.namespace, nil
		}
	}
	answer := make(chan startedInit)
	s.starts <- answer
	started := <-answer
	if started.err != nil {
		return -1, started.err
	}
	s.init = started
	return started.namespace, nil
}

func (s *userSpace) usersProc() (proc, error) {
	if _, err := s.namespace(); err != nil {
		return -1, err
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.init.usersProc, nil
}

func (s *userSpace) startInit() startedInit {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return startedInit{err: err}
	}
	ours, theirs := os.NewFile(uintptr(pair[0]), "user-init"), os.NewFile(uintptr(pair[1]), "user-init")
	defer ours.Close()
	process, err := os.StartProcess("/init", []string{"alcove", UserInitArgument, s.procMount}, &os.ProcAttr{
		Dir:   "/",
		Env:   []string{"GOMAXPROCS=1", "GOGC=off"},
		Files: []*os.File{os.Stdin, theirs, os.Stderr},
		Sys:   &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWPID, Setsid: true},
	})
	theirs.Close()
	if err != nil {
		return startedInit{err: fmt.Errorf("start the users' init: %w", err)}
	}
	gone := make(chan struct{})
	go func() {
		process.Wait()
		close(gone)
	}()
	started := startedInit{process: process, gone: gone}
	if started.usersProc, started.err = receiveProc(pair[0]); started.err == nil {
		started.namespace, started.err = unix.Openat(int(s.proc), fmt.Sprintf("%d/ns/pid", process.Pid), unix.O_RDONLY|unix.O_CLOEXEC, 0)
	}
	if started.err != nil {
		process.Kill()
	}
	return started
}

// initDeadline is how long the users' init may take to start.
const initDeadline = 10 * time.Second

func receiveProc(socket int) (proc, error) {
	timeout := unix.NsecToTimeval(initDeadline.Nanoseconds())
	unix.SetsockoptTimeval(socket, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &timeout)
	control := make([]byte, unix.CmsgSpace(4))
	_, length, _, _, err := unix.Recvmsg(socket, make([]byte, 1), control, unix.MSG_CMSG_CLOEXEC)
	if err != nil {
		return -1, fmt.Errorf("wait for the users' init: %w", err)
	}
	messages, err := unix.ParseSocketControlMessage(control[:length])
	if err != nil || len(messages) != 1 {
		return -1, fmt.Errorf("the users' init handed over nothing (%v)", err)
	}
	descriptors, err := unix.ParseUnixRights(&messages[0])
	if err != nil || len(descriptors) != 1 {
		return -1, fmt.Errorf("the users' init handed over no descriptor (%v)", err)
	}
	return proc(descriptors[0]), nil
}
