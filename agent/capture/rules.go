package capture

import (
	"fmt"
	"net"

	"github.com/google/nftables"
	"github.com/google/nftables/binaryutil"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// The table says, in nft's language:
//
//	table inet alcove {
//	  chain untracked { type filter hook output priority raw;
//	    oif lo th sport 61000-61001 accept        # what the agent answers is translated back
//	    oif lo notrack }                          # the rest of lo has nothing to do with us, and is spared the price
//	  chain addresses { }                         # filled by SetAddressRules
//	  chain refused { type filter hook output priority mangle;
//	    oif != alcove0 accept; tcp flags & (syn | ack) == syn jump addresses; meta l4proto tcp accept; udp dport 53 accept; reject }
//	  chain captured { type nat hook output priority dstnat;
//	    oif != alcove0 accept; tcp dport 53 redirect to :61001; meta l4proto tcp redirect to :61000; udp dport 53 redirect to :61001 }
//	  chain forwardedRefused { type filter hook prerouting priority mangle;
//	    iif lo accept; fib daddr oif != alcove0 accept; … as in refused }
//	  chain forwardedCaptured { type nat hook prerouting priority dstnat;
//	    iif lo accept; fib daddr oif != alcove0 accept; … as in captured }
//	}
//
// What is not routed to alcove0 stays in the sandbox, between its programs and its containers, and is left alone.
const (
	tableName     = "alcove"
	addressesName = "addresses"
)

// Ports of the agent, above those that the kernel gives out by itself.
const (
	connectionPort = 61000
	namePort       = 61001
)

const dnsPort = 53

// addRules puts the table into the kernel, whole or not at all.
func addRules() error {
	link, err := net.InterfaceByName(interfaceName)
	if err != nil {
		return err
	}
	loopback, err := net.InterfaceByName("lo")
	if err != nil {
		return err
	}
	kernel, err := nftables.New()
	if err != nil {
		return fmt.Errorf("nftables: %w", err)
	}
	rules := ruleset{kernel: kernel, link: uint32(link.Index), loopback: uint32(loopback.Index)}
	rules.table = kernel.AddTable(&nftables.Table{Family: nftables.TableFamilyINet, Name: tableName})
	rules.add()
	if err := kernel.Flush(); err != nil {
		return fmt.Errorf("nftables: %w", err)
	}
	return nil
}

type ruleset struct {
	kernel         *nftables.Conn
	table          *nftables.Table
	link, loopback uint32
}

func (r *ruleset) add() {
	output, prerouting := nftables.ChainHookOutput, nftables.ChainHookPrerouting
	untracked := r.chain("untracked", nftables.ChainTypeFilter, output, nftables.ChainPriorityRaw)
	r.rule(untracked, leavesBy(expr.CmpOpEq, r.loopback), fromPorts(connectionPort, namePort), verdict(expr.VerdictAccept))
	r.rule(untracked, leavesBy(expr.CmpOpEq, r.loopback), parts{&expr.Notrack{}})

	r.kernel.AddChain(&nftables.Chain{Name: addressesName, Table: r.table})
	refused := r.chain("refused", nftables.ChainTypeFilter, output, nftables.ChainPriorityMangle)
	r.rule(refused, leavesBy(expr.CmpOpNeq, r.link), verdict(expr.VerdictAccept))
	r.refuse(refused)
	captured := r.chain("captured", nftables.ChainTypeNAT, output, nftables.ChainPriorityNATDest)
	r.rule(captured, leavesBy(expr.CmpOpNeq, r.link), verdict(expr.VerdictAccept))
	r.redirect(captured)

	forwardedRefused := r.chain("forwardedRefused", nftables.ChainTypeFilter, prerouting, nftables.ChainPriorityMangle)
	r.onlyForwarded(forwardedRefused)
	r.refuse(forwardedRefused)
	forwardedCaptured := r.chain("forwardedCaptured", nftables.ChainTypeNAT, prerouting, nftables.ChainPriorityNATDest)
	r.onlyForwarded(forwardedCaptured)
	r.redirect(forwardedCaptured)
}

// onlyForwarded lets go of all that would not be routed to our interface.
func (r *ruleset) onlyForwarded(chain *nftables.Chain) {
	r.rule(chain, cameBy(r.loopback), verdict(expr.VerdictAccept))
	r.rule(chain, routedTo(expr.CmpOpNeq, r.link), verdict(expr.VerdictAccept))
}

// refuse answers what cannot be redirected at once, so that no program waits for it.
func (r *ruleset) refuse(chain *nftables.Chain) {
	toAddresses := parts{&expr.Verdict{Kind: expr.VerdictJump, Chain: addressesName}}
	r.rule(chain, protocol(unix.IPPROTO_TCP), opensConnection(), toAddresses)
	r.rule(chain, protocol(unix.IPPROTO_TCP), verdict(expr.VerdictAccept))
	r.rule(chain, protocol(unix.IPPROTO_UDP), toPort(dnsPort), verdict(expr.VerdictAccept))
	r.rule(chain, parts{&expr.Reject{Type: unix.NFT_REJECT_ICMPX_UNREACH, Code: unix.NFT_REJECT_ICMPX_PORT_UNREACH}})
}

func (r *ruleset) redirect(chain *nftables.Chain) {
	r.rule(chain, protocol(unix.IPPROTO_TCP), toPort(dnsPort), redirectTo(namePort))
	r.rule(chain, protocol(unix.IPPROTO_TCP), redirectTo(connectionPort))
	r.rule(chain, protocol(unix.IPPROTO_UDP), toPort(dnsPort), redirectTo(namePort))
}

func (r *ruleset) chain(name string, kind nftables.ChainType, hook *nftables.ChainHook, priority *nftables.ChainPriority) *nftables.Chain {
	return r.kernel.AddChain(&nftables.Chain{Name: name, Table: r.table, Type: kind, Hooknum: hook, Priority: priority})
}

func (r *ruleset) rule(chain *nftables.Chain, of ...parts) {
	var whole parts
	for _, each := range of {
		whole = append(whole, each...)
	}
	r.kernel.AddRule(&nftables.Rule{Table: r.table, Chain: chain, Exprs: whole})
}

// parts are expressions that belong together. They all work through register 1.
type parts []expr.Any

const register = 1

func leavesBy(operator expr.CmpOp, index uint32) parts {
	return parts{&expr.Meta{Key: expr.MetaKeyOIF, Register: register}, compare(operator, binaryutil.NativeEndian.PutUint32(index))}
}

func cameBy(index uint32) parts {
	return parts{&expr.Meta{Key: expr.MetaKeyIIF, Register: register}, compare(expr.CmpOpEq, binaryutil.NativeEndian.PutUint32(index))}
}

func routedTo(operator expr.CmpOp, index uint32) parts {
	route := &expr.Fib{Register: register, FlagDADDR: true, ResultOIF: true}
	return parts{route, compare(operator, binaryutil.NativeEndian.PutUint32(index))}
}

func protocol(number byte) parts {
	return parts{&expr.Meta{Key: expr.MetaKeyL4PROTO, Register: register}, compare(expr.CmpOpEq, []byte{number})}
}

func toPort(port uint16) parts {
	return parts{portAt(2), compare(expr.CmpOpEq, binaryutil.BigEndian.PutUint16(port))}
}

func fromPorts(first, last uint16) parts {
	return parts{
		portAt(0),
		compare(expr.CmpOpGte, binaryutil.BigEndian.PutUint16(first)),
		compare(expr.CmpOpLte, binaryutil.BigEndian.PutUint16(last)),
	}
}

func portAt(offset uint32) *expr.Payload {
	return &expr.Payload{DestRegister: register, Base: expr.PayloadBaseTransportHeader, Offset: offset, Len: 2}
}

func redirectTo(port uint16) parts {
	return parts{&expr.Immediate{Register: register, Data: binaryutil.BigEndian.PutUint16(port)}, &expr.Redir{RegisterProtoMin: register}}
}

func verdict(kind expr.VerdictKind) parts { return parts{&expr.Verdict{Kind: kind}} }

func compare(operator expr.CmpOp, value []byte) *expr.Cmp {
	return &expr.Cmp{Op: operator, Register: register, Data: value}
}
