/** Ranges of which no address is connected to, unless a transport rule allows it: private networks, what is no one's, and where clouds answer. */
import { type AddressRange, readRange } from "@alcove/contract";

export const forbiddenFour = [
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
  "168.63.129.16/32", // Clouds answer here too
].map(rangeOf);

/** All that is given out to anybody; the rest of IPv6 is not connected to. */
export const globalSix = rangeOf("2000::/3");
/** Of what is given out. */
export const forbiddenSix = [
  "2001::/23", // Teredo, ORCHID and other uses that are no host's address
  "2001:db8::/32",
  "2002::/16", // 6to4: an IPv4 address in other clothes
  "3fff::/20",
].map(rangeOf);

/** Where a network has IPv6 alone, its resolver gives IPv4 this form: as forbidden as what it stands for. */
export const translatedFour = rangeOf("64:ff9b::/96");

/** What stands for names in a sandbox. */
export const nameRanges = [rangeOf("198.18.0.0/15"), rangeOf("fd41:6c63:6f76::/96")] as const;

function rangeOf(text: string): AddressRange {
  const range = readRange(text);
  if ("message" in range) throw new Error(`${text} ${range.message}`);
  return range;
}
