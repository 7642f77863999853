package layers

import (
	"errors"
	"path"
	"strings"

	"golang.org/x/sys/unix"
)

// tree is a directory that stands for the root of an image. The kernel resolves every name inside it (openat2, RESOLVE_IN_ROOT):
// absolute links begin at it, and ".." ends at it, whoever planted them.
type tree struct {
	root directory
	// open are directories that were resolved, by the name they were asked for. It is emptied when something is taken away that
	// names may have led through; what it held stays open until the entry under way is done.
	open    map[string]directory
	retired []int
}

// directory is one of the tree, held by a descriptor that is good for paths alone.
type directory struct {
	descriptor int
	inode      uint64
}

const openDirectories = 256

func openTree(root string) (*tree, error) {
	descriptor, err := unix.Open(root, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	opened, err := directoryOf(descriptor)
	return &tree{root: opened, open: map[string]directory{}}, err
}

func directoryOf(descriptor int) (directory, error) {
	var status unix.Stat_t
	if err := unix.Fstat(descriptor, &status); err != nil {
		unix.Close(descriptor)
		return directory{}, err
	}
	return directory{descriptor: descriptor, inode: status.Ino}, nil
}

func (t *tree) close() {
	t.forget()
	t.closeRetired()
	unix.Close(t.root.descriptor)
}

// forget makes names be resolved anew.
func (t *tree) forget() {
	for _, opened := range t.open {
		t.retired = append(t.retired, opened.descriptor)
	}
	clear(t.open)
}

// closeRetired is called between two entries.
func (t *tree) closeRetired() {
	for _, descriptor := range t.retired {
		unix.Close(descriptor)
	}
	t.retired = t.retired[:0]
}

func (t *tree) totalBytes() int64 {
	var status unix.Statfs_t
	if err := unix.Fstatfs(t.root.descriptor, &status); err != nil {
		return 0
	}
	return int64(status.Blocks) * status.Bsize
}

// directory answers the directory of that name, for as long as one entry takes.
func (t *tree) directory(name string) (directory, error) {
	if name == "." {
		return t.root, nil
	}
	if found, isOpen := t.open[name]; isOpen {
		return found, nil
	}
	descriptor, err := t.resolve(name)
	if err != nil {
		return directory{}, err
	}
	opened, err := directoryOf(descriptor)
	if err != nil {
		return directory{}, err
	}
	if len(t.open) >= openDirectories {
		t.forget()
	}
	t.open[name] = opened
	return opened, nil
}

func (t *tree) resolve(name string) (int, error) {
	how := unix.OpenHow{
		Flags:   unix.O_PATH | unix.O_DIRECTORY | unix.O_CLOEXEC,
		Resolve: unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_MAGICLINKS | unix.RESOLVE_NO_XDEV,
	}
	for {
		descriptor, err := unix.Openat2(t.root.descriptor, name, &how)
		if err != unix.EINTR && err != unix.EAGAIN {
			return descriptor, err
		}
	}
}

// makeDirectory answers the directory of that name, and makes what of it is missing, behind links that lead nowhere too.
func (t *tree) makeDirectory(name string) (directory, error) {
	found, err := t.directory(name)
	if !errors.Is(err, unix.ENOENT) {
		return found, err
	}
	if err := t.makeAll(name); err != nil {
		return directory{}, err
	}
	return t.directory(name)
}

// makeAll takes the name part by part. What is before ".." may be a link, so that only the kernel knows what ".." is.
func (t *tree) makeAll(name string) error {
	parts := strings.Split(name, "/")
	for count := 1; count <= len(parts); count++ {
		here := strings.Join(parts[:count], "/")
		descriptor, err := t.resolve(here + "/.")
		if err == nil {
			unix.Close(descriptor)
			continue
		}
		if err != unix.ENOENT {
			return err
		}
		if err := t.makeOne(strings.Join(parts[:count-1], "/"), parts[count-1]); err != nil {
			return err
		}
	}
	return nil
}

// makeOne makes a directory, or what a link leads to. It goes no deeper than the kernel, which follows 40 links and then says so.
func (t *tree) makeOne(parent, name string) error {
	descriptor, err := t.resolve("./" + parent)
	if err != nil {
		return err
	}
	defer unix.Close(descriptor)
	err = unix.Mkdirat(descriptor, name, 0o755)
	if err == nil {
		return unix.Fchmodat(descriptor, name, 0o755, 0)
	}
	if err != unix.EEXIST {
		return err
	}
	target := make([]byte, unix.PathMax)
	length, err := unix.Readlinkat(descriptor, name, target)
	if err != nil {
		return err
	}
	behind := string(target[:length])
	if !path.IsAbs(behind) {
		behind = parent + "/" + behind
	}
	if len(behind) >= unix.PathMax {
		return unix.ENAMETOOLONG
	}
	return t.makeAll("./" + behind)
}
