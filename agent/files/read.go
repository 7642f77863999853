package files

import (
	"fmt"
	"io"
	"os"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"

	"alcove.dev/agent/failure"
)

const copyBytes = 512 << 10

var copyBuffers = sync.Pool{New: func() any {
	buffer := make([]byte, copyBytes)
	return &buffer
}}

// Readable is a regular file, open at the place where reading begins.
type Readable struct {
	file           *directFile
	path           string
	left           int64
	Size           int64
	Mode           uint32
	ModifiedUnixMs int64
	// Version changes with every change of the content, as far as the file system tells.
	Version string
}

// OpenForReading opens length bytes from offset on; a length below 0 means up to the end.
func OpenForReading(path string, offset, length int64) (*Readable, error) {
	file, info, err := openRegular(path, os.O_RDONLY)
	if err != nil {
		return nil, err
	}
	if _, err := file.Seek(offset, io.SeekStart); err != nil {
		file.Close()
		return nil, failure.FromSystem(err, "seek in "+path)
	}
	readable := &Readable{file: &directFile{File: file}, path: path, left: length, Size: info.Size(), ModifiedUnixMs: info.ModTime().UnixMilli()}
	system := info.Sys().(*syscall.Stat_t)
	readable.Mode = system.Mode & 0o7777
	readable.Version = fmt.Sprintf("%x-%x-%x", system.Ino, info.Size(), info.ModTime().UnixNano())
	if length < 0 {
		// Files of /proc say that they are empty, and are not.
		readable.left = 1<<63 - 1
	}
	if info.Size() > copyBytes {
		unix.Fadvise(int(file.Fd()), offset, 0, unix.FADV_SEQUENTIAL)
	}
	return readable, nil
}

// Left is how much there is to read, as far as the file told.
func (r *Readable) Left() int64 {
	offset, err := r.file.Seek(0, io.SeekCurrent)
	if err != nil {
		return 0
	}
	return min(r.left, max(0, r.Size-offset))
}

// Direct reads past the file system's cache from here on, into memory that begins with a page.
func (r *Readable) Direct() { r.file = directly(r.file.File) }

// CopyTo writes the bytes asked for.
func (r *Readable) CopyTo(writer io.Writer) error {
	buffer := copyBuffers.Get().(*[]byte)
	defer copyBuffers.Put(buffer)
	_, err := io.CopyBuffer(writer, r, *buffer)
	return err
}

// Read is io.Reader's, within what was asked for.
func (r *Readable) Read(into []byte) (int, error) {
	if r.left <= 0 {
		return 0, io.EOF
	}
	count, err := r.file.Read(r.wanted(into))
	count = int(min(int64(count), r.left))
	r.left -= int64(count)
	if err != nil && err != io.EOF {
		err = failure.FromSystem(err, "read "+r.path)
	}
	return count, err
}

// wanted is the part of a buffer that shall be read; past the cache whole blocks are, and what was not asked for is dropped.
func (r *Readable) wanted(into []byte) []byte {
	if r.left >= int64(len(into)) {
		return into
	}
	if !r.file.direct {
		return into[:r.left]
	}
	return into[:min(len(into), int(r.left+blockBytes-1)/blockBytes*blockBytes)]
}

// Close closes the file.
func (r *Readable) Close() error { return r.file.Close() }
