package execs

import (
	"context"
	"encoding/binary"
	"fmt"
	"testing"
	"time"
)

// tellAll reads what a reader from an offset on is sent now, as words.
func tellAll(t *testing.T, journal *Journal, from int64) (words []string) {
	t.Helper()
	reader := journal.read(from)
	defer reader.close()
	var frames []byte
	for seen := more; seen == more; {
		var batch []byte
		batch, seen = reader.next(context.Background(), nil, time.Millisecond)
		frames = append(frames, batch...)
	}
	for len(frames) > 0 {
		payload := frames[frameHeaderBytes : frameHeaderBytes+int(binary.BigEndian.Uint32(frames[1:]))]
		if Kind(frames[0]) == KindInterrupted {
			words = append(words, fmt.Sprintf("%d-%d", binary.BigEndian.Uint64(payload), binary.BigEndian.Uint64(payload[timeBytes:])))
		} else {
			words = append(words, string(payload[offsetBytes:]))
		}
		frames = frames[frameHeaderBytes+len(payload):]
	}
	return words
}

func TestAReaderIsToldOfASleepWhereItWas(t *testing.T) {
	journal := newJournal(NewBudget(plenty), 0)
	journal.Append(KindStdout, []byte("before"))
	journal.interrupt(time.UnixMilli(1000), time.UnixMilli(5000))
	journal.interrupt(time.UnixMilli(6000), time.UnixMilli(5500))
	for from, wanted := range map[int64]string{0: "[before 1000-5000 6000-6000]", 6: "[1000-5000 6000-6000]"} {
		if words := fmt.Sprint(tellAll(t, journal, from)); words != wanted {
			t.Errorf("from %d on: %s", from, words)
		}
	}
	journal.Append(KindStdout, []byte("after"))
	for from, wanted := range map[int64]string{0: "[before 1000-5000 6000-6000 after]", 3: "[ore 1000-5000 6000-6000 after]", 7: "[fter]"} {
		if words := fmt.Sprint(tellAll(t, journal, from)); words != wanted {
			t.Errorf("from %d on: %s", from, words)
		}
	}
}

func TestOneWhoWaitsForOutputIsToldOfASleepAtOnceAndOnce(t *testing.T) {
	journal := newJournal(NewBudget(plenty), 0)
	reader := journal.read(0)
	defer reader.close()
	go journal.interrupt(time.UnixMilli(1), time.UnixMilli(2))
	frames, seen := reader.next(context.Background(), nil, 5*time.Second)
	if seen != more || len(frames) == 0 || Kind(frames[0]) != KindInterrupted {
		t.Fatalf("%v, % x", seen, frames)
	}
	if frames, seen := reader.next(context.Background(), nil, time.Millisecond); seen != nothing {
		t.Fatalf("again: %v, % x", seen, frames)
	}
}

func TestOneWhoLooksOnIsToldOfSleeps(t *testing.T) {
	journal := newJournal(NewBudget(plenty), 0)
	journal.interrupt(time.UnixMilli(1), time.UnixMilli(2))
	reader := journal.look(0)
	frames, seen := reader.next(context.Background(), nil, time.Millisecond)
	if seen != more || len(frames) == 0 || Kind(frames[0]) != KindInterrupted {
		t.Fatalf("%v, % x", seen, frames)
	}
}

func TestOfManySleepsTheNewestAreKept(t *testing.T) {
	journal := newJournal(NewBudget(plenty), 0)
	for number := range 1000 {
		journal.interrupt(time.UnixMilli(int64(number)), time.UnixMilli(int64(number)))
	}
	words := tellAll(t, journal, 0)
	if len(words) != interruptionsKept || words[len(words)-1] != "999-999" {
		t.Fatalf("%d are told, %v", len(words), words)
	}
}

func TestASleepThatIsForgottenWithItsOutputStopsNobody(t *testing.T) {
	journal := newJournal(NewBudget(plenty), 0)
	journal.Append(KindStdout, []byte("x"))
	journal.interrupt(time.UnixMilli(1), time.UnixMilli(2))
	for range 40 {
		journal.Append(KindStdout, make([]byte, largestPiece))
	}
	if words := tellAll(t, journal, journal.first+5); len(words) == 0 {
		t.Fatal("nothing was told")
	}
	reader := journal.read(0)
	defer reader.close()
	if frames, seen := reader.next(context.Background(), nil, time.Millisecond); seen != more || Kind(frames[0]) != KindGap {
		t.Fatalf("%v", seen)
	}
}
