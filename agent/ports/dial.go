// Package ports connects the daemon with what listens on TCP inside the sandbox.
package ports

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"strconv"
	"syscall"
	"time"

	"alcove.dev/agent/failure"
)

// dialPatience is how long one address may take: a program whose queue of connections is full answers nothing.
var dialPatience = 3 * time.Second

// Dial connects to a port: at 127.0.0.1, then at ::1, then at the sandbox's other addresses, wherever a program listens first.
func Dial(ctx context.Context, port uint16) (*net.TCPConn, error) {
	isSilent := false
	for _, address := range addresses() {
		conn, err := dialAddress(ctx, netip.AddrPortFrom(address, port))
		if err == nil {
			return conn, nil
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		isSilent = isSilent || errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, syscall.ETIMEDOUT)
	}
	if isSilent {
		return nil, failure.New(failure.PortTimedOut, "What listens on port %d takes no connections: %v passed.", port, dialPatience)
	}
	return nil, failure.New(failure.PortRefused, "Nothing listens on port %d.", port)
}

func dialAddress(ctx context.Context, to netip.AddrPort) (*net.TCPConn, error) {
	dialer := net.Dialer{Timeout: dialPatience, KeepAlive: -1}
	conn, err := dialer.DialContext(ctx, "tcp", net.JoinHostPort(to.Addr().String(), strconv.Itoa(int(to.Port()))))
	if err != nil {
		return nil, err
	}
	tcp := conn.(*net.TCPConn)
	if isOwn(tcp) {
		tcp.Close()
		return nil, syscall.ECONNREFUSED
	}
	return tcp, nil
}

// isOwn says that the kernel gave the connection the very port that it goes to: it is then its own other end.
func isOwn(conn *net.TCPConn) bool { return conn.LocalAddr().String() == conn.RemoteAddr().String() }

func addresses() []netip.Addr {
	found := []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1}), netip.IPv6Loopback()}
	interfaces, err := net.InterfaceAddrs()
	if err != nil {
		return found
	}
	for _, each := range interfaces {
		if network, isNetwork := each.(*net.IPNet); isNetwork {
			address, isAddress := netip.AddrFromSlice(network.IP)
			if address = address.Unmap(); isAddress && !address.IsLoopback() && !address.IsLinkLocalUnicast() {
				found = append(found, address)
			}
		}
	}
	return found
}
