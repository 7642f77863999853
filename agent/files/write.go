package files

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"

	"alcove.dev/agent/exchange"
	"alcove.dev/agent/failure"
)

// WriteOptions say how a file is written.
type WriteOptions struct {
	// Mode and Owner, where nil, are those of the file that is there, else 0644 and root.
	Mode          *uint32
	Owner         *Owner
	CreateParents bool
	// Sync makes the file durable before Write returns.
	Sync bool
	// SizeHint is how many bytes will come, below 0 when nobody knows.
	SizeHint int64
}

const defaultMode = 0o644

// What the names of temporary files begin and end with.
const (
	temporaryPrefix = ".alcove-"
	temporarySuffix = ".part"
)

// Write puts source into the file at path, all of it or nothing: into a temporary file beside it, which then takes its name.
func Write(path string, source io.Reader, options WriteOptions) (int64, error) {
	if options.CreateParents {
		if err := makeParents(filepath.Clean(path), options.Owner); err != nil {
			return 0, err
		}
	}
	target, err := targetOf(path, &options)
	if err != nil {
		return 0, err
	}
	temporary, err := createBeside(target)
	if err != nil {
		return 0, err
	}
	defer temporary.Close()
	written, err := fill(temporary, source, target, options)
	if err == nil {
		err = failureOrNil(unix.Rename(temporary.Name(), target), "rename to "+target)
	}
	if err != nil {
		unix.Unlink(temporary.Name())
		return 0, err
	}
	if options.Sync {
		err = syncDirectory(filepath.Dir(target))
	}
	return written, err
}

// targetOf follows links to the file that is meant, and takes over its owner and mode where none were given.
func targetOf(path string, options *WriteOptions) (string, error) {
	info, err := os.Stat(path)
	if os.IsNotExist(err) {
		if link, err := os.Lstat(path); err == nil && link.Mode()&os.ModeSymlink != 0 {
			return "", failure.New(failure.FileNotFound, "%s is a link to nothing.", path)
		}
		return path, nil
	}
	if err != nil {
		return "", failure.FromSystem(err, "look at "+path)
	}
	if info.IsDir() {
		return "", failure.New(failure.IsADirectory, "%s is a directory.", path)
	}
	if !info.Mode().IsRegular() {
		return "", notRegular(path, info)
	}
	system := info.Sys().(*syscall.Stat_t)
	if options.Mode == nil {
		mode := system.Mode & 0o7777
		options.Mode = &mode
	}
	if options.Owner == nil {
		options.Owner = &Owner{UserID: int(system.Uid), GroupID: int(system.Gid)}
	}
	target, err := filepath.EvalSymlinks(path)
	return target, failureOrNil(err, "follow "+path)
}

func createBeside(target string) (*os.File, error) {
	var random [6]byte
	rand.Read(random[:])
	name := filepath.Join(filepath.Dir(target), temporaryPrefix+hex.EncodeToString(random[:])+temporarySuffix)
	file, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, failure.FromSystem(err, "create a file in "+filepath.Dir(target))
	}
	return file, nil
}

func fill(file *os.File, source io.Reader, target string, options WriteOptions) (int64, error) {
	written, err := copyInto(file, source)
	if err != nil {
		return 0, failure.FromSystem(err, "write "+target)
	}
	if options.Owner != nil {
		if err := file.Chown(options.Owner.UserID, options.Owner.GroupID); err != nil {
			return 0, failure.FromSystem(err, "set the owner of "+target)
		}
	}
	mode := uint32(defaultMode)
	if options.Mode != nil {
		mode = *options.Mode
	}
	// After chown, which takes setuid bits away.
	if err := unix.Fchmod(int(file.Fd()), mode); err != nil {
		return 0, failure.FromSystem(err, "set the mode of "+target)
	}
	if options.Sync {
		if err := file.Sync(); err != nil {
			return 0, failure.FromSystem(err, "sync "+target)
		}
	}
	return written, nil
}

// copyInto gathers what source gives in small pieces into large writes. What comes through the exchange is in large pieces already.
func copyInto(file *os.File, source io.Reader) (int64, error) {
	if content, ok := source.(*exchange.Content); ok {
		written, err := content.WriteTo(directly(file))
		return written, sourceError(err, written)
	}
	buffer := copyBuffers.Get().(*[]byte)
	defer copyBuffers.Put(buffer)
	var written int64
	for {
		count, readErr := io.ReadFull(source, *buffer)
		if count > 0 {
			if _, err := file.Write((*buffer)[:count]); err != nil {
				return written, err
			}
			written += int64(count)
		}
		if readErr == io.EOF || readErr == io.ErrUnexpectedEOF {
			return written, nil
		}
		if readErr != nil {
			return written, sourceError(readErr, written)
		}
	}
}

// sourceError is what an error means that the file itself has no part in.
func sourceError(err error, written int64) error {
	var failed *failure.Error
	var system *os.PathError
	if err == nil || errors.As(err, &failed) || errors.As(err, &system) {
		return err
	}
	return failure.New(failure.InvalidRequest, "The content broke off after %d bytes: %v.", written, err)
}

func syncDirectory(path string) error {
	directory, err := os.Open(path)
	if err != nil {
		return failure.FromSystem(err, "open "+path)
	}
	defer directory.Close()
	return failureOrNil(directory.Sync(), "sync "+path)
}
