/** Hosts as policies compare them: lower-case names in punycode, addresses in canonical form without brackets. */
import { type Fault, formatAddress, parseAddress } from "./addresses.js";
import { parseUrl } from "./parse-url.js";

export interface Host {
  readonly host: string;
  readonly isAddress: boolean;
}

/**
 * A host that stands alone, by the URL standard: what is not ASCII becomes punycode, case is folded, one trailing dot goes; decimal, octal and
 * hexadecimal forms of addresses become dotted decimals, and IPv4 that is mapped into IPv6 becomes IPv4. Undefined for what is no host,
 * and for what a reader of URLs would take for more than one: a port, a user, a path, an escape, a space, a zone.
 */
export function normalizeHost(text: string): Host | undefined {
  const bare = text.startsWith("[") && text.endsWith("]") ? text.slice(1, -1) : text;
  if (bare.includes(":")) return addressHost(bare);
  if (bare !== text || text.length > longestText || forbidden.test(text)) return undefined;
  const url = parseUrl(`http://${text}/`);
  if (url === undefined) return undefined;
  const host = withoutTrailingDot(url.hostname);
  if (parseAddress(host) !== undefined) return addressHost(host);
  return isName(host) ? { host, isAddress: false } : undefined;
}

/**
 * A host, or a glob of names: `*` stands for any number of characters, dots included, `?` for one. `*` alone matches every host,
 * also addresses; no other glob matches an address. Answers it as compiled policies compare it: folded, in punycode.
 */
export function readHostPattern(text: string): { readonly pattern: string } | Fault {
  if (text.includes("/")) {
    const hint =
      "Write example.com: schemes belong into match.scheme, paths into match.path, ranges into transportRules.";
    return { message: "must be a host without a scheme, a path or a range", hint };
  }
  if (/^[^:]*:\d*$|\]:/.test(text)) {
    return { message: "must be a host without a port", hint: "Ports belong into match.ports." };
  }
  if (!/[*?]/.test(text)) {
    const host = normalizeHost(text)?.host;
    return host === undefined ? notAHost : { pattern: host };
  }
  return readGlob(withoutTrailingDot(text.replace(/\*+/g, "*")));
}

function readGlob(text: string): { readonly pattern: string } | Fault {
  const labels = text.replace(ideographicStops, ".").split(".");
  if (labels.includes("")) return { message: "must have no empty label", hint: "Between two dots stands something." };
  const isNumeric = labels.every((label) => /^[\d*?]+$/.test(label)) && /\d/.test(text);
  if (text.includes(":") || isNumeric || /^\d+$/.test(labels.at(-1) ?? "")) {
    return { message: "must have no wildcards in an address", hint: "Ranges of addresses belong into transportRules." };
  }
  const folded = labels.map(foldLabel);
  return folded.every((label) => label !== undefined) ? { pattern: folded.join(".") } : notAHost;
}

/** Wildcards cannot be told from punycode, so that a label has either. */
function foldLabel(label: string): string | undefined {
  const folded = label.toLowerCase();
  if (/^[a-z0-9_*?-]{1,63}$/.test(folded)) return folded;
  const suffix = ".example";
  const host = /[*?]/.test(label) ? undefined : normalizeHost(`${label}${suffix}`)?.host;
  return host?.slice(0, -suffix.length);
}

function addressHost(text: string): Host | undefined {
  const address = parseAddress(text);
  return address === undefined ? undefined : { host: formatAddress(address), isAddress: true };
}

/** Of 1 to 253 characters, in labels of 1 to 63. Services name hosts with underscores, so that these are taken too. */
function isName(host: string): boolean {
  return host.length <= 253 && /^[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*$/.test(host);
}

function withoutTrailingDot(text: string): string {
  return text.endsWith(".") ? text.slice(0, -1) : text;
}

/** Names of 253 characters in punycode are shorter in every other writing. */
const longestText = 255;

/** What readers of URLs take for something else than a part of a host, or leave out. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
const forbidden = /[\u0000-\u0020\u007f%/\\?#@:[\]]/;

/** What IDNA reads as dots. */
const ideographicStops = /[\u3002\uff0e\uff61]/g;

const notAHost: Fault = {
  message: "must be a host name, an address or a pattern such as *.example.com",
  hint: "Names have labels of letters, digits, hyphens and underscores; a label with a wildcard has nothing but ASCII.",
};
