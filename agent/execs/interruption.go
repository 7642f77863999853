package execs

import "time"

// interruption says that the sandbox stood still when the output had come to an offset. Times are the wall clock's.
type interruption struct {
	number          int64
	offset          int64
	fromMs, untilMs int64
}

// interruptionsKept: of more, the oldest are forgotten.
const interruptionsKept = 64

// interrupt notes a sleep of the sandbox; readers are told when they come to it.
func (j *Journal) interrupt(from, until time.Time) {
	j.mutex.Lock()
	defer j.mutex.Unlock()
	if len(j.interruptions) == interruptionsKept {
		j.interruptions = append(j.interruptions[:0], j.interruptions[1:]...)
	}
	j.interrupted++
	fromMs := from.UnixMilli()
	j.interruptions = append(j.interruptions, interruption{
		number: j.interrupted, offset: j.next, fromMs: fromMs, untilMs: max(fromMs, until.UnixMilli()),
	})
	j.announce()
}

// owedInterruption is the next one that this reader was not told of, nil where there is none.
func (r *Reader) owedInterruption() *interruption {
	for index := range r.journal.interruptions {
		// One that reads from later on knows of it, or never asked.
		if next := &r.journal.interruptions[index]; next.number > r.told && next.offset >= r.offset {
			return next
		}
	}
	return nil
}

// tellInterruptions tells of those at the reader's offset, and answers how far the output goes without the next.
func (r *Reader) tellInterruptions(frames []byte) ([]byte, int64) {
	for {
		next := r.owedInterruption()
		switch {
		case next == nil:
			return frames, r.journal.next
		case next.offset > r.offset:
			return frames, next.offset
		}
		frames = appendInterrupted(frames, next.fromMs, next.untilMs)
		r.told = next.number
	}
}

// isAtInterruption: there is something to tell though there is no output.
func (r *Reader) isAtInterruption() bool {
	next := r.owedInterruption()
	return next != nil && next.offset == r.offset
}
