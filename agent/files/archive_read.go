package files

import (
	"archive/tar"
	"context"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"

	"alcove.dev/agent/failure"
)

// Archive is a directory on its way out as a tar.
type Archive struct {
	root string
	// linked remembers files with several names by their inode.
	linked map[inode]string
}

type inode struct{ device, number uint64 }

// OpenArchive starts an archive of what is in a directory.
func OpenArchive(path string) (*Archive, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, failure.FromSystem(err, "look at "+path)
	}
	if !info.IsDir() {
		return nil, failure.New(failure.NotADirectory, "%s is not a directory.", path)
	}
	return &Archive{root: path, linked: map[inode]string{}}, nil
}

// Close ends the archive.
func (a *Archive) Close() error { return nil }

// WriteTo writes the tar. Sockets are left out: they mean nothing elsewhere.
func (a *Archive) WriteTo(ctx context.Context, writer io.Writer) error {
	out := tar.NewWriter(writer)
	err := filepath.WalkDir(a.root, func(path string, _ os.DirEntry, err error) error {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil || path == a.root {
			return ignoreGone(err)
		}
		info, err := os.Lstat(path)
		if err != nil || info.Mode()&os.ModeSocket != 0 {
			return ignoreGone(err)
		}
		return a.add(out, path, info)
	})
	if err != nil {
		return failure.FromSystem(err, "archive "+a.root)
	}
	return out.Close()
}

func ignoreGone(err error) error {
	if os.IsNotExist(err) {
		return nil
	}
	return err
}

func (a *Archive) add(out *tar.Writer, path string, info os.FileInfo) error {
	name, err := filepath.Rel(a.root, path)
	if err != nil {
		return err
	}
	target := ""
	if info.Mode()&os.ModeSymlink != 0 {
		if target, err = os.Readlink(path); err != nil {
			return ignoreGone(err)
		}
	}
	header, err := tar.FileInfoHeader(info, target)
	if err != nil {
		return err
	}
	header.Name = name
	if info.IsDir() {
		header.Name += "/"
	}
	header.Format = tar.FormatPAX
	header.Uname, header.Gname = "", ""
	system := info.Sys().(*syscall.Stat_t)
	if info.Mode().IsRegular() && system.Nlink > 1 {
		key := inode{device: uint64(system.Dev), number: system.Ino}
		if first, seen := a.linked[key]; seen {
			header.Typeflag, header.Linkname, header.Size = tar.TypeLink, first, 0
			return out.WriteHeader(header)
		}
		a.linked[key] = name
	}
	if !info.Mode().IsRegular() {
		return out.WriteHeader(header)
	}
	return addContent(out, path, header)
}

// addContent writes as many bytes as the header says, whatever happens to the file meanwhile.
func addContent(out *tar.Writer, path string, header *tar.Header) error {
	file, info, err := openRegular(path, os.O_RDONLY|unix.O_NOFOLLOW)
	if err != nil {
		if failure.From(err).Code == failure.FileNotFound {
			return nil
		}
		return err
	}
	defer file.Close()
	header.Size = info.Size()
	if err := out.WriteHeader(header); err != nil {
		return err
	}
	buffer := copyBuffers.Get().(*[]byte)
	defer copyBuffers.Put(buffer)
	copied, err := io.CopyBuffer(writerOnly{out}, io.LimitReader(file, header.Size), *buffer)
	if err == nil && copied < header.Size {
		return failure.New(failure.InternalError, "%s shrank from %s to %d bytes while it was read.", path, strconv.FormatInt(header.Size, 10), copied)
	}
	return err
}

// writerOnly hides ReadFrom, so that CopyBuffer uses the buffer it was given.
type writerOnly struct{ io.Writer }
