package layers

import (
	"errors"
	"hash/maphash"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"alcove.dev/agent/failure"
)

const (
	whiteoutPrefix = ".wh."
	opaque         = ".wh..wh..opq"
)

// whiteout hides what layers below have under a name, or all that they have in a directory. It is not about what its own layer
// brings, wherever in the archive that stands.
func (u *unpacking) whiteout(directoryName, base string) error {
	hidden := strings.TrimPrefix(base, whiteoutPrefix)
	if hidden == "" || hidden == "." || hidden == ".." {
		return failure.New(failure.InvalidRequest, "it is a whiteout of %q, which is no name", hidden)
	}
	parent, err := u.tree.directory(directoryName)
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR) {
		return nil
	}
	if err != nil {
		return err
	}
	defer u.tree.forget()
	if base == opaque {
		return u.hideAll(parent, 0)
	}
	return u.hide(parent, hidden, false, 0)
}

// hideAll takes away what is in a directory and not of this layer.
func (u *unpacking) hideAll(parent directory, depth int) error {
	return eachEntry(parent.descriptor, func(entry os.DirEntry) error { return u.hide(parent, entry.Name(), entry.IsDir(), depth) })
}

// hide takes one name away. A directory stays when this layer brought it, or something in it.
func (u *unpacking) hide(parent directory, name string, isDirectory bool, depth int) error {
	if !isDirectory {
		if u.names.has(parent, name) && !isDirectoryAt(parent, name) {
			return nil
		}
		if err := unix.Unlinkat(parent.descriptor, name, 0); err != unix.EISDIR {
			return unlessGone(err)
		}
	}
	descriptor, err := openForRemoval(parent.descriptor, name, depth)
	if err != nil {
		return unlessGone(err)
	}
	inner, err := directoryOf(descriptor)
	if err != nil {
		return err
	}
	defer unix.Close(descriptor)
	if err := u.hideAll(inner, depth+1); err != nil || u.names.has(parent, name) {
		return err
	}
	if err := unix.Unlinkat(parent.descriptor, name, unix.AT_REMOVEDIR); err != unix.ENOTEMPTY {
		return unlessGone(err)
	}
	return nil
}

func isDirectoryAt(parent directory, name string) bool {
	var status unix.Stat_t
	err := unix.Fstatat(parent.descriptor, name, &status, unix.AT_SYMLINK_NOFOLLOW)
	return err == nil && status.Mode&unix.S_IFMT == unix.S_IFDIR
}

// names remembers what a layer made: by the directory itself, since links give it many names. Nobody can know the seed, and so
// choose names that are taken for each other.
type names struct {
	seed maphash.Seed
	made map[uint64]struct{}
}

func newNames() *names { return &names{seed: maphash.MakeSeed(), made: map[uint64]struct{}{}} }

func (n *names) add(parent directory, name string) { n.made[n.key(parent, name)] = struct{}{} }

func (n *names) has(parent directory, name string) bool {
	_, made := n.made[n.key(parent, name)]
	return made
}

func (n *names) key(parent directory, name string) uint64 {
	return maphash.String(n.seed, name) ^ maphash.Comparable(n.seed, parent.inode)
}
