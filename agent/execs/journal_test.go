package execs

import (
	"bytes"
	"context"
	"encoding/binary"
	"testing"
	"time"
)

const plenty = 64 << 20

// collected is what frames say: bytes by kind, gaps, and whether offsets follow each other.
type collected struct {
	output map[Kind]string
	gaps   [][2]int64
	next   int64
}

func parseFrames(t *testing.T, frames []byte, from int64) collected {
	t.Helper()
	seen := collected{output: map[Kind]string{}, next: from}
	for len(frames) > 0 {
		kind, length := Kind(frames[0]), int(binary.BigEndian.Uint32(frames[1:]))
		if length > framePayload {
			t.Fatalf("a frame has %d bytes", length)
		}
		payload := frames[frameHeaderBytes : frameHeaderBytes+length]
		frames = frames[frameHeaderBytes+length:]
		first := int64(binary.BigEndian.Uint64(payload))
		if first != seen.next {
			t.Fatalf("offset %d follows %d", first, seen.next)
		}
		if kind == KindGap {
			seen.next = int64(binary.BigEndian.Uint64(payload[8:]))
			seen.gaps = append(seen.gaps, [2]int64{first, seen.next})
			continue
		}
		seen.output[kind] += string(payload[offsetBytes:])
		seen.next += int64(len(payload) - offsetBytes)
	}
	return seen
}

func readAll(t *testing.T, journal *Journal, from int64) collected {
	t.Helper()
	reader := journal.read(from)
	defer reader.close()
	var frames []byte
	for {
		batch, seen := reader.next(context.Background(), nil, time.Millisecond)
		frames = append(frames, batch...)
		if seen != more {
			return parseFrames(t, frames, from)
		}
	}
}

func TestBothStreamsKeepTheirOrderAndOffsets(t *testing.T) {
	journal := newJournal(NewBudget(plenty), 0)
	journal.Append(KindStdout, []byte("one "))
	journal.Append(KindStderr, []byte("bad "))
	journal.Append(KindStdout, []byte("two"))
	seen := readAll(t, journal, 0)
	if seen.output[KindStdout] != "one two" || seen.output[KindStderr] != "bad " || seen.next != 11 {
		t.Fatalf("seen %+v", seen)
	}
	if later := readAll(t, journal, 6); later.output[KindStderr] != "d " || later.output[KindStdout] != "two" {
		t.Fatalf("from 6 on: %+v", later)
	}
}

func TestWithoutReadersTheNewestMebibyteIsKept(t *testing.T) {
	journal := newJournal(NewBudget(plenty), 0)
	chunk := bytes.Repeat([]byte("x"), 10_000)
	for range 500 {
		journal.Append(KindStdout, chunk)
	}
	seen := readAll(t, journal, 0)
	kept := len(seen.output[KindStdout])
	if len(seen.gaps) != 1 || seen.gaps[0][0] != 0 || seen.next != 5_000_000 {
		t.Fatalf("gaps %v, next %d", seen.gaps, seen.next)
	}
	if kept < journalBytes-2*largestPiece || kept > journalBytes {
		t.Fatalf("%d bytes are kept", kept)
	}
}

func TestAppendWaitsForTheSlowestReader(t *testing.T) {
	journal := newJournal(NewBudget(plenty), 0)
	reader := journal.read(0)
	written := make(chan int, 1000)
	go func() {
		for index := range 100 {
			journal.Append(KindStdout, bytes.Repeat([]byte("y"), 50_000))
			written <- index
		}
		close(written)
	}()
	deadline := time.Now().Add(5 * time.Second)
	for len(written) < 15 && time.Now().Before(deadline) {
		time.Sleep(time.Millisecond)
	}
	time.Sleep(50 * time.Millisecond)
	if len(written) > 25 {
		t.Fatalf("%d chunks went in though nobody read", len(written))
	}
	var frames []byte
	for total := 0; total < 5_000_000; {
		var seen progress
		frames, seen = reader.next(context.Background(), frames[:0], time.Second)
		if seen != more {
			t.Fatalf("nothing came after %d bytes", total)
		}
		total += len(parseFrames(t, frames, int64(total)).output[KindStdout])
	}
}

func TestAReaderThatLeavesFreesTheProcess(t *testing.T) {
	journal := newJournal(NewBudget(plenty), 0)
	reader := journal.read(0)
	done := make(chan struct{})
	go func() {
		for range 50 {
			journal.Append(KindStdout, bytes.Repeat([]byte("z"), 60_000))
		}
		close(done)
	}()
	time.Sleep(20 * time.Millisecond)
	select {
	case <-done:
		t.Fatal("Append did not wait")
	default:
	}
	reader.close()
	<-done
}

func TestATerminalDoesNotWaitForOneOfItsViewersWhoIsLate(t *testing.T) {
	journal := newJournal(NewBudget(plenty), 0)
	journal.isTerminal = true
	stalled, reader := journal.read(0), journal.read(0)
	const total = 5_000_000
	written := make(chan struct{})
	go func() {
		for range total / 50_000 {
			journal.Append(KindStdout, bytes.Repeat([]byte("y"), 50_000))
		}
		close(written)
	}()
	var frames []byte
	for offset := int64(0); offset < total; {
		var seen progress
		frames, seen = reader.next(context.Background(), frames[:0], 5*time.Second)
		if seen != more {
			t.Fatalf("nothing came after %d bytes", offset)
		}
		read := parseFrames(t, frames, offset)
		if len(read.gaps) > 0 {
			t.Fatalf("the one that reads has gaps %v", read.gaps)
		}
		offset = read.next
	}
	<-written
	frames, _ = stalled.next(context.Background(), nil, time.Second)
	late := parseFrames(t, frames, 0)
	if len(late.gaps) != 1 || late.gaps[0][1] < total-journalBytes {
		t.Fatalf("the one that was stalled has gaps %v", late.gaps)
	}
}

func TestATerminalWithOneViewerWaitsForIt(t *testing.T) {
	journal := newJournal(NewBudget(plenty), 0)
	journal.isTerminal = true
	reader := journal.read(0)
	done := make(chan struct{})
	go func() {
		for range 50 {
			journal.Append(KindStdout, bytes.Repeat([]byte("z"), 60_000))
		}
		close(done)
	}()
	time.Sleep(20 * time.Millisecond)
	select {
	case <-done:
		t.Fatal("Append did not wait")
	default:
	}
	reader.close()
	<-done
}

func TestAnOutputLimitKeepsTheFirstBytesOfEachStream(t *testing.T) {
	journal := newJournal(NewBudget(plenty), 5)
	reader := journal.read(0)
	defer reader.close()
	journal.Append(KindStdout, []byte("abc"))
	journal.Append(KindStderr, []byte("123456789"))
	journal.Append(KindStdout, []byte("defgh"))
	seen := readAll(t, journal, 0)
	if seen.output[KindStdout] != "abcde" || seen.output[KindStderr] != "12345" {
		t.Fatalf("seen %+v", seen)
	}
	if counts := journal.Counts(); counts != (Counts{Stdout: 5, Stderr: 5, StdoutDropped: 3, StderrDropped: 4}) {
		t.Fatalf("counts %+v", counts)
	}
}

func TestAllJournalsTogetherStayUnderTheBudget(t *testing.T) {
	budget := NewBudget(4 << 20)
	for range 20 {
		journal := newJournal(budget, 0)
		for index := range 3000 {
			// Alternating single bytes cost most.
			journal.Append(Kind(1+index%2), []byte{'a'})
		}
		for range 100 {
			journal.Append(KindStdout, bytes.Repeat([]byte("b"), 30_000))
		}
	}
	if used := budget.used.Load(); used > 5<<20 {
		t.Fatalf("journals use %d bytes", used)
	}
}

func TestForgottenJournalsGiveTheirMemoryBack(t *testing.T) {
	budget := NewBudget(plenty)
	journal := newJournal(budget, 0)
	journal.Append(KindStdout, make([]byte, 500_000))
	journal.forget()
	if used := budget.used.Load(); used != 0 {
		t.Fatalf("%d bytes are still in use", used)
	}
}
