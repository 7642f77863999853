package files

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"alcove.dev/agent/failure"
)

// watchedDirectories is how many directories one watch may cover; each costs the kernel about 1 KiB.
const watchedDirectories = 8192

const watchMask = unix.IN_CREATE | unix.IN_MODIFY | unix.IN_ATTRIB | unix.IN_DELETE | unix.IN_MOVED_FROM | unix.IN_MOVED_TO |
	unix.IN_DELETE_SELF | unix.IN_MOVE_SELF | unix.IN_ONLYDIR | unix.IN_EXCL_UNLINK

// watchedTree is the directories of a watch, by the kernel's numbers for them.
type watchedTree struct {
	inotify     int
	root        string
	recursive   bool
	directories map[int32]string
}

func newWatchedTree(inotify int, root string, recursive bool) *watchedTree {
	return &watchedTree{inotify: inotify, root: root, recursive: recursive, directories: map[int32]string{}}
}

// begin watches the root, and all below it where that was asked for.
func (t *watchedTree) begin() error {
	if err := t.watch(t.root, 0); err != nil {
		return err
	}
	_, err := t.below(t.root)
	return err
}

// add watches a new directory, and answers with what is in it already: it may have come before the watch.
func (t *watchedTree) add(path string) ([]Event, error) {
	if !t.recursive {
		return nil, nil
	}
	if err := t.watch(path, unix.IN_DONT_FOLLOW); err != nil {
		return nil, err
	}
	return t.below(path)
}

// below watches the directories in a directory. Those that went meanwhile, or that nobody may read, are passed by.
func (t *watchedTree) below(path string) ([]Event, error) {
	if !t.recursive {
		return nil, nil
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return nil, nil
	}
	var found []Event
	for _, entry := range entries {
		full := filepath.Join(path, entry.Name())
		if len(found) <= windowEvents {
			found = append(found, Event{Type: created, Path: full, IsDir: entry.IsDir()})
		}
		if !entry.IsDir() {
			continue
		}
		deeper, err := t.add(full)
		if err != nil {
			return found, err
		}
		if len(found) <= windowEvents {
			found = append(found, deeper...)
		}
	}
	return found, nil
}

func (t *watchedTree) watch(path string, how uint32) error {
	if len(t.directories) >= watchedDirectories {
		return failure.New(failure.InvalidRequest, "%s has more than %d directories, which is as many as can be watched at once.", t.root, watchedDirectories)
	}
	number, err := unix.InotifyAddWatch(t.inotify, path, watchMask|how)
	switch {
	case err == unix.ENOENT || err == unix.ENOTDIR && how != 0:
		return nil
	case err == unix.ENOSPC:
		return failure.New(failure.InvalidRequest, "The sandbox's kernel has no room to watch %s: fs.inotify.max_user_watches is reached.", path)
	case err != nil:
		return failure.FromSystem(err, "watch "+path)
	}
	t.directories[int32(number)] = path
	return nil
}

// rename follows a directory that was moved within the tree; one that came from where nobody looked has no numbers yet.
func (t *watchedTree) rename(from, to string) {
	for number, path := range t.directories {
		if rest, isBelow := strings.CutPrefix(path+"/", from+"/"); isBelow {
			t.directories[number] = filepath.Join(to, rest)
		}
	}
}

// forget stops watching a directory that was moved away, and all below it.
func (t *watchedTree) forget(gone string) {
	for number, path := range t.directories {
		if strings.HasPrefix(path+"/", gone+"/") {
			unix.InotifyRmWatch(t.inotify, uint32(number))
			delete(t.directories, number)
		}
	}
}

// inotifyEvent is the kernel's struct inotify_event (inotify(7)).
type inotifyEvent struct {
	watch  int32
	mask   uint32
	cookie uint32
	name   string
}

func parseInotify(buffer []byte) (event inotifyEvent, rest []byte) {
	order := binary.NativeEndian
	event = inotifyEvent{watch: int32(order.Uint32(buffer)), mask: order.Uint32(buffer[4:]), cookie: order.Uint32(buffer[8:])}
	end := min(len(buffer), unix.SizeofInotifyEvent+int(order.Uint32(buffer[12:])))
	event.name = string(bytes.TrimRight(buffer[unix.SizeofInotifyEvent:end], "\x00"))
	return event, buffer[end:]
}
