package machine

import (
	"strconv"
	"strings"
	"time"
)

// longestFreeze bounds what a caller may wait for.
const longestFreeze = time.Minute

// usersCgroup is where all of the users' processes are, unless one of them moved itself.
const usersCgroup = "0::/alcove/user/"

// Freeze stops the users' processes; it answers false when one of them did not stop in time, or is where it cannot be stopped.
func (m *Machine) Freeze(timeoutMs int64) (bool, error) {
	deadline := time.Now().Add(min(time.Duration(max(timeoutMs, 0))*time.Millisecond, longestFreeze))
	frozen, err := m.cgroups.Freeze(time.Until(deadline))
	if err != nil || !frozen || m.Prepared() != nil {
		return frozen, err
	}
	escaped, err := m.anyEscaped(deadline)
	if err != nil || escaped {
		return false, err
	}
	return m.cgroups.Frozen(), nil
}

// Thaw lets them go on.
func (m *Machine) Thaw() error { return m.cgroups.Thaw() }

// anyEscaped says whether one of the users' processes left their cgroup, as root may. Where the time does not suffice to look at all
// of them it is taken that one did.
func (m *Machine) anyEscaped(deadline time.Time) (bool, error) {
	users, err := m.users.usersProc()
	if err != nil {
		return false, err
	}
	pids, err := pidsIn(users)
	if err != nil {
		return false, err
	}
	for index, pid := range pids {
		content, err := users.read(strconv.Itoa(pid) + "/cgroup")
		// One that cannot be read has ended.
		if err == nil && !strings.Contains(string(content), usersCgroup) {
			return true, nil
		}
		if index > 0 && time.Now().After(deadline) {
			return true, nil
		}
	}
	return false, nil
}
