/** Where a host is: looked up once for each connection, a few at once, so that the slow names of one sandbox hold up nobody else's. */
import { lookup as lookupOfSystem } from "node:dns/promises";
import { parseAddress } from "@alcove/contract";
import { withDeadline } from "../../lib/deadline.js";
import { Semaphore } from "../../lib/semaphore.js";
import { untilAborted } from "../../lib/until-aborted.js";
import { DialFailure } from "../http/dial-failure.js";

/** Each takes a thread until the system's resolver answers or gives up, whoever still waits for it: tens of seconds, where servers are silent. */
const lookupsAtOnce = 4;
const lookupTimeoutMs = 5_000;

export interface ResolutionOptions {
  /** In place of the system's resolver. */
  readonly lookup?: (name: string) => Promise<readonly { readonly address: string }[]>;
  /** How long a caller waits; 5 s when left out. */
  readonly timeoutMs?: number;
}

export class Resolution {
  readonly #lookups = new Semaphore(lookupsAtOnce);
  readonly #lookup: NonNullable<ResolutionOptions["lookup"]>;
  readonly #timeoutMs: number;

  constructor({ lookup = systemLookup, timeoutMs = lookupTimeoutMs }: ResolutionOptions = {}) {
    this.#lookup = lookup;
    this.#timeoutMs = timeoutMs;
  }

  /** An address stands for itself; an override goes before what DNS says. Never empty. */
  async addressesOf(
    host: string,
    overrides: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<readonly string[]> {
    if (parseAddress(host) !== undefined) return [host];
    if (Object.hasOwn(overrides, host)) return [overrides[host] ?? ""];
    using deadline = withDeadline(signal, this.#timeoutMs);
    try {
      // The place is given back when the lookup is over, not when nobody waits for it any more.
      const looking = this.#lookups.take(deadline.signal, () => this.#lookup(absolute(host)));
      const found = await untilAborted(looking, deadline.signal);
      if (found.length > 0) return found.map(({ address }) => address);
    } catch (cause) {
      signal.throwIfAborted();
      throw new DialFailure("unresolved", `${host} has no address that could be found`, { cause });
    }
    throw new DialFailure("unresolved", `${host} has no address`);
  }
}

function systemLookup(name: string) {
  return lookupOfSystem(name, { all: true, order: "verbatim" });
}

/** The host's search domains make no other name of it. A single label is left to them, and to /etc/hosts, as `localhost` is. */
function absolute(host: string): string {
  return host.includes(".") ? `${host}.` : host;
}
