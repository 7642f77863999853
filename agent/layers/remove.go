package layers

import (
	"io"
	"os"

	"golang.org/x/sys/unix"

	"alcove.dev/agent/failure"
)

const (
	// maxDepth is how deep a tree may be that is taken away: each level holds a descriptor.
	maxDepth = 4096
	// listEntries is how many entries of a directory are read at once.
	listEntries = 1024
)

// remove takes away whatever has the name, with all that is in it.
func (t *tree) remove(parent directory, name string) error {
	var status unix.Stat_t
	if err := unix.Fstatat(parent.descriptor, name, &status, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return unlessGone(err)
	}
	switch status.Mode & unix.S_IFMT {
	case unix.S_IFDIR:
		t.forget()
		return removeDirectory(parent.descriptor, name, 0)
	case unix.S_IFLNK:
		t.forget()
	}
	return unlessGone(unix.Unlinkat(parent.descriptor, name, 0))
}

func removeDirectory(parent int, name string, depth int) error {
	descriptor, err := openForRemoval(parent, name, depth)
	if err != nil {
		return err
	}
	defer unix.Close(descriptor)
	err = eachEntry(descriptor, func(entry os.DirEntry) error {
		if entry.IsDir() {
			return removeDirectory(descriptor, entry.Name(), depth+1)
		}
		return unlessGone(unix.Unlinkat(descriptor, entry.Name(), 0))
	})
	if err != nil {
		return err
	}
	return unix.Unlinkat(parent, name, unix.AT_REMOVEDIR)
}

func openForRemoval(parent int, name string, depth int) (int, error) {
	if depth > maxDepth {
		return -1, failure.New(failure.InvalidRequest, "directories lie more than %d deep in each other", maxDepth)
	}
	return unix.Openat(parent, name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
}

// eachEntry may be given a descriptor that is good for paths alone. What it calls may take the entry away.
func eachEntry(descriptor int, do func(os.DirEntry) error) error {
	readable, err := unix.Openat(descriptor, ".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	listing := os.NewFile(uintptr(readable), "directory")
	defer listing.Close()
	for {
		entries, err := listing.ReadDir(listEntries)
		for _, entry := range entries {
			if err := do(entry); err != nil {
				return err
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func unlessGone(err error) error {
	if err == unix.ENOENT {
		return nil
	}
	return err
}
