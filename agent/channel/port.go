package channel

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Port is a virtio-serial port. The kernel hands out what the host wrote in buffers of one page, one buffer a read; a
// vectored read of whole pages takes many at once.
//
// A host that hangs up and comes back at once is not noticed: the kernel may have seen both before the agent looks. But each
// connection's bytes begin in a buffer of their own, and a hello is sent alone. So a buffer that is a hello and nothing else begins a
// new session, whatever frame the old one was in.
type Port struct {
	file    *os.File
	raw     syscall.RawConn
	vectors [readVectors]unix.Iovec
	// hello is what came in the midst of a session; announced, once the reader knows that the session is over.
	hello     []byte
	announced bool
}

var errNewSession = errors.New("the host began a new session")

const (
	pageBytes   = 4096
	readVectors = 64
)

// FindPort returns the device of the virtio-serial port with this name, looked up under sys (usually /sys) and dev.
func FindPort(sys, dev, name string) (string, error) {
	names, err := filepath.Glob(filepath.Join(sys, "class/virtio-ports/*/name"))
	if err != nil {
		return "", err
	}
	for _, path := range names {
		content, err := os.ReadFile(path)
		if err == nil && strings.TrimSpace(string(content)) == name {
			return filepath.Join(dev, filepath.Base(filepath.Dir(path))), nil
		}
	}
	return "", fmt.Errorf("no virtio-serial port is called %q (%d ports seen)", name, len(names))
}

// OpenPort opens a port; the kernel lets nobody else open it meanwhile.
func OpenPort(device string) (*Port, error) {
	descriptor, err := unix.Open(device, unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", device, err)
	}
	file := os.NewFile(uintptr(descriptor), device)
	raw, err := file.SyscallConn()
	if err != nil {
		return nil, err
	}
	return &Port{file: file, raw: raw}, nil
}

// WaitPeer waits on the port's wait queue: poll itself would report the hang-up again and again, and the end of file as
// something to read.
func (p *Port) WaitPeer() error {
	return p.raw.Read(func(descriptor uintptr) bool {
		poll := []unix.PollFd{{Fd: int32(descriptor), Events: unix.POLLIN}}
		if _, err := unix.Poll(poll, 0); err != nil {
			return false
		}
		return poll[0].Revents&unix.POLLHUP == 0
	})
}

func (p *Port) Read(into []byte) (count int, err error) {
	if len(into) == 0 {
		return 0, nil
	}
	if p.hello != nil {
		return p.readHello(into)
	}
	waitErr := p.raw.Read(func(descriptor uintptr) bool {
		for {
			if count, err = p.readOnce(descriptor, into); err != unix.EINTR {
				return err != unix.EAGAIN
			}
		}
	})
	switch {
	case waitErr != nil:
		return 0, waitErr
	case err != nil:
		return 0, err
	case count == 0:
		return 0, io.EOF
	}
	if before := count - helloBytes; count%pageBytes == helloBytes && string(into[before:before+magicBytes]) == helloMagic {
		p.hello, p.announced = bytes.Clone(into[before:count]), false
		if before == 0 {
			return p.readHello(into)
		}
		count = before
	}
	return count, nil
}

// readHello ends the session that the hello came in, and gives the hello to the next.
func (p *Port) readHello(into []byte) (int, error) {
	if !p.announced {
		p.announced = true
		return 0, errNewSession
	}
	count := copy(into, p.hello)
	p.hello = p.hello[count:]
	if len(p.hello) == 0 {
		p.hello = nil
	}
	return count, nil
}

func (p *Port) readOnce(descriptor uintptr, into []byte) (int, error) {
	vectors := p.vectors[:0]
	for len(into) > 0 && len(vectors) < readVectors {
		size := min(len(into), pageBytes)
		vector := unix.Iovec{Base: &into[0]}
		vector.SetLen(size)
		vectors = append(vectors, vector)
		into = into[size:]
	}
	count, _, number := unix.Syscall(unix.SYS_READV, descriptor, uintptr(unsafe.Pointer(&vectors[0])), uintptr(len(vectors)))
	if number != 0 {
		return 0, number
	}
	return int(count), nil
}

func (p *Port) Write(from []byte) (int, error)          { return p.file.Write(from) }
func (p *Port) HangUp()                                 {}
func (p *Port) SetReadDeadline(moment time.Time) error  { return p.file.SetReadDeadline(moment) }
func (p *Port) SetWriteDeadline(moment time.Time) error { return p.file.SetWriteDeadline(moment) }
