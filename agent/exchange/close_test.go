package exchange

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"runtime"
	"testing"
	"time"
)

func TestACloseWhileTheOtherSideStallsReturns(t *testing.T) {
	device, _ := openDisk(t)
	slot := claim(t, device)
	before := runtime.NumGoroutine()
	for name, said := range map[string][]byte{
		"before its first part":     nil,
		"in the middle of a length": {0, 0},
		"after its first part":      {0, 0, 0, 9},
	} {
		lengths, announce := io.Pipe()
		content := must(slot.Content(lengths, func() error { return nil }))
		announce.Write(said)
		if len(said) == 4 {
			content.Read(make([]byte, 1))
		}
		within(t, "closing an upload that stalls "+name, content.Close)
	}
	for _, parts := range []int{0, 1, PlacesPerSlot, PlacesPerSlot + 1} {
		freed, _ := io.Pipe()
		announced := make(chan struct{}, parts)
		writer := must(slot.Writer(func([]byte) error { announced <- struct{}{}; return nil }, freed))
		writer.Write(make([]byte, parts*PlaceBytes))
		for range min(parts, PlacesPerSlot) {
			<-announced
		}
		within(t, fmt.Sprintf("closing a download of %d parts that nobody fetches", parts), writer.Close)
	}
	deadline := time.Now().Add(patience)
	for runtime.NumGoroutine() > before {
		if time.Now().After(deadline) {
			t.Fatalf("%d goroutines are left of %d", runtime.NumGoroutine(), before)
		}
		runtime.Gosched()
	}
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

func within(t *testing.T, what string, work func()) {
	t.Helper()
	done := make(chan struct{})
	go func() { work(); close(done) }()
	select {
	case <-done:
	case <-time.After(patience):
		t.Fatalf("%s does not return", what)
	}
}

func TestWhatHappensToTheOtherSideComesOut(t *testing.T) {
	device, _ := openDisk(t)
	slot := claim(t, device)
	gone := errors.New("the other side is gone")
	content := must(slot.Content(io.NopCloser(bytes.NewReader([]byte{0, 0, 0, 1})), func() error { return gone }))
	if _, err := content.Read(make([]byte, 1)); err != gone {
		t.Errorf("reading answered %v", err)
	}
	content.Close()
	for name, row := range map[string]struct {
		announce func([]byte) error
		freed    io.Reader
		wanted   error
	}{
		"nobody hears":       {func([]byte) error { return gone }, bytes.NewReader(nil), gone},
		"nothing is fetched": {func([]byte) error { return nil }, bytes.NewReader(nil), io.EOF},
	} {
		writer := must(slot.Writer(row.announce, io.NopCloser(row.freed)))
		if _, err := writer.Write(make([]byte, 6*PlaceBytes)); !errors.Is(err, row.wanted) {
			t.Errorf("%s: writing answered %v", name, err)
		}
		writer.Close()
	}
}
