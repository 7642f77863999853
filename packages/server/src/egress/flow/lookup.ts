/**
 * Where a name is, asked of the host's name servers without a thread: a lookup that is given up is over, however silent they are. The system's own
 * resolver, of which each lookup holds a thread until it gives up by itself, is for names of one label alone, which have no other meaning.
 */
import { lookup as lookupOfSystem, Resolver } from "node:dns/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { Semaphore } from "../../lib/semaphore.js";

/** Of all sandboxes together: half of the gateway's threads. */
const systemLookupsAtOnce = 4;
/** The servers of /etc/resolv.conf in turns, each for so long. */
const patience = { timeout: 1_500, tries: 3 };
/** What the answer for the other family may take longer (RFC 8305 has 50 ms). */
const otherFamilyMs = 200;

export interface LookupOptions {
  /** In place of those of /etc/resolv.conf: `ADDRESS:PORT`. */
  readonly servers?: readonly string[];
}

/** Addresses of a name, both families in turns. Rejects where there are none, and with the signal. */
export type Lookup = (name: string, signal: AbortSignal, options?: LookupOptions) => Promise<string[]>;

/** One for a whole process: it shares out the system's resolver. */
export function createLookup(): Lookup {
  const ofSystem = new Semaphore(systemLookupsAtOnce);
  return (name, signal, options) =>
    name.includes(".") ? lookUpName(name, signal, options) : lookUpLabel(name, signal, ofSystem);
}

async function lookUpName(name: string, signal: AbortSignal, options: LookupOptions = {}): Promise<string[]> {
  // A new one reads /etc/resolv.conf as it is now, and its names are absolute: the host's search domains make no other name of them.
  const resolver = new Resolver(patience);
  if (options.servers !== undefined) resolver.setServers(options.servers);
  const cancel = () => resolver.cancel();
  signal.addEventListener("abort", cancel, { once: true });
  try {
    signal.throwIfAborted();
    return await bothFamilies(resolver, name);
  } finally {
    signal.removeEventListener("abort", cancel);
    resolver.cancel();
  }
}

async function bothFamilies(resolver: Resolver, name: string): Promise<string[]> {
  const six = resolver.resolve6(name).catch(() => []);
  const failed: unknown[] = [];
  const four = await resolver.resolve4(name).catch((error: unknown) => {
    failed.push(error);
    return [];
  });
  const others = four.length === 0 ? await six : await Promise.race([six, sleep(otherFamilyMs, [], { ref: false })]);
  const longest = Math.max(four.length, others.length);
  const found = Array.from({ length: longest }, (_, at) => [four[at], others[at]])
    .flat()
    .filter((address) => address !== undefined);
  if (found.length === 0 && failed.length > 0) throw failed[0];
  return found;
}

/** As the host's own programs would: by its search domains, and by /etc/hosts, as `localhost` is. Goes on, once it has begun, until the system is through with it. */
async function lookUpLabel(name: string, signal: AbortSignal, ofSystem: Semaphore): Promise<string[]> {
  const found = await ofSystem.take(signal, () => lookupOfSystem(name, { all: true, order: "verbatim" }));
  return found.map(({ address }) => address);
}
