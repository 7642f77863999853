package host

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"
)

func (p *spawnPlan) joinCgroups() error {
	for _, directory := range p.cgroups {
		// 0 is whoever writes it.
		if err := os.WriteFile(filepath.Join(directory, "cgroup.procs"), []byte("0"), 0); err != nil {
			return fmt.Errorf("join cgroup: %w", err)
		}
	}
	return nil
}

func (p *spawnPlan) setPriorities() error {
	if p.oomScoreAdjust != 0 {
		if err := os.WriteFile("/proc/self/oom_score_adj", []byte(strconv.Itoa(p.oomScoreAdjust)), 0); err != nil {
			return fmt.Errorf("set the OOM score to %d: %w", p.oomScoreAdjust, err)
		}
	}
	if p.nice != 0 {
		if err := unix.Setpriority(unix.PRIO_PROCESS, 0, p.nice); err != nil {
			return fmt.Errorf("set niceness to %d: %w", p.nice, err)
		}
	}
	if p.openFiles != 0 {
		limit := unix.Rlimit{Cur: p.openFiles, Max: p.openFiles}
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
			return fmt.Errorf("limit open files to %d: %w", p.openFiles, err)
		}
	}
	return nil
}

// startSession leaves the daemon's session, so that what ends the daemon does not end the program. A process that leads its
// group already (started as a group of its own) has left.
func (p *spawnPlan) startSession() error {
	if _, err := unix.Setsid(); err != nil && err != unix.EPERM {
		return fmt.Errorf("setsid: %w", err)
	}
	return nil
}

func (p *spawnPlan) leaveNamespaces() error {
	flags := 0
	if p.newNetwork {
		flags |= unix.CLONE_NEWNET
	}
	if p.newMounts {
		flags |= unix.CLONE_NEWNS
	}
	if flags == 0 {
		return nil
	}
	if err := unix.Unshare(flags); err != nil {
		return fmt.Errorf("leave the host's namespaces: %w", err)
	}
	if p.newMounts {
		if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
			return fmt.Errorf("make mounts private: %w", err)
		}
	}
	return nil
}

// sealDescriptors makes sure that the program gets 0, 1, 2 and the descriptors named, and no others.
func (p *spawnPlan) sealDescriptors() error {
	const firstAfterStandard = 3
	if err := unix.CloseRange(firstAfterStandard, ^uint(0), unix.CLOSE_RANGE_CLOEXEC); err != nil {
		return fmt.Errorf("close_range: %w", err)
	}
	for _, descriptor := range p.keep {
		if _, err := unix.FcntlInt(uintptr(descriptor), unix.F_SETFD, 0); err != nil {
			return fmt.Errorf("keep descriptor %d: %w", descriptor, err)
		}
	}
	return nil
}

// dropRights gives up the user, the groups and with them all capabilities, for good.
func (p *spawnPlan) dropRights() error {
	if p.userID != unset {
		// The plain system calls: they concern this thread alone, the one that stays.
		groups := make([]uint32, 0, len(p.groups)+1)
		for _, group := range p.groups {
			groups = append(groups, uint32(group))
		}
		first := uintptr(unsafe.Pointer(unsafe.SliceData(groups[:1])))
		calls := []struct {
			name    string
			number  uintptr
			a, b, c uintptr
		}{
			{"setgroups", unix.SYS_SETGROUPS, uintptr(len(groups)), first, 0},
			{"setresgid", unix.SYS_SETRESGID, uintptr(p.groupID), uintptr(p.groupID), uintptr(p.groupID)},
			{"setresuid", unix.SYS_SETRESUID, uintptr(p.userID), uintptr(p.userID), uintptr(p.userID)},
		}
		for _, call := range calls {
			if _, _, number := unix.RawSyscall(call.number, call.a, call.b, call.c); number != 0 {
				return fmt.Errorf("%s: %w", call.name, number)
			}
		}
	}
	// Capabilities that unshare(1) handed over end here.
	if err := unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0); err != nil {
		return fmt.Errorf("clear ambient capabilities: %w", err)
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("no_new_privs: %w", err)
	}
	return nil
}
