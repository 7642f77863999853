package capture

import (
	"io"
	"net"
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
