package cgroups

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Group is one exec's cgroup.
type Group struct {
	name      string
	directory int
	events    *eventsFile
}

func openGroup(parent int, name string) (*Group, error) {
	directory, err := unix.Openat(parent, name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open cgroup %s: %w", name, err)
	}
	events, err := openEvents(directory)
	if err != nil {
		unix.Close(directory)
		return nil, err
	}
	return &Group{name: name, directory: directory, events: events}, nil
}

func (g *Group) close() {
	g.events.close()
	unix.Close(g.directory)
}

// Descriptor is the group's directory, to start a process in.
func (g *Group) Descriptor() int { return g.directory }

// Populated says whether a process lives in the group.
func (g *Group) Populated() bool { return g.events.is("populated 1") }

// Kill ends every process of the group.
func (g *Group) Kill() error { return writeAt(g.directory, "cgroup.kill", "1") }

// Empty kills what lives in the group and returns when nothing does.
func (g *Group) Empty(within time.Duration) error {
	if !g.Populated() {
		return nil
	}
	if err := g.Kill(); err != nil {
		return err
	}
	if !until(within, func() bool { return !g.Populated() }) {
		return fmt.Errorf("processes in cgroup %s outlived SIGKILL for %v", g.name, within)
	}
	return nil
}

// Processes lists the processes of the group by their numbers in the agent's PID namespace.
func (g *Group) Processes() []int {
	content, err := readAt(g.directory, "cgroup.procs")
	if err != nil {
		return nil
	}
	var pids []int
	for _, line := range strings.Fields(content) {
		if pid, err := strconv.Atoi(line); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}

// until asks again and again, with growing pauses, until the answer is yes or the time is over.
func until(within time.Duration, answer func() bool) bool {
	deadline := time.Now().Add(within)
	for pause := 200 * time.Microsecond; ; pause = min(pause*2, 20*time.Millisecond) {
		if answer() {
			return true
		}
		if time.Now().After(deadline) {
			return false
		}
		time.Sleep(pause)
	}
}

// eventsFile is an open cgroup.events.
type eventsFile struct{ descriptor int }

func openEvents(directory int) (*eventsFile, error) {
	descriptor, err := unix.Openat(directory, "cgroup.events", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open cgroup.events: %w", err)
	}
	return &eventsFile{descriptor: descriptor}, nil
}

func (e *eventsFile) close() { unix.Close(e.descriptor) }

func (e *eventsFile) is(line string) bool {
	var content [128]byte
	for {
		count, err := unix.Pread(e.descriptor, content[:], 0)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		return err == nil && strings.Contains(string(content[:count]), line)
	}
}
