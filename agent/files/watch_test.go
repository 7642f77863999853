package files

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"alcove.dev/agent/failure"
)

// watching collects what a watch tells, paths relative to its folder.
type watching struct {
	t      *testing.T
	folder string
	events chan Event
	done   chan error
	stop   context.CancelFunc
}

func startWatching(t *testing.T, folder, path string, recursive bool) *watching {
	t.Helper()
	watch, err := OpenWatch(path, recursive)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	w := &watching{t: t, folder: folder, events: make(chan Event, 100_000), done: make(chan error, 1), stop: stop}
	go func() {
		w.done <- watch.Run(ctx, func(events []Event) error {
			for _, event := range events {
				w.events <- event
			}
			return nil
		})
	}()
	t.Cleanup(stop)
	return w
}

func (w *watching) shown(event Event) string {
	relative := func(path string) string { return strings.TrimPrefix(path, w.folder+"/") }
	text := event.Type + " " + relative(event.Path)
	if event.From != "" {
		text += " from " + relative(event.From)
	}
	if event.IsDir {
		text += "/"
	}
	return text
}

// until collects until the wanted event comes, and answers all that came.
func (w *watching) until(wanted string) []string {
	w.t.Helper()
	var seen []string
	for {
		select {
		case event := <-w.events:
			seen = append(seen, w.shown(event))
			if seen[len(seen)-1] == wanted {
				return seen
			}
		case <-time.After(10 * time.Second):
			w.t.Fatalf("%q did not come; the last seen: %q", wanted, seen[max(0, len(seen)-10):])
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestChangesOfADirectoryAreTold(t *testing.T) {
	folder := t.TempDir()
	w := startWatching(t, folder, folder, false)
	must(t, os.WriteFile(filepath.Join(folder, "a"), nil, 0o644))
	w.until("created a")
	must(t, os.WriteFile(filepath.Join(folder, "a"), []byte("x"), 0o644))
	w.until("modified a")
	must(t, os.Rename(filepath.Join(folder, "a"), filepath.Join(folder, "b")))
	w.until("moved b from a")
	must(t, os.Mkdir(filepath.Join(folder, "c"), 0o755))
	w.until("created c/")
	must(t, os.Rename(filepath.Join(folder, "b"), filepath.Join(folder, "c", "b")))
	w.until("deleted b")
	must(t, os.RemoveAll(filepath.Join(folder, "c")))
	w.until("deleted c/")
}

func TestAWholeTreeIsWatchedAndGrowsWithIt(t *testing.T) {
	folder := t.TempDir()
	must(t, os.MkdirAll(filepath.Join(folder, "one/two"), 0o755))
	w := startWatching(t, folder, folder, true)
	must(t, os.WriteFile(filepath.Join(folder, "one/two/deep"), nil, 0o644))
	w.until("created one/two/deep")
	must(t, os.MkdirAll(filepath.Join(folder, "new/below"), 0o755))
	must(t, os.WriteFile(filepath.Join(folder, "new/below/file"), nil, 0o644))
	w.until("created new/below/file")
	must(t, os.Rename(filepath.Join(folder, "new"), filepath.Join(folder, "one/renamed")))
	w.until("moved one/renamed from new/")
	must(t, os.WriteFile(filepath.Join(folder, "one/renamed/below/late"), nil, 0o644))
	w.until("created one/renamed/below/late")
	elsewhere := t.TempDir()
	must(t, os.Rename(filepath.Join(folder, "one"), filepath.Join(elsewhere, "one")))
	w.until("deleted one/")
	must(t, os.WriteFile(filepath.Join(elsewhere, "one/two/unseen"), nil, 0o644))
	must(t, os.WriteFile(filepath.Join(folder, "last"), nil, 0o644))
	for _, event := range w.until("created last") {
		if strings.Contains(event, "unseen") {
			t.Fatalf("what was moved away is still told: %q", event)
		}
	}
}

func TestAFileIsWatchedThroughBeingReplaced(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "config")
	must(t, os.WriteFile(path, nil, 0o644))
	w := startWatching(t, folder, path, true)
	must(t, os.WriteFile(filepath.Join(folder, "other"), nil, 0o644))
	_, err := Write(path, strings.NewReader("new"), WriteOptions{})
	must(t, err)
	seen := w.until("created config")
	must(t, os.Remove(path))
	seen = append(seen, w.until("deleted config")...)
	must(t, os.WriteFile(path, nil, 0o644))
	seen = append(seen, w.until("created config")...)
	must(t, os.Rename(path, filepath.Join(folder, "away")))
	seen = append(seen, w.until("deleted config")...)
	for _, event := range seen {
		if !strings.HasSuffix(event, " config") {
			t.Fatalf("told of something else: %q", seen)
		}
	}
}

func TestAWatchEndsWithWhatItWatches(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "gone")
	must(t, os.Mkdir(folder, 0o755))
	w := startWatching(t, filepath.Dir(folder), folder, true)
	must(t, os.Remove(folder))
	w.until("deleted gone/")
	if err := <-w.done; err != nil {
		t.Fatal(err)
	}
}

func TestAWatchEndsWithItsReader(t *testing.T) {
	w := startWatching(t, "", t.TempDir(), true)
	w.stop()
	select {
	case err := <-w.done:
		if err != context.Canceled {
			t.Fatal(err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("it goes on")
	}
}

func TestAFloodIsCutAndSaysSo(t *testing.T) {
	window := &eventWindow{}
	for number := range 3 * windowEvents {
		window.add(Event{Type: created, Path: fmt.Sprint("/", number)})
	}
	events := window.take()
	if len(events) != windowEvents+1 || events[windowEvents].Type != overflow {
		t.Fatalf("%d events, the last %v", len(events), events[len(events)-1])
	}
}

func TestWhatTheKernelLostIsTold(t *testing.T) {
	watch, window := &Watch{tree: newWatchedTree(-1, "/x", true)}, &eventWindow{}
	watch.note(inotifyEvent{watch: -1, mask: unix.IN_Q_OVERFLOW}, window)
	if events := window.take(); len(events) != 1 || events[0].Type != overflow {
		t.Fatalf("%v", events)
	}
}

func TestWhatIsWrittenAgainAndAgainIsToldOnceInAWhile(t *testing.T) {
	folder := t.TempDir()
	w := startWatching(t, folder, folder, false)
	file, err := os.Create(filepath.Join(folder, "busy"))
	must(t, err)
	defer file.Close()
	for range 10_000 {
		file.Write([]byte("x"))
	}
	must(t, os.Mkdir(filepath.Join(folder, "after"), 0o755))
	if seen := w.until("created after/"); len(seen) > 500 {
		t.Fatalf("%d events", len(seen))
	}
}

func TestWhatCannotBeWatchedIsRefused(t *testing.T) {
	if _, err := OpenWatch(filepath.Join(t.TempDir(), "nothing"), false); failure.From(err).Code != failure.FileNotFound {
		t.Fatal(err)
	}
	tree := newWatchedTree(-1, "/x", true)
	for number := range int32(watchedDirectories) {
		tree.directories[number] = "/x"
	}
	if err := tree.watch("/x/y", 0); failure.From(err).Code != failure.InvalidRequest {
		t.Fatal(err)
	}
}

func TestALinkInATreeIsNotFollowed(t *testing.T) {
	folder, elsewhere := t.TempDir(), t.TempDir()
	must(t, os.Symlink(elsewhere, filepath.Join(folder, "link")))
	must(t, os.Symlink(folder, filepath.Join(folder, "loop")))
	w := startWatching(t, folder, folder, true)
	must(t, os.WriteFile(filepath.Join(elsewhere, "unseen"), nil, 0o644))
	must(t, os.WriteFile(filepath.Join(folder, "seen"), nil, 0o644))
	if seen := w.until("created seen"); len(seen) != 1 {
		t.Fatalf("%q", seen)
	}
}
