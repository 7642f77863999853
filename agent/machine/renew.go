package machine

import (
	"encoding/binary"
	"fmt"
	"os"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"

	"alcove.dev/agent/api"
	"alcove.dev/agent/failure"
)

const (
	// addEntropyRequest is RNDADDENTROPY, reseedRequest is RNDRESEEDCRNG.
	addEntropyRequest = 0x40085203
	reseedRequest     = 0x5207
	// hostsMark ends the line of /etc/hosts that is ours to rewrite.
	hostsMark = "# this sandbox"
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
	if m.prepared.Load() {
		writeIdentity(renewal)
	}
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

// writeIdentity tells programs who the sandbox is. The files are the users' own: where they are in the way, the kernel's
// hostname still holds, so nothing here is an error.
func writeIdentity(renewal api.Renewal) {
	replace("/etc/machine-id", renewal.MachineID+"\n")
	replace("/etc/hostname", renewal.Hostname+"\n")
	content, err := readSmall("/etc/hosts")
	if err != nil || strings.TrimSpace(content) == "" {
		content = "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n"
	}
	var lines strings.Builder
	for line := range strings.Lines(content) {
		if !strings.HasSuffix(strings.TrimSpace(line), hostsMark) {
			lines.WriteString(strings.TrimSuffix(line, "\n") + "\n")
		}
	}
	fmt.Fprintf(&lines, "127.0.1.1\t%s\t%s\n", renewal.Hostname, hostsMark)
	replace("/etc/hosts", lines.String())
}

func readSmall(path string) (string, error) {
	descriptor, err := openPlain(path, unix.O_RDONLY)
	if err != nil {
		return "", err
	}
	defer unix.Close(descriptor)
	content := make([]byte, 64<<10)
	count, err := unix.Read(descriptor, content)
	return string(content[:max(count, 0)]), err
}

func replace(path, content string) {
	descriptor, err := openPlain(path, unix.O_WRONLY|unix.O_CREAT|unix.O_TRUNC)
	if err != nil {
		fmt.Fprintln(os.Stderr, "agent: identity:", err)
		return
	}
	defer unix.Close(descriptor)
	unix.Write(descriptor, []byte(content))
}

// openPlain opens a regular file and nothing that could make the agent wait.
func openPlain(path string, flags int) (int, error) {
	descriptor, err := unix.Open(path, flags|unix.O_NONBLOCK|unix.O_NOFOLLOW|unix.O_CLOEXEC|unix.O_NOCTTY, 0o644)
	if err != nil {
		return -1, fmt.Errorf("open %s: %w", path, err)
	}
	var status unix.Stat_t
	if err := unix.Fstat(descriptor, &status); err != nil || status.Mode&unix.S_IFMT != unix.S_IFREG {
		unix.Close(descriptor)
		return -1, fmt.Errorf("%s is not a regular file", path)
	}
	return descriptor, nil
}
