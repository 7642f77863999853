/** Addresses that no name may lead to and that nobody is connected to, unless a transport rule allows it: this host, its networks, what is no one's. */
import { networkInterfaces } from "node:os";
import { type Address, formatAddress, parseAddress, rangeHas, readRange } from "@alcove/contract";

const four = [
  "0.0.0.0/8", // This network, and with it this host
  "10.0.0.0/8",
  "100.64.0.0/10", // Carriers' own, where some clouds have their services
  "127.0.0.0/8",
  "169.254.0.0/16", // Where clouds keep a machine's credentials
  "172.16.0.0/12",
  "192.0.0.0/24",
  "192.0.2.0/24", // Documentation, as the other two below
  "192.88.99.0/24", // 6to4 relays
  "192.168.0.0/16",
  "198.18.0.0/15", // Stands for names
  "198.51.100.0/24",
  "203.0.113.0/24",
  "224.0.0.0/3", // Multicast, reserved, broadcast
].map(rangeOf);

/** Clouds answer here too. */
const metadata = ["168.63.129.16/32"].map(rangeOf);

/** All that is given out to anybody; the rest of IPv6 is not connected to. */
const globalSix = rangeOf("2000::/3");
const six = [
  "2001::/23", // Teredo, ORCHID and other uses that are no host's address
  "2001:db8::/32",
  "2002::/16", // 6to4: an IPv4 address in other clothes
  "3fff::/20",
].map(rangeOf);

/** Where a network has IPv6 alone, its resolver gives IPv4 this form. */
const translated = rangeOf("64:ff9b::/96");

export function isForbiddenAddress(text: string): boolean {
  const address = parseAddress(text);
  return address === undefined || isForbidden(address) || ownAddresses().has(formatAddress(address));
}

function isForbidden(address: Address): boolean {
  if (address.length === 1) return [...four, ...metadata].some((range) => rangeHas(range, address));
  if (rangeHas(translated, address)) return isForbiddenAddress(formatAddress([address[3] ?? 0]));
  return !rangeHas(globalSix, address) || six.some((range) => rangeHas(range, address));
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

function rangeOf(text: string) {
  const range = readRange(text);
  if ("message" in range) throw new Error(`${text} ${range.message}`);
  return range;
}
