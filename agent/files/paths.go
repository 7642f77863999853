// Package files reads and writes files of the sandbox on the daemon's behalf, as root and in the users' view of the file
// system. What it opens may be anything that a user put there, so it opens nothing that could make it wait.
package files

import (
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"alcove.dev/agent/failure"
)

// Owner is whom a file shall belong to.
type Owner struct{ UserID, GroupID int }

// CheckPath refuses paths that are not absolute.
func CheckPath(path string) error {
	if !strings.HasPrefix(path, "/") || strings.IndexByte(path, 0) >= 0 || len(path) >= unix.PathMax {
		return failure.New(failure.InvalidRequest, "path must be an absolute path of less than %d bytes, not %.200q.", unix.PathMax, path)
	}
	return nil
}

// openRegular opens a regular file and nothing else.
func openRegular(path string, flags int) (*os.File, os.FileInfo, error) {
	file, err := os.OpenFile(path, flags|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, nil, failure.FromSystem(err, "open "+path)
	}
	info, err := file.Stat()
	if err == nil && info.IsDir() {
		err = failure.New(failure.IsADirectory, "%s is a directory.", path)
	}
	if err == nil && !info.Mode().IsRegular() {
		err = notRegular(path, info)
	}
	if err != nil {
		file.Close()
		return nil, nil, failure.FromSystem(err, "look at "+path)
	}
	return file, info, nil
}

func notRegular(path string, info os.FileInfo) error {
	kind := "a device"
	switch info.Mode().Type() {
	case os.ModeNamedPipe:
		kind = "a FIFO"
	case os.ModeSocket:
		kind = "a socket"
	}
	return failure.New(failure.NotARegularFile, "%s is not a regular file but %s.", path, kind)
}

// MakeDirectory makes a directory, mode 0755 where none is given; with parents, one that is there already is no error.
func MakeDirectory(path string, createParents bool, mode *uint32) error {
	bits := uint32(0o755)
	if mode != nil {
		bits = *mode
	}
	if createParents {
		if err := makeParents(filepath.Clean(path), nil); err != nil {
			return err
		}
		if info, err := os.Stat(path); err == nil && info.IsDir() {
			return nil
		}
	}
	if err := unix.Mkdir(path, bits); err != nil {
		return failure.FromSystem(err, "make directory "+path)
	}
	return failureOrNil(unix.Chmod(path, bits), "set the mode of "+path)
}

// makeParents makes the directories above path that are missing.
func makeParents(path string, owner *Owner) error {
	parent := filepath.Dir(path)
	info, err := os.Stat(parent)
	if err == nil {
		if !info.IsDir() {
			return failure.New(failure.NotADirectory, "%s is not a directory.", parent)
		}
		return nil
	}
	if !os.IsNotExist(err) {
		return failure.FromSystem(err, "look at "+parent)
	}
	if err := makeParents(parent, owner); err != nil {
		return err
	}
	if err := unix.Mkdir(parent, 0o755); err != nil && err != unix.EEXIST {
		return failure.FromSystem(err, "make directory "+parent)
	}
	if owner != nil {
		return failureOrNil(unix.Lchown(parent, owner.UserID, owner.GroupID), "set the owner of "+parent)
	}
	return nil
}

func failureOrNil(err error, what string) error {
	if err == nil {
		return nil
	}
	return failure.FromSystem(err, what)
}
