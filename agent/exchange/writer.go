package exchange

import (
	"encoding/binary"
	"fmt"
	"io"
)

// Writer puts a stream into a slot's places, one after the other, for the daemon to fetch. One is put while the next is made.
type Writer struct {
	slot     *Slot
	announce func([]byte) error
	freed    io.ReadCloser
	buffers  [2][]byte
	filled   int
	place    int
	// put tells how the last one went.
	put chan error
}

// Writer fills a slot. Announce is given 4 bytes, big-endian, for each place that is filled; freed brings one byte for each that
// was fetched, and ends when all are. Finish at the end, and close it before the slot is released.
func (s *Slot) Writer(announce func([]byte) error, freed io.ReadCloser) (*Writer, error) {
	buffers, err := newBuffers()
	if err != nil {
		return nil, err
	}
	put := make(chan error, 1)
	put <- nil
	return &Writer{slot: s, announce: announce, freed: freed, buffers: buffers, put: put}, nil
}

// Close ends the writing, waits until it has, and gives the memory back.
func (w *Writer) Close() {
	w.freed.Close()
	<-w.put
	freeBuffers(w.buffers)
}

// Write is io.Writer's.
func (w *Writer) Write(from []byte) (int, error) {
	written := 0
	for written < len(from) {
		count := copy(w.room(), from[written:])
		written += count
		if err := w.add(count); err != nil {
			return written, err
		}
	}
	return written, nil
}

// ReadFrom is io.ReaderFrom's: the source reads into whole places, which begin with a page, so that they can come from a disk as they are.
func (w *Writer) ReadFrom(source io.Reader) (int64, error) {
	var read int64
	for {
		count, err := source.Read(w.room())
		read += int64(count)
		if addErr := w.add(count); addErr != nil {
			return read, addErr
		}
		if err == io.EOF {
			return read, nil
		}
		if err != nil {
			return read, err
		}
	}
}

// Finish puts what is left, says with a length of 0 that it was all, and waits until the daemon has it: a call that ends before the
// other side has read it looks to that side as if it were broken off.
func (w *Writer) Finish() error {
	if w.filled > 0 {
		if err := w.putAway(); err != nil {
			return err
		}
	}
	err := <-w.put
	w.put <- nil
	if err == nil {
		err = w.announce(make([]byte, 4))
	}
	if err == nil {
		_, err = io.Copy(io.Discard, w.freed)
	}
	return err
}

// room is where the next bytes go; never empty.
func (w *Writer) room() []byte { return w.buffers[w.place%len(w.buffers)][w.filled:] }

func (w *Writer) add(count int) error {
	w.filled += count
	if w.filled < PlaceBytes {
		return nil
	}
	return w.putAway()
}

// putAway begins to put what is filled, when the one before has been; its buffer is then the next one's.
func (w *Writer) putAway() error {
	if err := <-w.put; err != nil {
		w.put <- nil
		return err
	}
	place, content := w.place, w.buffers[w.place%len(w.buffers)][:w.filled]
	w.place++
	w.filled = 0
	go func() { w.put <- w.write(place, content) }()
	return nil
}

func (w *Writer) write(place int, content []byte) error {
	if place >= PlacesPerSlot {
		if _, err := io.ReadFull(w.freed, make([]byte, 1)); err != nil {
			return fmt.Errorf("wait for a place to be fetched: %w", err)
		}
	}
	if _, err := w.slot.file.WriteAt(content[:whole(len(content))], w.slot.at(place)); err != nil {
		return fmt.Errorf("write the disk for exchange: %w", err)
	}
	return w.announce(binary.BigEndian.AppendUint32(nil, uint32(len(content))))
}
