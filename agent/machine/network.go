package machine

import (
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"alcove.dev/agent/capture"
	"alcove.dev/agent/failure"
)

// openNetwork gives programs what there is of a network: lo, and the way to the daemon's gateway for all that leads out.
func (m *Machine) openNetwork() error {
	if err := raiseLoopback(); err != nil {
		return err
	}
	if err := m.setConnections(); err != nil {
		return err
	}
	if err := m.capture.Open(); err != nil {
		return fmt.Errorf("capture of the network: %w", err)
	}
	linkResolver("/etc", identityDirectory)
	return nil
}

// SetAddressRules says to which addresses connections are refused before the daemon's gateway is asked.
func (m *Machine) SetAddressRules(rules []capture.AddressRule) error {
	if err := m.capture.SetAddressRules(rules); err != nil {
		return failure.FromSystem(err, "set the rules for addresses")
	}
	return nil
}

// raiseLoopback brings up lo.
func raiseLoopback() error {
	socket, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("socket: %w", err)
	}
	defer unix.Close(socket)
	request, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	request.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	if err := unix.IoctlIfreq(socket, unix.SIOCSIFFLAGS, request); err != nil {
		return fmt.Errorf("bring up lo: %w", err)
	}
	return nil
}

// What the kernel remembers of redirected connections. By its own measure a small machine has so few places that those of connections
// which ended would fill them, and one that is closed in one direction would be forgotten after a minute of silence.
var connectionSettings = map[string]string{
	"nf_conntrack_max":                    "32768",
	"nf_conntrack_tcp_timeout_time_wait":  "5",
	"nf_conntrack_tcp_timeout_fin_wait":   "432000",
	"nf_conntrack_tcp_timeout_close_wait": "432000",
	"nf_conntrack_udp_timeout":            "10",
}

func (m *Machine) setConnections() error {
	for name, value := range connectionSettings {
		if err := m.proc.write("sys/net/netfilter/"+name, value); err != nil {
			return err
		}
	}
	return nil
}

// linkResolver names the resolver to programs, as identityFiles are named. What an image says of name servers is about other places.
func linkResolver(etc, directory string) {
	target, path := filepath.Join(directory, "resolv.conf"), filepath.Join(etc, "resolv.conf")
	err := os.WriteFile(target, []byte("nameserver "+capture.Resolver.String()+"\n"), 0o644)
	if err == nil {
		os.Remove(path)
		err = os.Symlink(target, path)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "agent: resolver:", err)
	}
}
