package files

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// blockBytes is what file systems take past their cache: whole blocks, from memory that begins with a page.
const blockBytes = 4096

// directFile is a file that is read and written past the file system's cache as long as that works: the disk then takes and gives the
// bytes where they lie, and the guest's processor, which may be an emulated one, does not touch them.
type directFile struct {
	// File is not embedded: it has other ways to write, which know nothing of blocks.
	File   *os.File
	direct bool
}

// directly answers the file with its cache passed by, where its file system can do that.
func directly(file *os.File) *directFile {
	return &directFile{File: file, direct: setDirect(file, true) == nil}
}

// Write is io.Writer's. What is not made of whole blocks goes through the cache, and so does all that follows.
func (f *directFile) Write(from []byte) (int, error) {
	if len(from)%blockBytes != 0 {
		f.throughCache()
	}
	written, err := f.File.Write(from)
	if !f.refused(err) {
		return written, err
	}
	rest, err := f.File.Write(from[written:])
	return written + rest, err
}

// Read is io.Reader's.
func (f *directFile) Read(into []byte) (int, error) {
	if len(into)%blockBytes != 0 {
		f.throughCache()
	}
	count, err := f.File.Read(into)
	if f.refused(err) {
		return f.File.Read(into)
	}
	return count, err
}

// Seek is io.Seeker's.
func (f *directFile) Seek(offset int64, whence int) (int64, error) {
	return f.File.Seek(offset, whence)
}

// Close closes the file.
func (f *directFile) Close() error { return f.File.Close() }

// refused says whether the file system did not like being passed by; from then on it is not.
func (f *directFile) refused(err error) bool {
	if !f.direct || !errors.Is(err, unix.EINVAL) {
		return false
	}
	f.throughCache()
	return true
}

func (f *directFile) throughCache() {
	if f.direct {
		setDirect(f.File, false)
		f.direct = false
	}
}

func setDirect(file *os.File, on bool) error {
	descriptor := file.Fd()
	flags, err := unix.FcntlInt(descriptor, unix.F_GETFL, 0)
	if err != nil {
		return err
	}
	flags &^= unix.O_DIRECT
	if on {
		flags |= unix.O_DIRECT
	}
	_, err = unix.FcntlInt(descriptor, unix.F_SETFL, flags)
	return err
}
