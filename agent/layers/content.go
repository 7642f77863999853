package layers

import (
	"bytes"
	"io"

	"golang.org/x/sys/unix"
)

const (
	bufferBytes = 1 << 20
	blockBytes  = 4096
)

var zeros [blockBytes]byte

// fill writes a file's bytes, and leaves holes where whole blocks are zero: sparse files come back as they were.
func (u *unpacking) fill(descriptor int, content io.Reader, size int64) error {
	var written int64 // up to here the file has bytes or holes that bytes follow
	for at := int64(0); at < size; {
		part := u.buffer[:min(int64(len(u.buffer)), size-at)]
		if _, err := io.ReadFull(content, part); err != nil {
			return cutOff(err)
		}
		end, err := writeParts(descriptor, part, at)
		if err != nil {
			return err
		}
		written = max(written, end)
		at += int64(len(part))
	}
	if written == size {
		return nil
	}
	return unix.Ftruncate(descriptor, size)
}

func cutOff(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// writeParts writes what is not zero, in pieces as long as they come, and answers where the last of them ends.
func writeParts(descriptor int, part []byte, at int64) (int64, error) {
	var end int64
	for len(part) > 0 {
		hole := leadingZeros(part)
		part, at = part[hole:], at+int64(hole)
		length := leadingBytes(part)
		if err := writeAll(descriptor, part[:length], at); err != nil {
			return 0, err
		}
		part, at = part[length:], at+int64(length)
		if length > 0 {
			end = at
		}
	}
	return end, nil
}

// leadingZeros is how many bytes of whole zero blocks part begins with.
func leadingZeros(part []byte) int {
	length := 0
	for length+blockBytes <= len(part) && isZero(part[length:length+blockBytes]) {
		length += blockBytes
	}
	return length
}

// leadingBytes is how many bytes come before the next zero block.
func leadingBytes(part []byte) int {
	length := 0
	for length+blockBytes <= len(part) && !isZero(part[length:length+blockBytes]) {
		length += blockBytes
	}
	if length+blockBytes > len(part) {
		return len(part)
	}
	return length
}

func isZero(block []byte) bool { return block[0] == 0 && bytes.Equal(block, zeros[:]) }

func writeAll(descriptor int, content []byte, at int64) error {
	for len(content) > 0 {
		count, err := unix.Pwrite(descriptor, content, at)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return err
		}
		content, at = content[count:], at+int64(count)
	}
	return nil
}
