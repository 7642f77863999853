package execs

import (
	"context"
	"slices"
	"sync"
	"time"
)

// Journal keeps the newest output of one exec, both streams in the order they were read, each byte with an offset.
//
// With a reader attached and no output limit, Append waits while the slowest reader is a full journal behind, but not for one of several
// readers of a terminal who is late; otherwise it never waits, and what no longer fits is forgotten from the front. A journal without an output limit also knows when
// its bytes were read.
type Journal struct {
	mutex  sync.Mutex
	budget *Budget
	limit  int64 // of each stream; 0: none
	// isTerminal: several look at the same, and one that does not read holds up nobody. It finds a gap.
	isTerminal bool
	pieces     []piece
	first      int64 // offset of the oldest byte kept
	next       int64 // offset of the next byte
	memory     int64 // what the pieces and marks cost
	marks      []mark
	counts     Counts
	readers    []*Reader
	// interruptions of the process' life by sleeps of the sandbox, and how many there were.
	interruptions []interruption
	interrupted   int64
	// released: the process is gone, so there is nobody left to wait.
	released bool
	complete bool
	changed  chan struct{}
	waiting  bool
}

// piece is a run of output of one stream. Its bytes are never changed, only appended to.
type piece struct {
	kind   Kind
	offset int64
	bytes  []byte
}

// mark says when the bytes from an offset on were read.
type mark struct {
	offset int64
	unixMs int64
}

// Counts of bytes of an exec's output.
type Counts struct{ Stdout, Stderr, StdoutDropped, StderrDropped int64 }

// viewerPatience is how long others who look at a terminal wait for one who takes nothing.
const viewerPatience = time.Second

const (
	journalBytes  = 1 << 20
	smallestPiece = 256
	largestPiece  = framePayload - offsetBytes // a full piece is one frame
	pieceOverhead = 64
	markBytes     = 16
	markEveryMs   = 10
)

func newJournal(budget *Budget, limit int64) *Journal {
	budget.join()
	return &Journal{budget: budget, limit: limit, changed: make(chan struct{})}
}

// Counts reads how much there was.
func (j *Journal) Counts() Counts {
	j.mutex.Lock()
	defer j.mutex.Unlock()
	return j.counts
}

// Append adds output that was read from the process.
func (j *Journal) Append(kind Kind, output []byte) {
	j.mutex.Lock()
	defer j.mutex.Unlock()
	output = j.cut(kind, output)
	if len(output) == 0 {
		return
	}
	for j.mustWait(int64(len(output))) {
		if j.isTerminal {
			j.waitForViewers()
		} else {
			j.wait(context.Background(), 0)
		}
	}
	j.mark(time.Now().UnixMilli())
	j.add(kind, output)
	j.trim(j.capacity())
	j.announce()
}

// mark notes the time of what is added next, where it is not about that of what is there.
func (j *Journal) mark(unixMs int64) {
	if j.limit > 0 {
		return
	}
	if last := len(j.marks) - 1; last >= 0 {
		if since := unixMs - j.marks[last].unixMs; 0 <= since && since < markEveryMs {
			return
		}
	}
	j.marks = append(j.marks, mark{offset: j.next, unixMs: unixMs})
	j.charge(markBytes)
}

// markOf answers which mark holds for an offset, -1 for none.
func (j *Journal) markOf(offset int64) int {
	after, _ := slices.BinarySearchFunc(j.marks, offset+1, func(m mark, offset int64) int { return int(m.offset - offset) })
	return after - 1
}

// cut drops what is past the output limit.
func (j *Journal) cut(kind Kind, output []byte) []byte {
	count, dropped := &j.counts.Stdout, &j.counts.StdoutDropped
	if kind == KindStderr {
		count, dropped = &j.counts.Stderr, &j.counts.StderrDropped
	}
	if j.limit > 0 {
		kept := min(int64(len(output)), j.limit-*count)
		*dropped += int64(len(output)) - kept
		output = output[:kept]
	}
	*count += int64(len(output))
	return output
}

func (j *Journal) mustWait(more int64) bool {
	if j.limit > 0 || j.released || len(j.readers) == 0 {
		return false
	}
	j.trim(j.capacity() - more)
	return j.next > j.awaited() && j.memory+more > j.capacity()
}

// awaited is how far the slowest reader is whom the process waits for.
func (j *Journal) awaited() int64 {
	awaited := j.next
	for _, reader := range j.readers {
		if !reader.isLate {
			awaited = min(awaited, reader.offset)
		}
	}
	return awaited
}

// waitForViewers waits for whoever looks at a terminal. Who takes nothing for a while, where somebody else has taken all, is late.
func (j *Journal) waitForViewers() {
	slowest := j.awaited()
	if j.wait(context.Background(), viewerPatience) || j.awaited() != slowest || !j.isStarved() {
		return
	}
	for _, reader := range j.readers {
		if reader.offset == slowest {
			reader.isLate = true
		}
	}
}

// isStarved: one of the readers has taken all there is.
func (j *Journal) isStarved() bool {
	return slices.ContainsFunc(j.readers, func(reader *Reader) bool { return reader.offset == j.next })
}

// capacity is how much the journal may keep; an output limit is kept whole where memory allows.
func (j *Journal) capacity() int64 {
	return j.budget.share(max(journalBytes, 2*j.limit))
}

func (j *Journal) add(kind Kind, output []byte) {
	for len(output) > 0 {
		last := len(j.pieces) - 1
		if last < 0 || j.pieces[last].kind != kind || len(j.pieces[last].bytes) == cap(j.pieces[last].bytes) {
			size := min(max(len(output), smallestPiece), largestPiece)
			if last >= 0 && j.pieces[last].kind == kind {
				size = min(max(size, 2*cap(j.pieces[last].bytes)), largestPiece)
			}
			j.pieces = append(j.pieces, piece{kind: kind, offset: j.next, bytes: make([]byte, 0, size)})
			j.charge(int64(size + pieceOverhead))
			last++
		}
		target := &j.pieces[last]
		count := min(len(output), cap(target.bytes)-len(target.bytes))
		target.bytes = append(target.bytes, output[:count]...)
		j.next += int64(count)
		output = output[count:]
	}
}

// trim forgets whole pieces from the front until what is kept fits, but nothing that a reader is owed.
func (j *Journal) trim(capacity int64) {
	owed := j.next
	if j.limit == 0 && len(j.readers) > 0 {
		owed = j.awaited()
	}
	forgotten := 0
	for ; forgotten < len(j.pieces)-1 && j.memory > capacity; forgotten++ {
		end := j.pieces[forgotten+1].offset
		if end > owed {
			break
		}
		j.charge(-int64(cap(j.pieces[forgotten].bytes) + pieceOverhead))
		j.first = end
	}
	if forgotten > 0 {
		j.pieces = slices.Delete(j.pieces, 0, forgotten)
		j.trimMarks()
	}
}

// trimMarks forgets the marks of what is forgotten.
func (j *Journal) trimMarks() {
	if old := j.markOf(j.first); old > 0 {
		j.marks = slices.Delete(j.marks, 0, old)
		j.charge(-markBytes * int64(old))
	}
}

func (j *Journal) charge(bytes int64) {
	j.memory += bytes
	j.budget.use(bytes)
}

// release ends back-pressure: the process has ended and only its pipes' rest is still to come.
func (j *Journal) release() {
	j.mutex.Lock()
	defer j.mutex.Unlock()
	j.released = true
	j.announce()
}

// finish says that all output is there.
func (j *Journal) finish() {
	j.mutex.Lock()
	defer j.mutex.Unlock()
	j.released, j.complete = true, true
	j.announce()
}

// content is all that is kept, both streams in the order they were read.
func (j *Journal) content() []byte {
	j.mutex.Lock()
	defer j.mutex.Unlock()
	var all []byte
	for _, piece := range j.pieces {
		all = append(all, piece.bytes...)
	}
	return all
}

// forget drops all bytes and leaves the budget.
func (j *Journal) forget() {
	j.mutex.Lock()
	defer j.mutex.Unlock()
	j.charge(-j.memory)
	j.pieces, j.marks, j.first = nil, nil, j.next
	j.budget.leave()
	j.announce()
}

func (j *Journal) announce() {
	if j.waiting {
		j.waiting = false
		close(j.changed)
		j.changed = make(chan struct{})
	}
}

// wait gives up the lock until something changes; it answers false when the context ended or the time (if any) was over.
func (j *Journal) wait(ctx context.Context, within time.Duration) bool {
	j.waiting = true
	changed := j.changed
	j.mutex.Unlock()
	defer j.mutex.Lock()
	var expired <-chan time.Time
	if within > 0 {
		timer := time.NewTimer(within)
		defer timer.Stop()
		expired = timer.C
	}
	select {
	case <-changed:
		return true
	case <-ctx.Done():
		return false
	case <-expired:
		return false
	}
}
