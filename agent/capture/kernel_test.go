package capture

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// inOwnNetwork goes on in a network namespace of its own, whose thread ends with the test.
func inOwnNetwork(t *testing.T) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("only root makes a network namespace")
	}
	runtime.LockOSThread()
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		t.Skip("no network namespace can be made here: ", err)
	}
}

func TestTheInterfaceHasBothDefaultRoutes(t *testing.T) {
	inOwnNetwork(t)
	if err := addInterface(); err != nil {
		if strings.Contains(err.Error(), "make the link") {
			t.Skip("this kernel has no dummy interfaces: ", err)
		}
		t.Fatal(err)
	}
	link, err := net.InterfaceByName(interfaceName)
	must(t, err)
	addresses, err := link.Addrs()
	must(t, err)
	if len(addresses) != 2 || addresses[0].String() != "198.19.255.1/32" || addresses[1].String() != "fd41:6c63:6f76:ffff::1/128" {
		t.Error(addresses)
	}
	for _, routes := range []string{"/proc/thread-self/net/route", "/proc/thread-self/net/ipv6_route"} {
		content, err := os.ReadFile(routes)
		must(t, err)
		if !strings.Contains(string(content), interfaceName) {
			t.Errorf("%s: %s", routes, content)
		}
	}
}

func TestWhatIsRoutedOutIsRedirectedOrRefused(t *testing.T) {
	captureInOwnNetwork(t)
	conn, err := net.DialTimeout("tcp", destination.String(), 5*time.Second)
	must(t, err)
	conn.Write([]byte("x"))
	_, err = io.ReadFull(conn, make([]byte, 1))
	must(t, err)
	datagram, err := net.Dial("udp", destination.String())
	must(t, err)
	if _, err := datagram.Write([]byte("x")); err == nil {
		t.Error("a datagram left")
	}
	// The reset may come before the call has returned.
	own, err := net.Dial("tcp", "127.0.0.1:61000")
	if err == nil {
		_, err = own.Read(make([]byte, 1))
	}
	if !isReset(err) {
		t.Error(err)
	}
}

// captureInOwnNetwork captures what the test sends, in a network of its own.
func captureInOwnNetwork(t *testing.T) *Capture {
	t.Helper()
	inOwnNetwork(t)
	if err := addInterface(); err != nil {
		t.Skip("this kernel has no dummy interfaces: ", err)
	}
	if err := addRules(); err != nil {
		t.Skip("this kernel has no nf_tables with what the rules need: ", err)
	}
	raiseHere(t)
	c := New()
	join(t, c, echo)
	must(t, c.listen())
	return c
}

func raiseHere(t *testing.T) {
	t.Helper()
	socket, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM, 0)
	must(t, err)
	defer unix.Close(socket)
	request, err := unix.NewIfreq("lo")
	must(t, err)
	request.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	must(t, unix.IoctlIfreq(socket, unix.SIOCSIFFLAGS, request))
}

func TestConnectionsAreRefusedByTheirAddresses(t *testing.T) {
	c := captureInOwnNetwork(t)
	must(t, c.SetAddressRules([]AddressRule{
		{Range: netip.MustParsePrefix("203.0.113.5/32"), Port: 22},
		{Range: netip.MustParsePrefix("203.0.113.0/24"), Rejects: true},
		{Range: netip.MustParsePrefix("198.51.100.0/24"), Port: 25, Rejects: true},
		{Range: netip.MustParsePrefix("2001:db8::/33"), Rejects: true},
	}))
	refused := map[string]bool{
		"203.0.113.5:22": false, "203.0.113.5:23": true, "203.0.113.6:22": true, "203.0.113.6:80": false, "203.0.113.6:443": false,
		"198.51.100.9:25": true, "198.51.100.9:26": false, "203.0.112.255:23": false,
		"[2001:db8::1]:22": true, "[2001:db8:8000::1]:22": false, "[2001:db8::1]:443": false,
	}
	for address, isRefused := range refused {
		if err := dialOnce(address); errors.Is(err, unix.ECONNREFUSED) != isRefused || err != nil && !isRefused {
			t.Error(address, err)
		}
	}
	must(t, c.SetAddressRules(nil))
	for address := range refused {
		if err := dialOnce(address); err != nil {
			t.Error(address, "without rules", err)
		}
	}
}

func dialOnce(address string) error {
	conn, err := net.DialTimeout("tcp", address, 5*time.Second)
	if err == nil {
		conn.Close()
	}
	return err
}

func TestRulesForAddressesAreNotGivenToWhoTookTheTableAway(t *testing.T) {
	inOwnNetwork(t)
	err := New().SetAddressRules([]AddressRule{{Range: netip.MustParsePrefix("::/0"), Rejects: true}})
	if err != nil {
		t.Error(err)
	}
}
