package capture

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// interfaceName is the network interface that leads nowhere: what is routed to it is redirected before, or refused.
const interfaceName = "alcove0"

// The addresses lie beside those that the gateway gives to names, which are counted up from the beginning of their ranges.
var (
	address4 = netip.MustParseAddr("198.19.255.1")
	address6 = netip.MustParseAddr("fd41:6c63:6f76:ffff::1")
	// Resolver is the name server of a sandbox; any other address would do.
	Resolver = netip.MustParseAddr("198.19.255.53")
)

// addInterface makes the interface, with addresses and default routes of both families.
func addInterface() error {
	connection, err := netlink.Dial(unix.NETLINK_ROUTE, nil)
	if err != nil {
		return fmt.Errorf("netlink: %w", err)
	}
	defer connection.Close()
	const create = netlink.Request | netlink.Acknowledge | netlink.Create | netlink.Excl
	const change = netlink.Request | netlink.Acknowledge
	send := func(what string, kind netlink.HeaderType, flags netlink.HeaderFlags, content []byte) error {
		message := netlink.Message{Header: netlink.Header{Type: kind, Flags: flags}, Data: content}
		if _, err := connection.Execute(message); err != nil {
			return fmt.Errorf("%s of %s: %w", what, interfaceName, err)
		}
		return nil
	}
	if err := send("make the link", unix.RTM_NEWLINK, create, newLink()); err != nil {
		return err
	}
	found, err := net.InterfaceByName(interfaceName)
	if err != nil {
		return err
	}
	index := uint32(found.Index)
	if err := send("set the IPv6 mode", unix.RTM_NEWLINK, change, silentLink(index)); err != nil {
		return err
	}
	if err := send("bring up the link", unix.RTM_NEWLINK, change, linkMessage(index, unix.IFF_UP, unix.IFF_UP)); err != nil {
		return err
	}
	for _, address := range []netip.Addr{address4, address6} {
		if err := send("set the address "+address.String(), unix.RTM_NEWADDR, create, newAddress(index, address)); err != nil {
			return err
		}
		if err := send("set the default route", unix.RTM_NEWROUTE, create, defaultRoute(index, address)); err != nil {
			return err
		}
	}
	return nil
}

func newLink() []byte {
	attributes := netlink.NewAttributeEncoder()
	attributes.String(unix.IFLA_IFNAME, interfaceName)
	attributes.Nested(unix.IFLA_LINKINFO, func(nested *netlink.AttributeEncoder) error {
		nested.String(unix.IFLA_INFO_KIND, "dummy")
		return nil
	})
	return append(linkMessage(0, 0, 0), encoded(attributes)...)
}

// silentLink keeps the kernel from giving the link an address by itself and from asking on it for routers.
func silentLink(index uint32) []byte {
	const addressModeNone = 1 // IN6_ADDR_GEN_MODE_NONE
	attributes := netlink.NewAttributeEncoder()
	attributes.Nested(unix.IFLA_AF_SPEC, func(families *netlink.AttributeEncoder) error {
		families.Nested(unix.AF_INET6, func(nested *netlink.AttributeEncoder) error {
			nested.Uint8(unix.IFLA_INET6_ADDR_GEN_MODE, addressModeNone)
			return nil
		})
		return nil
	})
	return append(linkMessage(index, 0, 0), encoded(attributes)...)
}

// linkMessage is a struct ifinfomsg.
func linkMessage(index, flags, changed uint32) []byte {
	message := make([]byte, unix.SizeofIfInfomsg)
	binary.NativeEndian.PutUint32(message[4:], index)
	binary.NativeEndian.PutUint32(message[8:], flags)
	binary.NativeEndian.PutUint32(message[12:], changed)
	return message
}

// newAddress is a struct ifaddrmsg: the address alone, without a network.
func newAddress(index uint32, address netip.Addr) []byte {
	message := make([]byte, unix.SizeofIfAddrmsg)
	message[0], message[1], message[2] = family(address), byte(address.BitLen()), unix.IFA_F_NODAD
	binary.NativeEndian.PutUint32(message[4:], index)
	attributes := netlink.NewAttributeEncoder()
	attributes.Bytes(unix.IFA_LOCAL, address.AsSlice())
	attributes.Bytes(unix.IFA_ADDRESS, address.AsSlice())
	return append(message, encoded(attributes)...)
}

// defaultRoute is a struct rtmsg.
func defaultRoute(index uint32, source netip.Addr) []byte {
	message := make([]byte, unix.SizeofRtMsg)
	message[0] = family(source)
	message[4], message[5], message[7] = unix.RT_TABLE_MAIN, unix.RTPROT_STATIC, unix.RTN_UNICAST
	if source.Is4() {
		message[6] = unix.RT_SCOPE_LINK
	}
	attributes := netlink.NewAttributeEncoder()
	attributes.Uint32(unix.RTA_OIF, index)
	return append(message, encoded(attributes)...)
}

func family(address netip.Addr) byte {
	if address.Is4() {
		return unix.AF_INET
	}
	return unix.AF_INET6
}

func encoded(attributes *netlink.AttributeEncoder) []byte {
	content, err := attributes.Encode()
	if err != nil {
		panic(err) // of attributes too long, and these have constant lengths
	}
	return content
}
