/** Addresses that no name may lead to and that nobody is connected to, unless a transport rule allows it: this host, its networks, what is no one's. */
import { networkInterfaces } from "node:os";
import { type Address, formatAddress, parseAddress, rangeHas } from "@alcove/contract";
import { forbiddenFour, forbiddenSix, globalSix, translatedFour } from "../../policy/egress/forbidden-ranges.js";

export function isForbiddenAddress(text: string): boolean {
  const address = parseAddress(text);
  return address === undefined || isForbidden(address) || ownAddresses().has(formatAddress(address));
}

function isForbidden(address: Address): boolean {
  if (address.length === 1) return forbiddenFour.some((range) => rangeHas(range, address));
  if (rangeHas(translatedFour, address)) return isForbiddenAddress(formatAddress([address[3] ?? 0]));
  return !rangeHas(globalSix, address) || forbiddenSix.some((range) => rangeHas(range, address));
}

const rememberedMs = 5_000;
let own: { readonly at: number; readonly addresses: ReadonlySet<string> } | undefined;

/** Of this host's interfaces, in canonical form. */
function ownAddresses(): ReadonlySet<string> {
  if (own !== undefined && performance.now() - own.at < rememberedMs) return own.addresses;
  const texts = Object.values(networkInterfaces()).flatMap((each) => each ?? []);
  const parsed = texts.map(({ address }) => parseAddress(address.replace(/%.*$/, "")));
  const addresses = new Set(parsed.filter((each) => each !== undefined).map(formatAddress));
  own = { at: performance.now(), addresses };
  return addresses;
}
