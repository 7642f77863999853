package execs

import (
	"bytes"
	"context"
	"encoding/binary"
	"strings"
	"testing"
	"time"
)

// timed is output with when it was read.
type timed struct {
	unixMs int64
	text   string
}

func logged(t *testing.T, journal *Journal, from int64) (seen []timed, gaps int) {
	t.Helper()
	frames, _ := journal.look(from).next(context.Background(), nil, time.Millisecond)
	var now int64
	for len(frames) > 0 {
		kind, length := Kind(frames[0]), int(binary.BigEndian.Uint32(frames[1:]))
		payload := frames[frameHeaderBytes : frameHeaderBytes+length]
		frames = frames[frameHeaderBytes+length:]
		switch kind {
		case KindTime:
			now = int64(binary.BigEndian.Uint64(payload))
		case KindGap:
			gaps++
		default:
			seen = append(seen, timed{now, string(payload[offsetBytes:])})
		}
	}
	return seen, gaps
}

// appendAt is Append at a time of the test's.
func appendAt(journal *Journal, unixMs int64, output string) {
	journal.mutex.Lock()
	defer journal.mutex.Unlock()
	journal.counts.Stdout += int64(len(output))
	journal.mark(unixMs)
	journal.add(KindStdout, []byte(output))
	journal.trim(journal.capacity())
}

func TestALogSaysWhenItsOutputWasRead(t *testing.T) {
	journal := newJournal(NewBudget(plenty), 0)
	appendAt(journal, 1000, "first ")
	appendAt(journal, 1005, "soon after ")
	appendAt(journal, 2000, "later ")
	appendAt(journal, 500, "the clock was set back")
	seen, _ := logged(t, journal, 0)
	want := []timed{{1000, "first soon after "}, {2000, "later "}, {500, "the clock was set back"}}
	if len(seen) != len(want) || seen[0] != want[0] || seen[1] != want[1] || seen[2] != want[2] {
		t.Fatalf("%v", seen)
	}
	if seen, _ := logged(t, journal, 8); seen[0] != (timed{1000, "on after "}) {
		t.Fatalf("from the middle: %v", seen)
	}
}

func TestAFollowerIsToldATimeOnlyWhenItChanges(t *testing.T) {
	journal := newJournal(NewBudget(plenty), 0)
	reader := journal.look(0)
	appendAt(journal, 1000, "one")
	first, _ := reader.next(context.Background(), nil, time.Millisecond)
	appendAt(journal, 1001, "two")
	second, _ := reader.next(context.Background(), nil, time.Millisecond)
	if Kind(first[0]) != KindTime || Kind(second[0]) != KindStdout {
		t.Fatalf("kinds %d and %d", first[0], second[0])
	}
}

func TestTimesAreForgottenWithTheirOutput(t *testing.T) {
	journal := newJournal(NewBudget(plenty), 0)
	line := strings.Repeat("x", 1000)
	for number := range int64(20_000) {
		appendAt(journal, number*markEveryMs, line)
	}
	if kept := len(journal.marks); kept > journalBytes/1000+100 {
		t.Fatalf("%d marks are kept", kept)
	}
	if journal.memory > journalBytes+largestPiece+pieceOverhead {
		t.Fatalf("the journal costs %d bytes", journal.memory)
	}
	seen, gaps := logged(t, journal, 0)
	if gaps != 1 || seen[0].unixMs == 0 {
		t.Fatalf("%d gaps, first at %d", gaps, seen[0].unixMs)
	}
	journal.forget()
	if journal.memory != 0 {
		t.Fatalf("%d bytes are still charged", journal.memory)
	}
}

func TestTheTimesOfSinglesBytesStayWithinTheMemory(t *testing.T) {
	journal := newJournal(NewBudget(plenty), 0)
	for number := range int64(400_000) {
		appendAt(journal, number*markEveryMs, "x")
	}
	if journal.memory > 2*journalBytes+largestPiece {
		t.Fatalf("the journal costs %d bytes", journal.memory)
	}
}

func TestNobodyWaitsForOneWhoLooksOn(t *testing.T) {
	registry := newTestRegistry()
	exec, err := registry.Start(specOf("sh", "-c", "head -c 8000000 /dev/zero; echo end"))
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithTimeout(context.Background(), 20*time.Second)
	defer stop()
	stuck := make(chan struct{})
	defer close(stuck)
	go exec.Log(ctx, 0, writerFunc(func(bytes []byte) (int, error) {
		<-stuck
		return len(bytes), nil
	}), func() error { return nil })
	exec.Wait(ctx, 20*time.Second)
	if exec.Status().State != Exited {
		t.Fatal("the process waits for a log that nobody reads")
	}
	var rest bytes.Buffer
	if err := exec.Log(ctx, 0, &rest, func() error { return nil }); err != nil || !strings.Contains(rest.String(), "end\n") {
		t.Fatalf("%v", err)
	}
}

type writerFunc func([]byte) (int, error)

func (write writerFunc) Write(bytes []byte) (int, error) { return write(bytes) }
