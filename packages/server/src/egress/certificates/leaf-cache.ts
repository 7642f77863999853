/** The certificates that the gateway's process has got from the daemon, for as long as they are good. */

export interface LeafCacheOptions<Leaf> {
  issue(group: string, host: string): Promise<Leaf>;
  /** UNIX time in milliseconds; default the clock's. */
  now?(): number;
}

interface Kept<Leaf> {
  readonly leaf: Promise<Leaf>;
  readonly staleAtMs: number;
}

const maxKept = 1_000;
/** Long before it ends, so that what was begun with it can last. */
const staleAfterMs = 3 * 24 * 3_600_000;

export class LeafCache<Leaf> {
  readonly #issue: LeafCacheOptions<Leaf>["issue"];
  readonly #now: () => number;
  /** The one that was asked for longest ago comes first. */
  readonly #kept = new Map<string, Kept<Leaf>>();

  constructor({ issue, now = Date.now }: LeafCacheOptions<Leaf>) {
    this.#issue = issue;
    this.#now = now;
  }

  /** Of callers at once for the same one, the first has it issued. */
  get(group: string, host: string): Promise<Leaf> {
    const key = `${group} ${host}`;
    const known = this.#kept.get(key);
    this.#kept.delete(key);
    const kept = known !== undefined && known.staleAtMs > this.#now() ? known : this.#begin(key, group, host);
    this.#kept.set(key, kept);
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > maxKept && oldest !== undefined) this.#kept.delete(oldest);
    return kept.leaf;
  }

  /** When the group has another authority, or is gone. */
  forget(group: string): void {
    for (const key of this.#kept.keys()) if (key.startsWith(`${group} `)) this.#kept.delete(key);
  }

  #begin(key: string, group: string, host: string): Kept<Leaf> {
    const leaf = this.#issue(group, host);
    const kept = { leaf, staleAtMs: this.#now() + staleAfterMs };
    leaf.catch(() => {
      if (this.#kept.get(key) === kept) this.#kept.delete(key);
    });
    return kept;
  }
}
