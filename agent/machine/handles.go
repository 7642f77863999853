package machine

import (
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// privateMount mounts a file system that no path leads to, so that no umount or mount of a user can take it away.
func privateMount(kind string) (int, error) {
	context, err := unix.Fsopen(kind, unix.FSOPEN_CLOEXEC)
	if err != nil {
		return -1, fmt.Errorf("fsopen %s: %w", kind, err)
	}
	defer unix.Close(context)
	if err := unix.FsconfigCreate(context); err != nil {
		return -1, fmt.Errorf("fsconfig %s: %w", kind, err)
	}
	descriptor, err := unix.Fsmount(context, unix.FSMOUNT_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("fsmount %s: %w", kind, err)
	}
	return descriptor, nil
}

// proc is a /proc that belongs to the agent: a descriptor of its root.
type proc int

// read returns a whole file of at most 64 KiB.
func (p proc) read(path string) ([]byte, error) {
	file, err := p.open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return io.ReadAll(io.LimitReader(file, 64<<10))
}

func (p proc) write(path, content string) error {
	descriptor, err := unix.Openat(int(p), path, unix.O_WRONLY|unix.O_CLOEXEC, 0)
	if err == nil {
		_, err = unix.Write(descriptor, []byte(content))
		unix.Close(descriptor)
	}
	if err != nil {
		return fmt.Errorf("write /proc/%s: %w", path, err)
	}
	return nil
}

func (p proc) open(path string) (*os.File, error) {
	descriptor, err := unix.Openat(int(p), path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open /proc/%s: %w", path, err)
	}
	return os.NewFile(uintptr(descriptor), path), nil
}
