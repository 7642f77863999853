package execs

import (
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// pipes connect a process with the agent: the inner ends become its 0, 1 and 2, the outer ends are the agent's and never block. A
// terminal takes their place, and then there is no stderr.
type pipes struct {
	stdin, stdout, stderr *os.File
	innerEnds             []int
	terminal              *terminal
}

// openTerminal makes one terminal all three of them.
func (p *pipes) openTerminal(size TerminalSize, owner uint32) (err error) {
	if p.terminal, err = openTerminal(size, owner); err != nil {
		return err
	}
	p.stdout = p.terminal.master
	p.stdin, err = p.terminal.duplicate()
	return err
}

func (p *pipes) open(withStdin bool) (err error) {
	if p.stdin, err = p.connect(withStdin, 1); err == nil {
		if p.stdout, err = p.connect(true, 0); err == nil {
			p.stderr, err = p.connect(true, 0)
		}
	}
	return err
}

// connect makes one pipe whose outer end is at index outer (0 reads, 1 writes); without one, the process reads nothing.
func (p *pipes) connect(wanted bool, outer int) (*os.File, error) {
	if !wanted {
		null, err := openNull()
		p.innerEnds = append(p.innerEnds, null)
		return nil, err
	}
	var ends [2]int
	if err := unix.Pipe2(ends[:], unix.O_CLOEXEC); err != nil {
		return nil, err
	}
	p.innerEnds = append(p.innerEnds, ends[1-outer])
	if err := unix.SetNonblock(ends[outer], true); err != nil {
		unix.Close(ends[outer])
		return nil, err
	}
	return os.NewFile(uintptr(ends[outer]), "pipe"), nil
}

func (p *pipes) inner() [3]int {
	if p.terminal != nil {
		return [3]int{p.terminal.slave, p.terminal.slave, p.terminal.slave}
	}
	return [3]int(p.innerEnds)
}

func (p *pipes) closeInner() {
	null, _ := openNull()
	for _, end := range p.innerEnds {
		if end != null {
			unix.Close(end)
		}
	}
	p.innerEnds = nil
}

func (p *pipes) closeAll() {
	p.closeInner()
	if p.terminal != nil {
		p.terminal.close()
	}
	for _, file := range []*os.File{p.stdin, p.stdout, p.stderr} {
		if file != nil {
			file.Close()
		}
	}
}

// openNull opens /dev/null once, for every process that has no input.
var openNull = sync.OnceValues(func() (int, error) {
	return unix.Open(os.DevNull, unix.O_RDONLY|unix.O_CLOEXEC, 0)
})
