package exchange

import (
	"encoding/binary"
	"fmt"
	"io"
	"os"

	"alcove.dev/agent/failure"
)

// Content is what the daemon puts into a slot's places, one after the other, as a stream. It is always one place ahead.
type Content struct {
	slot    *Slot
	lengths io.ReadCloser
	taken   func() error
	buffers [2][]byte
	place   int
	ahead   chan filling
	rest    []byte
	ended   error

	isClosed bool
}

// filling is what a place held, or why there is none.
type filling struct {
	content []byte
	err     error
}

// Content reads a slot. Lengths brings 4 bytes, big-endian, for each place that was filled; taken is called when one may be filled
// again. Close it, before the slot is released.
func (s *Slot) Content(lengths io.ReadCloser, taken func() error) (*Content, error) {
	buffers, err := newBuffers()
	if err != nil {
		return nil, err
	}
	content := &Content{slot: s, lengths: lengths, taken: taken, buffers: buffers, ahead: make(chan filling, 1)}
	content.readAhead()
	return content, nil
}

// Close ends the reading, waits until it has, and gives the memory back. From then on taken is not called. It may be done twice.
func (c *Content) Close() {
	if c.isClosed {
		return
	}
	c.isClosed = true
	c.lengths.Close()
	if c.ended == nil {
		<-c.ahead
	}
	c.rest, c.ended = nil, os.ErrClosed
	freeBuffers(c.buffers)
}

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

// WriteTo is io.WriterTo's: it gives whole places, which begin with a page, so that they can go to a disk as they are.
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

// next takes what was read ahead; io.EOF when there is no more. What it gave before is no longer used: its buffer is next.
func (c *Content) next() error {
	c.rest = nil
	if c.ended != nil {
		return c.ended
	}
	found := <-c.ahead
	c.rest, c.ended = found.content, found.err
	if c.ended == nil {
		c.readAhead()
	}
	return c.ended
}

func (c *Content) readAhead() {
	place := c.place
	c.place++
	go func() {
		content, err := c.read(place)
		if err == nil {
			err = c.taken()
		}
		c.ahead <- filling{content, err}
	}()
}

func (c *Content) read(place int) ([]byte, error) {
	var header [4]byte
	if _, err := io.ReadFull(c.lengths, header[:]); err == io.EOF {
		return nil, err
	} else if err != nil {
		return nil, failure.New(failure.InvalidRequest, "The content broke off: %v.", err)
	}
	length := int(binary.BigEndian.Uint32(header[:]))
	if length == 0 || length > PlaceBytes {
		return nil, failure.New(failure.InvalidRequest, "A place of %d bytes was announced, and one has 1 to %d.", length, PlaceBytes)
	}
	buffer := c.buffers[place%len(c.buffers)]
	if _, err := c.slot.file.ReadAt(buffer[:whole(length)], c.slot.at(place)); err != nil {
		return nil, fmt.Errorf("read the disk for exchange: %w", err)
	}
	return buffer[:length], nil
}
