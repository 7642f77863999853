package exchange

import (
	"encoding/binary"
	"fmt"
	"io"
)

// Writer puts a stream into a slot's places, one after the other, for the daemon to fetch.
type Writer struct {
	slot     *Slot
	announce func([]byte) error
	freed    io.Reader
	buffer   []byte
	filled   int
	place    int
}

// Writer fills a slot. Announce is given 4 bytes, big-endian, for each place that is filled; freed brings one byte for each that
// was fetched. Flush at the end, and close it.
func (s *Slot) Writer(announce func([]byte) error, freed io.Reader) (*Writer, error) {
	buffer, err := newBuffer()
	if err != nil {
		return nil, fmt.Errorf("memory for a transfer: %w", err)
	}
	return &Writer{slot: s, announce: announce, freed: freed, buffer: buffer}, nil
}

// Close gives its memory back.
func (w *Writer) Close() { freeBuffer(w.buffer) }

// Write is io.Writer's.
func (w *Writer) Write(from []byte) (int, error) {
	written := 0
	for written < len(from) {
		count := copy(w.buffer[w.filled:], from[written:])
		w.filled += count
		written += count
		if err := w.putIfFull(); err != nil {
			return written, err
		}
	}
	return written, nil
}

// ReadFrom is io.ReaderFrom's: the source reads into whole places, which begin at a page, so that they can come from a disk as they are.
func (w *Writer) ReadFrom(source io.Reader) (int64, error) {
	var read int64
	for {
		count, err := source.Read(w.buffer[w.filled:])
		w.filled += count
		read += int64(count)
		if err == io.EOF {
			return read, nil
		}
		if err == nil {
			err = w.putIfFull()
		}
		if err != nil {
			return read, err
		}
	}
}

// Flush puts what is left.
func (w *Writer) Flush() error {
	if w.filled == 0 {
		return nil
	}
	return w.put()
}

func (w *Writer) putIfFull() error {
	if w.filled < len(w.buffer) {
		return nil
	}
	return w.put()
}

func (w *Writer) put() error {
	if w.place >= PlacesPerSlot {
		if _, err := io.ReadFull(w.freed, make([]byte, 1)); err != nil {
			return fmt.Errorf("wait for a place to be fetched: %w", err)
		}
	}
	if _, err := w.slot.file.WriteAt(w.buffer[:whole(w.filled)], w.slot.at(w.place)); err != nil {
		return fmt.Errorf("write the disk for exchange: %w", err)
	}
	length := binary.BigEndian.AppendUint32(nil, uint32(w.filled))
	w.place++
	w.filled = 0
	return w.announce(length)
}
