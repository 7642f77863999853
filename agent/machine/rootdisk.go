package machine

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	rootDevice = "/dev/vda"
	newRoot    = "/root-disk"
	// resizeRequest is EXT4_IOC_RESIZE_FS: _IOW('f', 16, __u64).
	resizeRequest = 0x40086610
	// rootOptions keep the kernel from reading and writing the disk's tables when nobody asked it to: that would go on in every
	// copy of a template anew.
	rootOptions = "noinit_itable,no_prefetch_block_bitmaps"
)

// mountRootDisk mounts the root disk with everything that users expect around it, still beside the initramfs' root.
func mountRootDisk(diskBytes int64) error {
	if err := os.MkdirAll(newRoot, 0o755); err != nil {
		return err
	}
	if err := unix.Mount(rootDevice, newRoot, "ext4", unix.MS_NOATIME, rootOptions); err != nil {
		return fmt.Errorf("mount %s as ext4: %w", rootDevice, err)
	}
	if err := growRootDisk(diskBytes); err != nil {
		return err
	}
	return mountAround()
}

// growRootDisk makes the file system as large as the disk, or as diskBytes where that is less.
func growRootDisk(diskBytes int64) error {
	device, err := os.Open(rootDevice)
	if err != nil {
		return err
	}
	defer device.Close()
	wanted, err := device.Seek(0, 2)
	if err != nil {
		return fmt.Errorf("size of %s: %w", rootDevice, err)
	}
	if diskBytes > 0 {
		wanted = min(wanted, diskBytes)
	}
	root, err := os.Open(newRoot)
	if err != nil {
		return err
	}
	defer root.Close()
	var now unix.Statfs_t
	if err := unix.Fstatfs(int(root.Fd()), &now); err != nil {
		return err
	}
	blocks := uint64(wanted) / uint64(now.Bsize)
	// statfs leaves the file system's own tables out, which take less than a twentieth.
	if now.Blocks > blocks-blocks/20 {
		return nil
	}
	_, _, number := unix.Syscall(unix.SYS_IOCTL, root.Fd(), resizeRequest, uintptr(unsafe.Pointer(&blocks)))
	if number != 0 {
		return fmt.Errorf("grow the root disk to %d bytes: %w", wanted, number)
	}
	return nil
}

// mountAround mounts what belongs around the root disk, except /proc, which only a process of the users' PID namespace can.
func mountAround() error {
	for _, directory := range []string{"proc", "sys", "dev", "run", "tmp", "etc"} {
		if err := makeMissing(directory); err != nil {
			return err
		}
	}
	if err := unix.Mount("/dev", newRoot+"/dev", "", unix.MS_MOVE, ""); err != nil {
		return fmt.Errorf("move /dev: %w", err)
	}
	mounts := []struct {
		kind, target string
		flags        uintptr
		options      string
	}{
		{"sysfs", "/sys", unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC, ""},
		{"tmpfs", "/run", unix.MS_NOSUID | unix.MS_NODEV, "mode=0755"},
		{"devpts", "/dev/pts", unix.MS_NOSUID | unix.MS_NOEXEC, "mode=0620,gid=5,ptmxmode=0666"},
		{"tmpfs", "/dev/shm", unix.MS_NOSUID | unix.MS_NODEV, "mode=1777"},
	}
	for _, mount := range mounts {
		target := newRoot + mount.target
		if err := os.MkdirAll(target, 0o755); err != nil {
			return err
		}
		if err := unix.Mount(mount.kind, target, mount.kind, mount.flags, mount.options); err != nil {
			return fmt.Errorf("mount %s: %w", mount.target, err)
		}
	}
	links := map[string]string{"fd": "/proc/self/fd", "stdin": "/proc/self/fd/0", "stdout": "/proc/self/fd/1", "stderr": "/proc/self/fd/2"}
	for name, target := range links {
		if err := os.Symlink(target, newRoot+"/dev/"+name); err != nil && !errors.Is(err, os.ErrExist) {
			return err
		}
	}
	return nil
}

// makeMissing leaves alone what has the name: it may be a link, which leads elsewhere from here than from its own root.
func makeMissing(directory string) error {
	path := filepath.Join(newRoot, directory)
	if err := os.Mkdir(path, 0o755); errors.Is(err, os.ErrExist) {
		return nil
	} else if err != nil {
		return err
	}
	if directory == "tmp" {
		return os.Chmod(path, os.ModeSticky|0o777)
	}
	return nil
}

// switchRoot makes the root disk the agent's root, and with it that of every process it starts.
func switchRoot() error {
	if err := os.Chdir(newRoot); err != nil {
		return err
	}
	if err := unix.Mount(".", "/", "", unix.MS_MOVE, ""); err != nil {
		return fmt.Errorf("move the root disk to /: %w", err)
	}
	if err := unix.Chroot("."); err != nil {
		return fmt.Errorf("chroot: %w", err)
	}
	return os.Chdir("/")
}
