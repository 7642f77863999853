package execs

import (
	"os"
	"strconv"

	"golang.org/x/sys/unix"

	"alcove.dev/agent/failure"
)

// TerminalSize is in characters.
type TerminalSize struct {
	Rows    int `json:"rows"`
	Columns int `json:"columns"`
}

// largestTerminal bounds rows and columns: programs hold a cell for each place.
const largestTerminal = 4096

func (s *TerminalSize) validate() error {
	if s.Rows < 1 || s.Rows > largestTerminal || s.Columns < 1 || s.Columns > largestTerminal {
		return failure.New(failure.InvalidRequest, "A terminal has 1 to %d rows and columns, not %d by %d.", largestTerminal, s.Rows, s.Columns)
	}
	return nil
}

// ofTerminal are variables for programs in a terminal, where nobody says otherwise.
func (s *Spec) ofTerminal() map[string]string {
	if s.Terminal == nil {
		return nil
	}
	return map[string]string{"TERM": "xterm-256color", "LANG": "C.UTF-8"}
}

// terminal is the agent's side of a pseudo-terminal whose other side is an exec's input and output.
type terminal struct {
	master *os.File
	// slave is held open while the exec runs, so that one whose processes have all closed it for a moment is not over.
	slave int
	size  TerminalSize
}

// ttyGroup is the group whose members may write to terminals of others, as devpts is mounted with it.
const ttyGroup = 5

// openTerminal makes a pseudo-terminal that belongs to the user.
func openTerminal(size TerminalSize, owner uint32) (*terminal, error) {
	master, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	opened := &terminal{master: os.NewFile(uintptr(master), "terminal"), slave: -1}
	if err := opened.openSlave(master, owner); err != nil {
		opened.close()
		return nil, err
	}
	return opened, opened.resize(size)
}

func (t *terminal) openSlave(master int, owner uint32) error {
	if err := unix.IoctlSetPointerInt(master, unix.TIOCSPTLCK, 0); err != nil {
		return err
	}
	const flags = unix.O_RDWR | unix.O_NOCTTY | unix.O_CLOEXEC
	slave, _, failed := unix.Syscall(unix.SYS_IOCTL, uintptr(master), unix.TIOCGPTPEER, flags)
	if failed != 0 {
		return failed
	}
	t.slave = int(slave)
	if os.Geteuid() == 0 {
		if err := unix.Fchown(t.slave, int(owner), ttyGroup); err != nil {
			return err
		}
	}
	settings, err := unix.IoctlGetTermios(t.slave, unix.TCGETS)
	if err != nil {
		return err
	}
	settings.Iflag |= unix.IUTF8
	return unix.IoctlSetTermios(t.slave, unix.TCSETS, settings)
}

// resize tells the kernel, which tells the processes in the foreground (SIGWINCH).
func (t *terminal) resize(size TerminalSize) error {
	if err := onDescriptor(t.master, func(descriptor int) error {
		return unix.IoctlSetWinsize(descriptor, unix.TIOCSWINSZ, &unix.Winsize{Row: uint16(size.Rows), Col: uint16(size.Columns)})
	}); err != nil {
		return err
	}
	t.size = size
	return nil
}

// duplicate is the agent's side once more, for the one who writes: input and output end at different times.
func (t *terminal) duplicate() (file *os.File, err error) {
	err = onDescriptor(t.master, func(descriptor int) error {
		copied, err := unix.FcntlInt(uintptr(descriptor), unix.F_DUPFD_CLOEXEC, 0)
		if err == nil {
			file = os.NewFile(uintptr(copied), "terminal "+strconv.Itoa(copied))
		}
		return err
	})
	return file, err
}

// release lets go of the slave, when the exec is over.
func (t *terminal) release() {
	if t.slave >= 0 {
		unix.Close(t.slave)
		t.slave = -1
	}
}

func (t *terminal) close() {
	t.release()
	t.master.Close()
}

func onDescriptor(file *os.File, act func(descriptor int) error) error {
	raw, err := file.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	if err := raw.Control(func(descriptor uintptr) { failed = act(int(descriptor)) }); err != nil {
		return err
	}
	return failed
}

// Resize gives an exec's terminal another size.
func (e *Exec) Resize(size TerminalSize) error {
	if err := size.validate(); err != nil {
		return err
	}
	e.mutex.Lock()
	defer e.mutex.Unlock()
	switch {
	case e.terminal == nil:
		return failure.New(failure.InvalidRequest, "Exec %s has no terminal.", e.ID)
	case e.hasEnded || e.process.PID == 0:
		return failure.New(failure.ExecEnded, "Exec %s has ended.", e.ID)
	}
	if err := e.terminal.resize(size); err != nil {
		return failure.FromSystem(err, "resize the terminal of exec "+e.ID)
	}
	return nil
}
