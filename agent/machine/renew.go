package machine

import (
	"encoding/binary"
	"fmt"
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

// Renew makes a machine that began as a copy one of its own. Random numbers come first, and the users' processes last.
func (m *Machine) Renew(renewal api.Renewal) error {
	if err := addEntropy(m.random, renewal.Entropy); err != nil {
		return failure.FromSystem(err, "renew the entropy")
	}
	if err := setClock(renewal.UnixNanos); err != nil {
		return failure.FromSystem(err, "set the clock")
	}
	if err := unix.Sethostname([]byte(renewal.Hostname)); err != nil {
		return failure.FromSystem(err, "set the hostname to "+renewal.Hostname)
	}
	m.identity.write(renewal.Hostname, renewal.MachineID)
	m.generation.Store(renewal.Generation)
	select {
	case m.renewed <- struct{}{}:
	default:
	}
	if renewal.Thaw {
		return m.Thaw()
	}
	return nil
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
	if _, _, number := unix.Syscall(unix.SYS_IOCTL, uintptr(descriptor), addEntropyRequest, uintptr(unsafe.Pointer(&pool[0]))); number != 0 {
		return fmt.Errorf("RNDADDENTROPY: %w", number)
	}
	if _, _, number := unix.Syscall(unix.SYS_IOCTL, uintptr(descriptor), reseedRequest, 0); number != 0 {
		return fmt.Errorf("RNDRESEEDCRNG: %w", number)
	}
	return nil
}
