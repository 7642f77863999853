package host

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// bind is one path that the program sees, at the place where it is on the host.
type bind struct {
	path     string
	readOnly bool
	// link is where a symbolic link leads: links are made again, not followed.
	link   string
	isFile bool
	// tree is a detached copy of the mount, taken before the new root hides the path.
	tree int
}

// stagingPath only has to be a directory that exists: the new root stands on it for a moment.
const stagingPath = "/proc"

// hideFiles makes a root that is an empty tmpfs but for the paths to bind, and gives up everything else: without --bind the
// program sees all that the host's files let its user see.
func (p *spawnPlan) hideFiles() error {
	if len(p.binds) == 0 {
		return nil
	}
	binds := make([]*bind, 0, len(p.binds))
	for _, text := range p.binds {
		taken, err := takeBind(text)
		if err != nil {
			return err
		}
		binds = append(binds, taken)
	}
	if err := unix.Mount("tmpfs", stagingPath, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=0755,size=64k"); err != nil {
		return fmt.Errorf("mount the new root: %w", err)
	}
	for _, taken := range binds {
		if err := taken.place(stagingPath); err != nil {
			return err
		}
	}
	return pivotInto(stagingPath)
}

func takeBind(text string) (*bind, error) {
	path, readOnly := strings.CutSuffix(text, ":ro")
	taken := &bind{path: filepath.Clean(path), readOnly: readOnly, tree: -1}
	if !filepath.IsAbs(path) {
		return nil, fmt.Errorf("--bind needs an absolute path, not %q", path)
	}
	info, err := os.Lstat(taken.path)
	if err != nil {
		return nil, fmt.Errorf("--bind: %w", err)
	}
	if info.Mode()&os.ModeSymlink != 0 {
		taken.link, err = os.Readlink(taken.path)
		return taken, err
	}
	taken.isFile = !info.IsDir()
	taken.tree, err = unix.OpenTree(unix.AT_FDCWD, taken.path, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC|unix.AT_RECURSIVE)
	if err != nil {
		return nil, fmt.Errorf("--bind: take %s: %w", taken.path, err)
	}
	attributes := unix.MountAttr{Attr_set: unix.MOUNT_ATTR_NOSUID}
	if readOnly {
		attributes.Attr_set |= unix.MOUNT_ATTR_RDONLY
	}
	if info.Mode()&os.ModeDevice == 0 {
		attributes.Attr_set |= unix.MOUNT_ATTR_NODEV
	}
	if err := unix.MountSetattr(taken.tree, "", unix.AT_EMPTY_PATH|unix.AT_RECURSIVE, &attributes); err != nil {
		return nil, fmt.Errorf("--bind: fence %s: %w", taken.path, err)
	}
	return taken, nil
}

func (b *bind) place(root string) error {
	target := filepath.Join(root, b.path)
	if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
		return err
	}
	if b.link != "" {
		return os.Symlink(b.link, target)
	}
	if b.isFile {
		if err := os.WriteFile(target, nil, 0o600); err != nil {
			return err
		}
	} else if err := os.MkdirAll(target, 0o755); err != nil {
		return err
	}
	defer unix.Close(b.tree)
	if err := unix.MoveMount(b.tree, "", unix.AT_FDCWD, target, unix.MOVE_MOUNT_F_EMPTY_PATH); err != nil {
		return fmt.Errorf("--bind: place %s: %w", b.path, err)
	}
	return nil
}

// pivotInto makes path the root and lets go of the old one, which pivot_root leaves stacked under it.
func pivotInto(path string) error {
	if err := unix.Chdir(path); err != nil {
		return err
	}
	if err := unix.PivotRoot(".", "."); err != nil {
		return fmt.Errorf("pivot_root: %w", err)
	}
	if err := unix.Unmount(".", unix.MNT_DETACH); err != nil {
		return fmt.Errorf("let go of the host's root: %w", err)
	}
	attributes := unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY}
	if err := unix.MountSetattr(unix.AT_FDCWD, "/", 0, &attributes); err != nil {
		return fmt.Errorf("make the new root read-only: %w", err)
	}
	return unix.Chdir("/")
}
