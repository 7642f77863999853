package cgroups

import "time"

// Freeze stops every user's process; it answers false when they did not all stop in time. The request to stop stays, so
// that whoever asked decides what follows.
func (t *Tree) Freeze(within time.Duration) (bool, error) {
	if err := writeAt(t.root, "cgroup.freeze", "1"); err != nil {
		return false, err
	}
	return until(within, func() bool { return t.frozen.is("frozen 1") }), nil
}

// Thaw lets them go on.
func (t *Tree) Thaw() error { return writeAt(t.root, "cgroup.freeze", "0") }
