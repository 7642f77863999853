package cgroups

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// Freeze stops every user's process; it answers false when they did not all stop in time. The request to stop stays, so
// that whoever asked decides what follows.
func (t *Tree) Freeze(within time.Duration) (bool, error) {
	if err := t.writeFreeze("1"); err != nil {
		return false, err
	}
	return until(within, t.Frozen), nil
}

// Frozen says whether every process stands still now.
func (t *Tree) Frozen() bool { return t.frozen.is("frozen 1") }

// Thaw lets them go on.
func (t *Tree) Thaw() error { return t.writeFreeze("0") }

func (t *Tree) writeFreeze(value string) error {
	if _, err := unix.Pwrite(t.freeze, []byte(value), 0); err != nil {
		return fmt.Errorf("write %q to cgroup.freeze: %w", value, err)
	}
	return nil
}
