package machine

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"alcove.dev/agent/api"
	"alcove.dev/agent/failure"
)

const (
	// addEntropyRequest is RNDADDENTROPY, reseedRequest is RNDRESEEDCRNG.
	addEntropyRequest = 0x40085203
	reseedRequest     = 0x5207
)

// Renew makes a machine that began as a copy, or has slept, one of its own and of today. Random numbers come first, and the
// users' processes last.
func (m *Machine) Renew(renewal api.Renewal) error {
	m.renewing.Lock()
	defer m.renewing.Unlock()
	if err := addEntropy(m.random, renewal.Entropy); err != nil {
		return failure.FromSystem(err, "renew the entropy")
	}
	reason := reasonOf(life{m.generation.Load(), m.machineID}, life{renewal.Generation, renewal.MachineID})
	stopped, err := m.step(renewal.UnixNanos, reason != "")
	if err != nil {
		return failure.FromSystem(err, "set the clock")
	}
	if err := unix.Sethostname([]byte(renewal.Hostname)); err != nil {
		return failure.FromSystem(err, "set the hostname to "+renewal.Hostname)
	}
	seed := seedOf(renewal)
	m.identity.write(identity{hostname: renewal.Hostname, machineID: renewal.MachineID, generation: renewal.Generation, seed: seed})
	m.machineID = renewal.MachineID
	if renewal.Generation != m.generation.Swap(renewal.Generation) {
		m.capture.EndConnections()
		// Without any the gateway decides. Where a root keeps them from being taken away, that is no reason not to go on.
		_ = m.capture.SetAddressRules(nil)
	}
	m.Execs.SetTrust(m.trust.renew(renewal.Certificates))
	if reason != "" {
		m.Execs.Interrupted(stopped, time.Unix(0, renewal.UnixNanos))
	}
	select {
	case m.renewed <- struct{}{}:
	default:
	}
	if renewal.Thaw {
		if err := m.Thaw(); err != nil {
			return err
		}
	}
	if reason != "" {
		m.hooks.start(occasion{generation: renewal.Generation, reason: reason, seed: seed})
	}
	return nil
}

// step sets the clock, and answers what it showed before. What happened until then, happened by the clock of then.
func (m *Machine) step(unixNanos int64, isAnotherLife bool) (before time.Time, err error) {
	before, running := time.Now(), uptime()
	if err := m.clock.renew(unixNanos); err != nil {
		return before, err
	}
	if isAnotherLife {
		m.boots.stepped(running, before.Add(-running))
	}
	return before, nil
}

// life is what a sandbox is between two renewals.
type life struct {
	generation uint64
	machineID  string
}

const (
	reasonResume = "resume"
	reasonFork   = "fork"
)

// reasonOf says what a renewal means for programs that run: nothing when it is a template's first or the same one again.
func reasonOf(before, after life) string {
	switch {
	case before.generation == 0 || after.generation <= before.generation:
		return ""
	case before.machineID == after.machineID:
		return reasonResume
	}
	return reasonFork
}

// seedOf is what programs are given to repeat a run with: the kernel's own random numbers never repeat.
func seedOf(renewal api.Renewal) string {
	if !renewal.Seeded {
		return ""
	}
	sum := sha256.Sum256(renewal.Entropy)
	return hex.EncodeToString(sum[:])
}

// openRandom is called once, at the start: what users do to /dev cannot come between.
func openRandom() (int, error) {
	descriptor, err := unix.Open("/dev/urandom", unix.O_WRONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("open /dev/urandom: %w", err)
	}
	return descriptor, nil
}

// addEntropy mixes entropy in and makes the kernel's generator start over from it.
func addEntropy(descriptor int, entropy []byte) error {
	// struct rand_pool_info: how many bits of entropy, how many bytes, the bytes.
	pool := binary.NativeEndian.AppendUint32(nil, uint32(8*len(entropy)))
	pool = binary.NativeEndian.AppendUint32(pool, uint32(len(entropy)))
	pool = append(pool, entropy...)
	if err := controlRandom(descriptor, addEntropyRequest, pool); err != nil {
		return fmt.Errorf("RNDADDENTROPY: %w", err)
	}
	if err := controlRandom(descriptor, reseedRequest, nil); err != nil {
		return fmt.Errorf("RNDRESEEDCRNG: %w", err)
	}
	return nil
}

// controlRandom is a variable for tests.
var controlRandom = func(descriptor int, request uintptr, argument []byte) error {
	if _, _, number := unix.Syscall(unix.SYS_IOCTL, uintptr(descriptor), request, uintptr(unsafe.Pointer(unsafe.SliceData(argument)))); number != 0 {
		return number
	}
	return nil
}
