package exchange

import (
	"encoding/binary"
	"fmt"
	"io"

	"alcove.dev/agent/failure"
)

// Content is what the daemon puts into a slot's places, one after the other, as a stream.
type Content struct {
	slot    *Slot
	lengths io.Reader
	taken   func() error
	buffer  []byte
	rest    []byte
	place   int
}

// Content reads a slot. Lengths brings 4 bytes, big-endian, for each place that was filled; taken is called when one may be filled
// again. Close it.
func (s *Slot) Content(lengths io.Reader, taken func() error) (*Content, error) {
	buffer, err := newBuffer()
	if err != nil {
		return nil, fmt.Errorf("memory for a transfer: %w", err)
	}
	return &Content{slot: s, lengths: lengths, taken: taken, buffer: buffer}, nil
}

// Close gives its memory back.
func (c *Content) Close() { freeBuffer(c.buffer) }

// Read is io.Reader's.
func (c *Content) Read(into []byte) (int, error) {
	if len(c.rest) == 0 {
		if err := c.next(); err != nil {
			return 0, err
		}
	}
	count := copy(into, c.rest)
	c.rest = c.rest[count:]
	return count, nil
}

// WriteTo is io.WriterTo's: it gives whole places, which begin at a page, so that they can go to a disk as they are.
func (c *Content) WriteTo(writer io.Writer) (int64, error) {
	var written int64
	for {
		count, err := writer.Write(c.rest)
		written += int64(count)
		if err != nil {
			return written, err
		}
		if err := c.next(); err == io.EOF {
			return written, nil
		} else if err != nil {
			return written, err
		}
	}
}

// next reads the place that is filled next; io.EOF when there will be none.
func (c *Content) next() error {
	c.rest = nil
	var header [4]byte
	if _, err := io.ReadFull(c.lengths, header[:]); err == io.EOF {
		return err
	} else if err != nil {
		return failure.New(failure.InvalidRequest, "The content broke off: %v.", err)
	}
	length := binary.BigEndian.Uint32(header[:])
	if length == 0 || length > PlaceBytes {
		return failure.New(failure.InvalidRequest, "A place of %d bytes was announced, and one has 1 to %d.", length, PlaceBytes)
	}
	if _, err := c.slot.file.ReadAt(c.buffer[:whole(int(length))], c.slot.at(c.place)); err != nil {
		return fmt.Errorf("read the disk for exchange: %w", err)
	}
	c.place++
	c.rest = c.buffer[:length]
	return c.taken()
}
