package machine

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"sync"

	"golang.org/x/sys/unix"

	"alcove.dev/agent/exchange"
	"alcove.dev/agent/failure"
	"alcove.dev/agent/layers"
)

const (
	// builtRoot is where the disk of an image is mounted while it is built. Nothing of ours lies in it, and nothing of it is run.
	builtRoot = "/built-disk"
	// builderMemoryBytes is what unpacking may take: the machine does nothing else.
	builderMemoryBytes = 192 << 20
)

// buildDisk is the root disk of a machine that builds an image.
type buildDisk struct {
	working sync.Mutex
	isOpen  bool
	// broken is why the disk is of no use any more: a layer was left half unpacked.
	broken error
}

// OpenDisk mounts the root disk beside everything else. A machine that has done so is never prepared.
func (m *Machine) OpenDisk() error {
	m.preparing.Lock()
	defer m.preparing.Unlock()
	m.build.working.Lock()
	defer m.build.working.Unlock()
	if m.build.isOpen {
		return nil
	}
	if m.prepared.Load() {
		return failure.New(failure.InvalidRequest, "The root disk is in use: the sandbox has been prepared.")
	}
	if err := m.mountBuilt(); err != nil {
		return failure.New(failure.InternalError, "The disk could not be opened: %v.", err)
	}
	debug.SetMemoryLimit(builderMemoryBytes)
	m.build.isOpen = true
	return nil
}

func (m *Machine) mountBuilt() error {
	var err error
	if m.exchange, err = exchange.Find("/sys/block", "/dev"); err != nil && !errors.Is(err, exchange.ErrNoDisk) {
		return err
	}
	if err := os.MkdirAll(builtRoot, 0o700); err != nil {
		return err
	}
	const flags = unix.MS_NOATIME | unix.MS_NODEV | unix.MS_NOSUID | unix.MS_NOEXEC
	if err := unix.Mount(rootDevice, builtRoot, "ext4", flags, rootOptions); err != nil {
		return fmt.Errorf("mount %s as ext4: %w", rootDevice, err)
	}
	return nil
}

// ApplyLayer unpacks one layer over what is on the disk.
func (m *Machine) ApplyLayer(layer io.Reader) (layers.Unpacked, error) {
	m.build.working.Lock()
	defer m.build.working.Unlock()
	if err := m.build.usable(); err != nil {
		return layers.Unpacked{}, err
	}
	unpacked, err := layers.Apply(builtRoot, layer)
	m.build.broken = err
	return unpacked, err
}

// FinishDisk adds what every sandbox needs, writes all of it to the disk and lets go of it.
func (m *Machine) FinishDisk() (layers.Used, error) {
	m.build.working.Lock()
	defer m.build.working.Unlock()
	if err := m.build.usable(); err != nil {
		return layers.Used{}, err
	}
	if err := layers.Settle(builtRoot); err != nil {
		m.build.broken = err
		return layers.Used{}, err
	}
	used, err := unmountBuilt()
	m.build.isOpen = err != nil
	return used, err
}

func (b *buildDisk) inUse() bool {
	b.working.Lock()
	defer b.working.Unlock()
	return b.isOpen
}

func (b *buildDisk) usable() error {
	if !b.isOpen {
		return failure.New(failure.NotPrepared, "The disk has not been opened.")
	}
	if b.broken != nil {
		return failure.New(failure.InvalidRequest, "A layer before this was refused, and the disk is of no use: %s", failure.From(b.broken).Message)
	}
	return nil
}

func unmountBuilt() (layers.Used, error) {
	root, err := os.Open(builtRoot)
	if err != nil {
		return layers.Used{}, err
	}
	defer root.Close()
	if err := unix.Syncfs(int(root.Fd())); err != nil {
		return layers.Used{}, failure.FromSystem(err, "write the disk")
	}
	var status unix.Statfs_t
	if err := unix.Fstatfs(int(root.Fd()), &status); err != nil {
		return layers.Used{}, err
	}
	root.Close()
	if err := unix.Unmount(builtRoot, 0); err != nil {
		return layers.Used{}, failure.FromSystem(err, "let go of the disk")
	}
	used := int64(status.Blocks-status.Bfree) * status.Bsize
	return layers.Used{Files: int64(status.Files - status.Ffree), Bytes: used}, nil
}
