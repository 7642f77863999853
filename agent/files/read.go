package files

import (
	"errors"
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
	file           *os.File
	path           string
	left           int64
	Size           int64
	Mode           uint32
	ModifiedUnixMs int64
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
	readable := &Readable{file: file, path: path, left: length, Size: info.Size(), ModifiedUnixMs: info.ModTime().UnixMilli()}
	readable.Mode = info.Sys().(*syscall.Stat_t).Mode & 0o7777
	if length < 0 {
		// Files of /proc say that they are empty, and are not.
		readable.left = 1<<63 - 1
	}
	if info.Size() > copyBytes {
		unix.Fadvise(int(file.Fd()), offset, 0, unix.FADV_SEQUENTIAL)
	}
	return readable, nil
}

// CopyTo writes the bytes asked for.
func (r *Readable) CopyTo(writer io.Writer) error {
	buffer := copyBuffers.Get().(*[]byte)
	defer copyBuffers.Put(buffer)
	for r.left > 0 {
		count, err := r.file.Read((*buffer)[:min(int64(copyBytes), r.left)])
		if count > 0 {
			if _, err := writer.Write((*buffer)[:count]); err != nil {
				return err
			}
			r.left -= int64(count)
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return failure.FromSystem(err, "read "+r.path)
		}
	}
	return nil
}

// Close closes the file.
func (r *Readable) Close() error { return r.file.Close() }
