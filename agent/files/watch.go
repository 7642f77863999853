package files

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"alcove.dev/agent/failure"
)

// Event is a change under a path that is watched. An overflow says that changes were lost.
type Event struct {
	Type  string `json:"type"`
	Path  string `json:"path,omitempty"`
	From  string `json:"from,omitempty"`
	IsDir bool   `json:"isDir,omitempty"`
}

const (
	created  = "created"
	modified = "modified"
	deleted  = "deleted"
	moved    = "moved"
	overflow = "overflow"
)

const (
	// windowTime is how long changes are gathered before they are told, each once.
	windowTime   = 50 * time.Millisecond
	windowEvents = 1024
	readAtOnce   = 64 << 10
)

// Watch tells what changes in a directory, or with a file, through inotify.
type Watch struct {
	file *os.File
	tree *watchedTree
	// only is the name of the file that is watched, in its directory; empty for the whole directory.
	only  string
	ended bool
}

// OpenWatch begins to watch: a directory, with all below it where recursive, or one file, which need not stay the same.
func OpenWatch(path string, recursive bool) (*Watch, error) {
	path = filepath.Clean(path)
	info, err := os.Stat(path)
	if err != nil {
		return nil, failure.FromSystem(err, "look at "+path)
	}
	descriptor, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return nil, failure.FromSystem(err, "watch "+path)
	}
	watch := &Watch{file: os.NewFile(uintptr(descriptor), "inotify")}
	root := path
	if !info.IsDir() {
		root, watch.only, recursive = filepath.Dir(path), filepath.Base(path), false
	}
	watch.tree = newWatchedTree(descriptor, root, recursive)
	if err := watch.tree.begin(); err != nil {
		watch.Close()
		return nil, err
	}
	return watch, nil
}

// Close ends the watch.
func (w *Watch) Close() { w.file.Close() }

// Run tells changes until the context ends, tell fails, or what is watched is gone.
func (w *Watch) Run(ctx context.Context, tell func([]Event) error) error {
	defer context.AfterFunc(ctx, w.Close)()
	buffer := make([]byte, readAtOnce)
	for !w.ended {
		window := &eventWindow{}
		w.file.SetReadDeadline(time.Time{})
		count, err := w.file.Read(buffer)
		if err != nil {
			return ctx.Err()
		}
		w.take(buffer[:count], window)
		w.file.SetReadDeadline(time.Now().Add(windowTime))
		for !w.ended {
			if count, err = w.file.Read(buffer); err != nil {
				break
			}
			w.take(buffer[:count], window)
		}
		w.settle(window)
		if events := window.take(); len(events) > 0 {
			if err := tell(events); err != nil {
				return err
			}
		}
	}
	return nil
}

// take reads the kernel's events; half of a move may wait for the other.
func (w *Watch) take(buffer []byte, window *eventWindow) {
	for len(buffer) >= unix.SizeofInotifyEvent {
		event, rest := parseInotify(buffer)
		buffer = rest
		w.note(event, window)
	}
}

func (w *Watch) note(event inotifyEvent, window *eventWindow) {
	if event.mask&unix.IN_Q_OVERFLOW != 0 {
		window.lose()
		return
	}
	if window.leaving != nil && (event.mask&unix.IN_MOVED_TO == 0 || event.cookie != window.leaving.cookie) {
		w.settle(window)
	}
	directory, known := w.tree.directories[event.watch]
	switch {
	case !known:
	case event.mask&(unix.IN_DELETE_SELF|unix.IN_MOVE_SELF|unix.IN_IGNORED) != 0:
		w.noteSelf(event, directory, window)
	case event.name != "":
		w.noteEntry(event, filepath.Join(directory, event.name), window)
	}
}

// noteSelf hears of a directory itself; those below the root are told by their parents.
func (w *Watch) noteSelf(event inotifyEvent, directory string, window *eventWindow) {
	if directory == w.tree.root {
		w.ended = true
		window.add(Event{Type: deleted, Path: directory, IsDir: true})
	} else if event.mask&unix.IN_IGNORED != 0 {
		delete(w.tree.directories, event.watch)
	}
}

func (w *Watch) noteEntry(event inotifyEvent, path string, window *eventWindow) {
	isDir := event.mask&unix.IN_ISDIR != 0
	switch {
	case event.mask&unix.IN_MOVED_FROM != 0:
		window.leaving = &leaving{cookie: event.cookie, path: path, isDir: isDir}
	case event.mask&unix.IN_MOVED_TO != 0 && window.leaving != nil:
		from := window.leaving.path
		window.leaving = nil
		if isDir {
			w.tree.rename(from, path)
		}
		w.tell(window, Event{Type: moved, Path: path, From: from, IsDir: isDir})
	case event.mask&(unix.IN_MOVED_TO|unix.IN_CREATE) != 0:
		w.tell(window, Event{Type: created, Path: path, IsDir: isDir})
		if isDir {
			w.noteNewDirectory(path, window)
		}
	case event.mask&unix.IN_DELETE != 0:
		w.tell(window, Event{Type: deleted, Path: path, IsDir: isDir})
	default:
		w.tell(window, Event{Type: modified, Path: path, IsDir: isDir})
	}
}

// noteNewDirectory tells what came into a directory before it was watched.
func (w *Watch) noteNewDirectory(path string, window *eventWindow) {
	found, err := w.tree.add(path)
	for _, event := range found {
		w.tell(window, event)
	}
	if err != nil {
		window.lose()
	}
}

// settle tells of what moved out of sight that it is gone.
func (w *Watch) settle(window *eventWindow) {
	gone := window.leaving
	if gone == nil {
		return
	}
	window.leaving = nil
	if gone.isDir {
		w.tree.forget(gone.path)
	}
	w.tell(window, Event{Type: deleted, Path: gone.path, IsDir: gone.isDir})
}

// tell leaves out what is not watched, and the temporary files that become the files written through the agent.
func (w *Watch) tell(window *eventWindow, event Event) {
	if event.Type == moved {
		event = w.seenMove(event)
	}
	if isTemporary(event.Path) || w.only != "" && filepath.Base(event.Path) != w.only {
		return
	}
	window.add(event)
}

// seenMove is a move as it looks to one who does not see both of its ends.
func (w *Watch) seenMove(event Event) Event {
	if isTemporary(event.From) {
		return Event{Type: created, Path: event.Path, IsDir: event.IsDir}
	}
	if w.only != "" && filepath.Base(event.From) == w.only {
		return Event{Type: deleted, Path: event.From, IsDir: event.IsDir}
	}
	return event
}

func isTemporary(path string) bool {
	name := filepath.Base(path)
	return strings.HasPrefix(name, temporaryPrefix) && strings.HasSuffix(name, temporarySuffix)
}

// eventWindow gathers events for a moment; the same change is told once.
type eventWindow struct {
	events  []Event
	seen    map[Event]bool
	lost    bool
	leaving *leaving
}

// leaving is the first half of a move.
type leaving struct {
	cookie uint32
	path   string
	isDir  bool
}

func (w *eventWindow) add(event Event) {
	if event.Type == modified && w.seen[event] {
		return
	}
	if len(w.events) >= windowEvents {
		w.lose()
		return
	}
	if w.seen == nil {
		w.seen = map[Event]bool{}
	}
	w.seen[event] = true
	w.events = append(w.events, event)
}

func (w *eventWindow) lose() { w.lost = true }

func (w *eventWindow) take() []Event {
	if w.lost {
		return append(w.events, Event{Type: overflow})
	}
	return w.events
}
