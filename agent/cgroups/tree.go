// Package cgroups keeps the users' processes in one subtree, each exec in a group of its own.
package cgroups

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"sync"

	"golang.org/x/sys/unix"
)

// Limits of everything that users run, together.
type Limits struct {
	MemoryBytes  int64
	ProcessCount int
}

// Tree is /alcove/user of a cgroup2 file system that no user can unmount. Controllers work on the whole of it: groups
// of single execs have none, which makes them cheap, and used ones wait in a pool for the next exec.
type Tree struct {
	root   int
	mutex  sync.Mutex
	free   []*Group
	made   int
	frozen *eventsFile
	freeze int // cgroup.freeze, open
}

// poolGroups is how many groups wait for the next exec.
const poolGroups = 8

// NewTree makes the subtree under root, a descriptor of a cgroup2 mount.
func NewTree(root int, limits Limits) (*Tree, error) {
	if err := writeAt(root, "cgroup.subtree_control", "+memory +pids +cpu"); err != nil {
		return nil, err
	}
	for _, path := range []string{"alcove", "alcove/user"} {
		if err := unix.Mkdirat(root, path, 0o755); err != nil && !errors.Is(err, unix.EEXIST) {
			return nil, fmt.Errorf("make cgroup %s: %w", path, err)
		}
	}
	settings := map[string]string{
		"alcove/memory.max": strconv.FormatInt(limits.MemoryBytes, 10),
		"alcove/pids.max":   strconv.Itoa(limits.ProcessCount),
	}
	for path, value := range settings {
		if err := writeAt(root, path, value); err != nil {
			return nil, err
		}
	}
	user, err := unix.Openat(root, "alcove/user", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open cgroup alcove/user: %w", err)
	}
	events, err := openEvents(user)
	if err != nil {
		return nil, err
	}
	freeze, err := unix.Openat(user, "cgroup.freeze", unix.O_WRONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open cgroup.freeze: %w", err)
	}
	tree := &Tree{root: user, frozen: events, freeze: freeze}
	return tree, tree.fill()
}

// fill makes groups ahead of the execs that will want them.
func (t *Tree) fill() error {
	for range poolGroups {
		group, err := t.make()
		if err != nil {
			return err
		}
		t.free = append(t.free, group)
	}
	return nil
}

// Take returns an empty group.
func (t *Tree) Take() (*Group, error) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	if last := len(t.free) - 1; last >= 0 {
		group := t.free[last]
		t.free = t.free[:last]
		return group, nil
	}
	return t.make()
}

// Give takes back a group that is empty.
func (t *Tree) Give(group *Group) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	if len(t.free) < poolGroups {
		t.free = append(t.free, group)
		return
	}
	group.close()
	unix.Unlinkat(t.root, group.name, unix.AT_REMOVEDIR)
}

func (t *Tree) make() (*Group, error) {
	t.made++
	name := "exec-" + strconv.Itoa(t.made)
	if err := unix.Mkdirat(t.root, name, 0o755); err != nil {
		return nil, fmt.Errorf("make cgroup %s: %w", name, err)
	}
	return openGroup(t.root, name)
}

func writeAt(directory int, path, value string) error {
	descriptor, err := unix.Openat(directory, path, unix.O_WRONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("open cgroup file %s: %w", path, err)
	}
	defer unix.Close(descriptor)
	if _, err := unix.Write(descriptor, []byte(value)); err != nil {
		return fmt.Errorf("write %q to cgroup file %s: %w", value, path, err)
	}
	return nil
}

func readAt(directory int, path string) (string, error) {
	descriptor, err := unix.Openat(directory, path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return "", err
	}
	file := os.NewFile(uintptr(descriptor), path)
	defer file.Close()
	content := make([]byte, 64<<10)
	count, err := file.Read(content)
	return string(content[:count]), err
}
