package files

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"alcove.dev/agent/failure"
)

// Remove deletes a file, a link or a directory; one that is not empty only when asked to.
func Remove(path string, recursive bool) error {
	info, err := os.Lstat(path)
	if err != nil {
		return failure.FromSystem(err, "look at "+path)
	}
	if filepath.Clean(path) == "/" {
		return failure.New(failure.InvalidRequest, "The root directory cannot be deleted.")
	}
	switch {
	case !info.IsDir():
		err = unix.Unlink(path)
	case recursive:
		err = os.RemoveAll(path)
	default:
		err = unix.Rmdir(path)
	}
	return failureOrNil(err, "delete "+path)
}

// Link makes a symbolic link. Its target may be anything, there or not.
func Link(path, target string) error {
	if target == "" || strings.IndexByte(target, 0) >= 0 || len(target) >= unix.PathMax {
		return failure.New(failure.InvalidRequest, "target must be a path of less than %d bytes, not %.200q.", unix.PathMax, target)
	}
	return failureOrNil(unix.Symlink(target, path), "make the link "+path)
}

// Move renames; between file systems it fails.
func Move(from, to string, overwrite bool) error {
	var err error
	if overwrite {
		err = unix.Rename(from, to)
	} else {
		err = unix.Renameat2(unix.AT_FDCWD, from, unix.AT_FDCWD, to, unix.RENAME_NOREPLACE)
	}
	if err == unix.EXDEV {
		return failure.New(failure.InvalidRequest, "%s and %s lie on different file systems.", from, to)
	}
	return failureOrNil(err, "move "+from+" to "+to)
}

func sorted(names []string) []string {
	slices.Sort(names)
	return names
}
