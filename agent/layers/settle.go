package layers

import (
	"errors"

	"golang.org/x/sys/unix"

	"alcove.dev/agent/failure"
)

const (
	// largestIdentityBytes is what the agent reads of a file that it takes over.
	largestIdentityBytes = 64 << 10
)

// Settle gives a tree what every sandbox needs and an image may lack. What the image has stays, where it is of use.
func Settle(root string) error {
	t, err := openTree(root)
	if err != nil {
		return failure.FromSystem(err, "open the disk")
	}
	defer t.close()
	for _, name := range []string{"proc", "sys", "dev", "run", "lost+found"} {
		if err := t.settleMountPoint(name); err != nil {
			return failure.FromSystem(err, "make /"+name)
		}
	}
	for name, mode := range map[string]uint32{"etc": 0o755, "tmp": 0o1777} {
		if err := t.settleDirectory(name, mode); err != nil {
			return err
		}
	}
	return failureOrNil(t.settleFiles(), "settle /etc")
}

// settleMountPoint wants a directory and nothing that leads elsewhere. What is there otherwise nobody would see: something is
// mounted over it, and lost+found is the file system's own.
func (t *tree) settleMountPoint(name string) error {
	var status unix.Stat_t
	err := unix.Fstatat(t.root.descriptor, name, &status, unix.AT_SYMLINK_NOFOLLOW)
	if err == nil && status.Mode&unix.S_IFMT == unix.S_IFDIR {
		return nil
	}
	if err == nil {
		err = unix.Unlinkat(t.root.descriptor, name, 0)
	}
	if err := unlessGone(err); err != nil {
		return err
	}
	mode := uint32(0o755)
	if name == "lost+found" {
		mode = 0o700
	}
	if err := unix.Mkdirat(t.root.descriptor, name, mode); err != nil {
		return err
	}
	return unix.Fchmodat(t.root.descriptor, name, mode, 0)
}

func (t *tree) settleDirectory(name string, mode uint32) error {
	_, err := t.directory(name)
	if err == nil {
		return nil
	}
	if errors.Is(err, unix.ENOENT) {
		var made directory
		if made, err = t.makeDirectory(name); err == nil {
			err = unix.Fchmodat(made.descriptor, ".", mode, 0)
		}
	}
	if err == nil {
		return nil
	}
	if errors.Is(err, unix.ENOSPC) {
		return failure.FromSystem(err, "make /"+name)
	}
	return failure.New(failure.InvalidRequest, "The image's /%s is no directory, and no sandbox can do without one (%v).", name, err)
}

// settleFiles takes away what the agent could not take over as a template is made (machine/identity.go, network.go): it reads these
// files, and puts links in their stead.
func (t *tree) settleFiles() error {
	etc, err := t.directory("etc")
	if err != nil {
		return err
	}
	for _, name := range []string{"machine-id", "hostname", "hosts", "resolv.conf"} {
		if isPlainAndSmall(etc, name) {
			continue
		}
		if err := t.remove(etc, name); err != nil {
			return err
		}
	}
	return nil
}

func isPlainAndSmall(parent directory, name string) bool {
	var status unix.Stat_t
	err := unix.Fstatat(parent.descriptor, name, &status, unix.AT_SYMLINK_NOFOLLOW)
	return err == nil && status.Mode&unix.S_IFMT == unix.S_IFREG && status.Size <= largestIdentityBytes
}

func failureOrNil(err error, what string) error {
	if err == nil {
		return nil
	}
	return failure.FromSystem(err, what)
}
