/** Where a host is: looked up once for each connection, a few at once, so that the slow names of one sandbox hold up nobody else's. */
import { parseAddress } from "@alcove/contract";
import { withDeadline } from "../../lib/deadline.js";
import { Semaphore } from "../../lib/semaphore.js";
import { untilAborted } from "../../lib/until-aborted.js";
import { DialFailure } from "../http/dial-failure.js";
import { createLookup } from "./lookup.js";

/** Of names with dots; of those of one label, which may hold threads of the whole process, one. */
const lookupsAtOnce = 4;
const lookupTimeoutMs = 5_000;

export interface ResolutionOptions {
  /** What the whole process shares, or in place of the host's name servers; ends with the signal. */
  readonly lookup?: (name: string, signal: AbortSignal) => Promise<readonly string[]>;
  /** How long a caller waits; 5 s when left out. */
  readonly timeoutMs?: number;
}

export class Resolution {
  readonly #lookups = new Semaphore(lookupsAtOnce);
  readonly #labels = new Semaphore(1);
  readonly #lookup: NonNullable<ResolutionOptions["lookup"]>;
  readonly #timeoutMs: number;

  constructor({ lookup = createLookup(), timeoutMs = lookupTimeoutMs }: ResolutionOptions = {}) {
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
    const places = host.includes(".") ? this.#lookups : this.#labels;
    try {
      // The place is given back when the lookup is over, not when nobody waits for it any more.
      const looking = places.take(deadline.signal, () => this.#lookup(host, deadline.signal));
      const found = await untilAborted(looking, deadline.signal);
      if (found.length > 0) return found;
    } catch (cause) {
      signal.throwIfAborted();
      throw new DialFailure("unresolved", `${host} has no address that could be found`, { cause });
    }
    throw new DialFailure("unresolved", `${host} has no address`);
  }
}
