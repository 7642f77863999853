package spawn

import (
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// step is one system call of the child. The assembly knows its layout.
type step struct {
	number    uintptr // and then its result
	arguments [5]uintptr
}

// outcome is what the child and the kernel write.
type outcome struct {
	errorNumber uintptr // of the step that failed; the assembly knows that it comes first
	pending     int32   // 1 until the child has left the agent's memory
	pidfd       int32
}

func (o *outcome) isPending() bool { return atomic.LoadInt32(&o.pending) != 0 }

func (o *outcome) waitWhilePending(within time.Duration) {
	limit := unix.NsecToTimespec(within.Nanoseconds())
	const futexWait = 0
	unix.Syscall6(unix.SYS_FUTEX, uintptr(unsafe.Pointer(&o.pending)), futexWait, 1, uintptr(unsafe.Pointer(&limit)), 0, 0)
}

// program is what a child does from its birth to execve, and all memory that it reads meanwhile. Go's heap does not move, so
// plain addresses into it hold as long as the program is kept.
type program struct {
	steps    []step
	text     []byte
	pointers []uintptr
	groups   []uint32
	result   *outcome
	mask     uint64
}

// usualSlackNanos is the timer slack that Linux gives to every process.
const usualSlackNanos = 50_000

var programs = sync.Pool{New: func() any { return &program{result: &outcome{}} }}

// release lets the program's memory be used again, once the child reads it no more.
func (p *program) release() { programs.Put(p) }

// numberInside is the child's own word for its number, once it runs its program: the session that it began.
func (p *program) numberInside() int { return int(p.steps[0].number) }

func assemble(command *Command) (*program, error) {
	p := programs.Get().(*program)
	p.steps, p.pointers = p.steps[:0], p.pointers[:0]
	*p.result = outcome{pending: 1}
	if err := p.write(command); err != nil {
		return nil, err
	}
	p.call(unix.SYS_SETSID)
	if isRoot() {
		p.groups = append(p.groups[:0], command.Groups...)
		p.call(unix.SYS_SETGROUPS, uintptr(len(p.groups)), uintptr(unsafe.Pointer(unsafe.SliceData(p.groups))))
		group, user := uintptr(command.GroupID), uintptr(command.UserID)
		p.call(unix.SYS_SETRESGID, group, group, group)
		p.call(unix.SYS_SETRESUID, user, user, user)
	}
	// Addresses are: path, working directory, argv and its end, environment and its end.
	p.call(unix.SYS_CHDIR, p.pointers[1])
	for target, descriptor := range command.Descriptors {
		p.call(unix.SYS_DUP3, uintptr(descriptor), uintptr(target), 0)
	}
	if command.Terminal {
		p.call(unix.SYS_IOCTL, 0, unix.TIOCSCTTY, 0)
	}
	p.call(unix.SYS_PRCTL, unix.PR_SET_TIMERSLACK, usualSlackNanos)
	const setMask, maskBytes = 2, 8
	p.call(unix.SYS_RT_SIGPROCMASK, setMask, uintptr(unsafe.Pointer(&p.mask)), 0, maskBytes)
	const argvIndex = 2
	environmentIndex := argvIndex + len(command.Argv) + 1
	p.call(unix.SYS_EXECVE, p.pointers[0], uintptr(unsafe.Pointer(&p.pointers[argvIndex])), uintptr(unsafe.Pointer(&p.pointers[environmentIndex])))
	return p, nil
}

func (p *program) call(number uintptr, arguments ...uintptr) {
	next := step{number: number}
	copy(next.arguments[:], arguments)
	p.steps = append(p.steps, next)
}

// write lays out all strings, each with its zero byte, and their addresses.
func (p *program) write(command *Command) error {
	size := len(command.Path) + len(command.WorkingDirectory) + 2
	for _, list := range [][]string{command.Argv, command.Environment} {
		for _, text := range list {
			size += len(text) + 1
		}
	}
	if cap(p.text) < size {
		p.text = make([]byte, 0, size)
	}
	p.text = p.text[:0]
	if err := p.strings(command.Path, command.WorkingDirectory); err != nil {
		return err
	}
	if err := p.strings(command.Argv...); err != nil {
		return err
	}
	p.pointers = append(p.pointers, 0)
	if err := p.strings(command.Environment...); err != nil {
		return err
	}
	p.pointers = append(p.pointers, 0)
	return nil
}

func (p *program) strings(texts ...string) error {
	for _, text := range texts {
		if strings.IndexByte(text, 0) >= 0 {
			return unix.EINVAL
		}
		p.pointers = append(p.pointers, uintptr(unsafe.Pointer(unsafe.SliceData(p.text)))+uintptr(len(p.text)))
		p.text = append(append(p.text, text...), 0)
	}
	return nil
}
