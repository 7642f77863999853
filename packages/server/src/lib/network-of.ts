import { isIPv6 } from "node:net";

/** An address, or of IPv6 the network of 64 bits, since one client has all of its addresses. */
export function networkOf(peer = ""): string {
  const address = peer.replace(/^::ffff:/, "");
  if (!isIPv6(address)) return address;
  const [head = "", tail = ""] = address.split("::");
  const [first, last] = [head, tail].map((text) => text.split(":").filter((part) => part !== ""));
  const zeros = Array.from({ length: 8 - (first?.length ?? 0) - (last?.length ?? 0) }, () => "0");
  return [...(first ?? []), ...zeros, ...(last ?? [])].slice(0, 4).join(":");
}
