/** Where a host is: looked up once for each connection, a few at once, so that the slow names of one sandbox hold up nobody else's. */
import { lookup } from "node:dns/promises";
import { parseAddress } from "@alcove/contract";
import { withDeadline } from "../../lib/deadline.js";
import { Semaphore } from "../../lib/semaphore.js";
import { untilAborted } from "../../lib/until-aborted.js";
import { DialFailure } from "../http/dial-failure.js";

const lookupsAtOnce = 4;
const lookupTimeoutMs = 5_000;

export class Resolution {
  readonly #lookups = new Semaphore(lookupsAtOnce);

  /** An address stands for itself; an override goes before what DNS says. Never empty. */
  async addressesOf(
    host: string,
    overrides: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<readonly string[]> {
    if (parseAddress(host) !== undefined) return [host];
    if (Object.hasOwn(overrides, host)) return [overrides[host] ?? ""];
    using deadline = withDeadline(signal, lookupTimeoutMs);
    try {
      const found = await this.#lookups.take(deadline.signal, () =>
        untilAborted(lookup(host, { all: true, order: "verbatim" }), deadline.signal),
      );
      if (found.length > 0) return found.map(({ address }) => address);
    } catch (cause) {
      signal.throwIfAborted();
      throw new DialFailure("unresolved", `${host} has no address that could be found`, { cause });
    }
    throw new DialFailure("unresolved", `${host} has no address`);
  }
}
