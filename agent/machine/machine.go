// Package machine is the sandbox as a whole: its boot, its root disk, its identity, its clock and its figures.
//
// boot.go kernel · rootdisk.go, prepare.go root disk · builddisk.go an image's disk · userinit.go the users' PID namespace · network.go what programs
// have of a network · renew.go, identity.go identity · trust.go whose certificates programs trust · volumes.go data disks · hooks.go what programs do about a renewal ·
// clock.go, boottimes.go, slew.go time · freeze.go standing still · stats.go, processes.go figures.
package machine

import (
	"encoding/hex"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"alcove.dev/agent/accounts"
	"alcove.dev/agent/api"
	"alcove.dev/agent/capture"
	"alcove.dev/agent/cgroups"
	"alcove.dev/agent/channel"
	"alcove.dev/agent/exchange"
	"alcove.dev/agent/execs"
	"alcove.dev/agent/failure"
	"alcove.dev/agent/spawn"
)

// Version is what /health tells.
const Version = "0.1.0"

// Machine is the sandbox that the agent runs as PID 1.
type Machine struct {
	proc       proc
	random     int // /dev/urandom
	bootID     string
	bootPrefix [8]byte // of the boot id's bytes
	generation atomic.Uint64
	renewing   sync.Mutex
	machineID  string        // of the last renewal
	renewed    chan struct{} // tells keepTime
	clock      clock
	boots      bootTimes
	hooks      *hooks
	cgroups    *cgroups.Tree
	users      *userSpace
	prepared   atomic.Bool
	identity   identityFiles
	preparing  sync.Mutex
	exchange   *exchange.Device
	build      buildDisk
	capture    *capture.Capture
	trust      trust
	volumes    sync.Mutex
	Book       *accounts.Book
	Execs      *execs.Registry
}

const (
	journalFraction = 16
	// agentReserveBytes of memory stay out of the users' reach.
	agentReserveBytes   = 40 << 20
	defaultProcessLimit = 32768
)

// New takes the machine over, after BootKernel.
func New() (*Machine, error) {
	procDescriptor, err := privateMount("proc")
	if err != nil {
		return nil, err
	}
	cgroupDescriptor, err := privateMount("cgroup2")
	if err != nil {
		return nil, err
	}
	m := &Machine{renewed: make(chan struct{}, 1), proc: proc(procDescriptor), capture: capture.New()}
	m.Book = accounts.NewBook("/etc/passwd", "/etc/group")
	if err := m.readBootID(); err != nil {
		return nil, err
	}
	if m.random, err = openRandom(); err != nil {
		return nil, err
	}
	memory, err := m.memory()
	if err != nil {
		return nil, err
	}
	limits := cgroups.Limits{
		MemoryBytes:  max(memory.totalBytes-agentReserveBytes, memory.totalBytes/2),
		ProcessCount: m.processLimit(),
	}
	if m.cgroups, err = cgroups.NewTree(cgroupDescriptor, limits); err != nil {
		return nil, err
	}
	own, err := unix.Openat(procDescriptor, "self/ns/pid", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	spawn.UseNamespaces(own)
	m.users = newUserSpace(m.proc)
	sandbox := &execs.Sandbox{Book: m.Book, Cgroups: m.cgroups, Namespace: m.users.namespace}
	m.Execs = execs.NewRegistry(sandbox, memory.totalBytes/journalFraction)
	m.hooks = newHooks(hookDirectory, m.Execs.RunUnlisted)
	return m, raiseLimits()
}

func (m *Machine) readBootID() error {
	content, err := m.proc.read("sys/kernel/random/boot_id")
	m.bootID = strings.TrimSpace(string(content))
	raw, _ := hex.DecodeString(strings.ReplaceAll(m.bootID, "-", ""))
	copy(m.bootPrefix[:], raw)
	return err
}

// processLimit is half of what the kernel allows, which is one for each 128 KiB of memory: as many small processes as it allows
// take all memory there is, and the machine would do nothing but read their programs again, for minutes.
func (m *Machine) processLimit() int {
	var threads int
	content, err := m.proc.read("sys/kernel/threads-max")
	if err != nil {
		return defaultProcessLimit
	}
	if _, err := fmt.Sscan(string(content), &threads); err != nil {
		return defaultProcessLimit
	}
	return max(256, min(defaultProcessLimit, threads/2))
}

// raiseLimits sets what every process starts with.
func raiseLimits() error {
	limits := map[int]unix.Rlimit{
		unix.RLIMIT_NOFILE: {Cur: 65_536, Max: 1_048_576},
		unix.RLIMIT_NPROC:  {Cur: unix.RLIM_INFINITY, Max: unix.RLIM_INFINITY},
		unix.RLIMIT_CORE:   {Cur: 0, Max: unix.RLIM_INFINITY},
	}
	for resource, limit := range limits {
		if err := unix.Setrlimit(resource, &limit); err != nil {
			return fmt.Errorf("set resource limit %d: %w", resource, err)
		}
	}
	return nil
}

// UseHost makes the agent's calls on a session of the host direction, until it is over.
func (m *Machine) UseHost(client *channel.Client) {
	m.capture.Use(client)
	m.keepTime(client)
}

// Identity is what the agent tells in its hello.
func (m *Machine) Identity() channel.Identity {
	return channel.Identity{Generation: m.generation.Load(), BootID: m.bootPrefix}
}

// Health tells who the agent is.
func (m *Machine) Health() api.Health {
	return api.Health{Version: Version, Generation: m.generation.Load(), BootID: m.bootID, UptimeMs: uptime().Milliseconds()}
}

func uptime() time.Duration {
	var now unix.Timespec
	unix.ClockGettime(unix.CLOCK_BOOTTIME, &now)
	return time.Duration(now.Nano())
}

// Generation is the one that the last renewal gave; 0 in a template.
func (m *Machine) Generation() uint64 { return m.generation.Load() }

// Prepared says whether there is a root disk to work on.
func (m *Machine) Prepared() error {
	if !m.prepared.Load() {
		return failure.New(failure.NotPrepared, "The sandbox has no root disk yet: it has not been prepared.")
	}
	return nil
}

// Exchange is the disk for large contents; nil where the machine has none.
func (m *Machine) Exchange() *exchange.Device { return m.exchange }

// Shutdown syncs and powers off, a moment later, so that the answer still goes out.
func (m *Machine) Shutdown() {
	time.AfterFunc(50*time.Millisecond, func() {
		unix.Sync()
		unix.Reboot(unix.LINUX_REBOOT_CMD_POWER_OFF)
	})
}
