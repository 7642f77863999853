package capture

import (
	"errors"
	"fmt"
	"net"
	"net/netip"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// AddressRule says of a range of addresses, and of one port there or, where that is 0, all, whether connections to it are refused.
type AddressRule struct {
	Range   netip.Prefix
	Port    uint16
	Rejects bool
}

// askedPorts are never refused here: names, and where the gateway answers why it refuses.
var askedPorts = []uint16{dnsPort, 80, 443}

// SetAddressRules puts rules in the place of those there are. The first for an address and port counts. They are a courtesy: so a root who
// took the table away is not given it again.
func (c *Capture) SetAddressRules(rules []AddressRule) error {
	c.addressing.Lock()
	defer c.addressing.Unlock()
	if len(rules) == 0 && !c.hasAddressRules {
		return nil
	}
	if err := replaceAddressRules(rules); err != nil && !errors.Is(err, unix.ENOENT) {
		return fmt.Errorf("nftables: %w", err)
	}
	c.hasAddressRules = len(rules) > 0
	return nil
}

func replaceAddressRules(rules []AddressRule) error {
	kernel, err := nftables.New()
	if err != nil {
		return err
	}
	r := ruleset{kernel: kernel, table: &nftables.Table{Family: nftables.TableFamilyINet, Name: tableName}}
	chain := &nftables.Chain{Name: addressesName, Table: r.table}
	kernel.FlushChain(chain)
	for _, port := range askedPorts {
		r.rule(chain, toPort(port), verdict(expr.VerdictReturn))
	}
	for _, rule := range rules {
		r.rule(chain, rule.matches(), rule.outcome())
	}
	return kernel.Flush()
}

// matches tells the TCP connections that the rule is for.
func (rule AddressRule) matches() parts {
	matched := parts{}
	if rule.Port != 0 {
		matched = toPort(rule.Port)
	}
	family, at := byte(unix.NFPROTO_IPV4), uint32(16)
	if rule.Range.Addr().Is6() {
		family, at = unix.NFPROTO_IPV6, 24
	}
	first := rule.Range.Addr().AsSlice()
	length := uint32(len(first))
	mask := net.CIDRMask(rule.Range.Bits(), int(length)*8)
	return append(matched,
		&expr.Meta{Key: expr.MetaKeyNFPROTO, Register: register}, compare(expr.CmpOpEq, []byte{family}),
		&expr.Payload{DestRegister: register, Base: expr.PayloadBaseNetworkHeader, Offset: at, Len: length},
		&expr.Bitwise{SourceRegister: register, DestRegister: register, Len: length, Mask: mask, Xor: make([]byte, length)},
		compare(expr.CmpOpEq, first),
	)
}

func (rule AddressRule) outcome() parts {
	if !rule.Rejects {
		return verdict(expr.VerdictReturn)
	}
	return parts{&expr.Counter{}, &expr.Reject{Type: unix.NFT_REJECT_TCP_RST}}
}

// opensConnection tells the first packet of a TCP connection.
func opensConnection() parts {
	const synchronize, acknowledge = 0x02, 0x10
	return parts{
		&expr.Payload{DestRegister: register, Base: expr.PayloadBaseTransportHeader, Offset: 13, Len: 1},
		&expr.Bitwise{SourceRegister: register, DestRegister: register, Len: 1, Mask: []byte{synchronize | acknowledge}, Xor: []byte{0}},
		compare(expr.CmpOpEq, []byte{synchronize}),
	}
}
