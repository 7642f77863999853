package capture

import (
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"unsafe"

	"golang.org/x/sys/unix"
)

// originalDestination is SO_ORIGINAL_DST, and IP6T_SO_ORIGINAL_DST too.
const originalDestination = 80

var errNotRedirected = errors.New("the connection was made to the agent's own port")

// meantDestination tells where a redirected connection was to go.
func meantDestination(conn *net.TCPConn) (netip.AddrPort, error) {
	local := conn.LocalAddr().(*net.TCPAddr).AddrPort()
	raw, err := conn.SyscallConn()
	if err != nil {
		return netip.AddrPort{}, err
	}
	var meant netip.AddrPort
	var failed error
	err = raw.Control(func(descriptor uintptr) {
		if local.Addr().Is4() {
			meant, failed = meant4(descriptor)
		} else {
			meant, failed = meant6(descriptor)
		}
	})
	switch {
	case err != nil:
		return meant, err
	case failed != nil:
		return meant, failed
	case meant.Port() == connectionPort && meant.Addr() == local.Addr().WithZone(""):
		return meant, errNotRedirected
	}
	return meant, nil
}

func meant4(descriptor uintptr) (netip.AddrPort, error) {
	var found unix.RawSockaddrInet4
	err := socketOption(descriptor, unix.SOL_IP, unsafe.Pointer(&found), unix.SizeofSockaddrInet4)
	return netip.AddrPortFrom(netip.AddrFrom4(found.Addr), networkOrder(found.Port)), err
}

func meant6(descriptor uintptr) (netip.AddrPort, error) {
	var found unix.RawSockaddrInet6
	err := socketOption(descriptor, unix.SOL_IPV6, unsafe.Pointer(&found), unix.SizeofSockaddrInet6)
	return netip.AddrPortFrom(netip.AddrFrom16(found.Addr), networkOrder(found.Port)), err
}

func socketOption(descriptor uintptr, level uintptr, into unsafe.Pointer, size uint32) error {
	_, _, number := unix.Syscall6(unix.SYS_GETSOCKOPT, descriptor, level, originalDestination, uintptr(into), uintptr(unsafe.Pointer(&size)), 0)
	if number != 0 {
		return number
	}
	return nil
}

func networkOrder(port uint16) uint16 {
	return binary.BigEndian.Uint16(binary.NativeEndian.AppendUint16(nil, port))
}
