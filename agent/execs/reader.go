package execs

import (
	"context"
	"slices"
	"time"
)

// Reader follows a journal from an offset on.
type Reader struct {
	journal *Journal
	offset  int64
	closed  bool
	// isLate: nobody waits for it until it has caught up.
	isLate bool
	// withTimes: output is preceded by when it was read, and said is what was said last of that.
	withTimes bool
	said      int64
	// told is the number of the last interruption that it was told of.
	told int64
}

func (j *Journal) read(from int64) *Reader {
	j.mutex.Lock()
	defer j.mutex.Unlock()
	reader := &Reader{journal: j, offset: min(max(from, 0), j.next)}
	j.readers = append(j.readers, reader)
	return reader
}

// look follows it without being followed: nobody waits for this reader, who finds gaps where it was too slow.
func (j *Journal) look(from int64) *Reader {
	j.mutex.Lock()
	defer j.mutex.Unlock()
	return &Reader{journal: j, offset: min(max(from, 0), j.next), withTimes: true}
}

func (r *Reader) close() {
	j := r.journal
	j.mutex.Lock()
	defer j.mutex.Unlock()
	if r.closed {
		return
	}
	r.closed = true
	j.readers = slices.DeleteFunc(j.readers, func(other *Reader) bool { return other == r })
	j.announce()
}

// progress is what a look at the journal gave.
type progress int

const (
	more    progress = iota // frames were appended
	nothing                 // the time was over first
	done                    // there is no more and never will be
	stopped                 // the context ended
)

// batchBytes is about how much one look takes at most.
const batchBytes = 256 << 10

// next appends frames of output to frames; it waits for output no longer than within (0: as long as it takes).
func (r *Reader) next(ctx context.Context, frames []byte, within time.Duration) ([]byte, progress) {
	j := r.journal
	j.mutex.Lock()
	defer j.mutex.Unlock()
	for r.offset == j.next && !r.isAtInterruption() {
		if j.complete {
			return frames, done
		}
		if !j.wait(ctx, within) {
			if ctx.Err() != nil {
				return frames, stopped
			}
			return frames, nothing
		}
	}
	if r.offset < j.first {
		frames = appendGap(frames, r.offset, j.first)
		r.offset = j.first
	}
	frames = r.collect(frames)
	r.isLate = r.isLate && j.next-r.offset > min(journalBytes, j.capacity())/2
	j.announce()
	return frames, more
}

func (r *Reader) collect(frames []byte) []byte {
	frames, until := r.tellInterruptions(frames)
	pieces := r.journal.pieces
	start, found := slices.BinarySearchFunc(pieces, r.offset, func(p piece, offset int64) int { return int(p.offset - offset) })
	if !found {
		start--
	}
	for _, piece := range pieces[max(start, 0):] {
		output := piece.bytes[r.offset-piece.offset:]
		for len(output) > 0 {
			if len(frames) >= batchBytes {
				return frames
			}
			if r.offset == until {
				frames, until = r.tellInterruptions(frames)
			}
			count := int(min(int64(len(output)), framePayload-offsetBytes, until-r.offset))
			if r.withTimes {
				frames, count = r.tell(frames, count)
			}
			frames = appendOutput(frames, piece.kind, r.offset, output[:count])
			r.offset += int64(count)
			output = output[count:]
		}
	}
	return frames
}

// tell says when the output at the offset was read, unless that was said last; it answers for how much of it that holds.
func (r *Reader) tell(frames []byte, count int) ([]byte, int) {
	marks := r.journal.marks
	current := r.journal.markOf(r.offset)
	if current < 0 {
		return frames, count
	}
	if unixMs := marks[current].unixMs; unixMs != r.said {
		frames, r.said = appendTime(frames, unixMs), unixMs
	}
	if current+1 < len(marks) {
		count = int(min(int64(count), marks[current+1].offset-r.offset))
	}
	return frames, count
}
