/** At which address a visitor is: behind proxies that are trusted, the last one that they do not vouch for. Pure. */
import { type Address, type AddressRange, parseAddress, rangeHas } from "@alcove/contract";

/** `forwardedFor`: what the proxies wrote down, the nearest last. Undefined where a trusted proxy wrote what is no address. */
export function visitorAddress(
  peer: Address,
  forwardedFor: readonly string[],
  trusted: readonly AddressRange[],
): Address | undefined {
  let address: Address | undefined = peer;
  for (const text of [...forwardedFor].reverse()) {
    if (address === undefined || !isTrusted(address, trusted)) return address;
    address = parseAddress(text);
  }
  return address;
}

export function isTrusted(address: Address, trusted: readonly AddressRange[]): boolean {
  return trusted.some((range) => rangeHas(range, address));
}
