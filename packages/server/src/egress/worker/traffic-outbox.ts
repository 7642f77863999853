/** Gathers what was counted of each sandbox's traffic for the daemon, which adds it up. */
import { noTraffic, type TrafficCount } from "../gate/traffic-count.js";
import { maximumTraffic } from "../messages.js";

const gatheredMs = 250;

export type SandboxTraffic = Readonly<TrafficCount> & { readonly sandboxId: string };

export class TrafficOutbox {
  readonly #send: (traffic: SandboxTraffic[]) => void;
  readonly #waiting = new Map<string, TrafficCount>();
  #timer: NodeJS.Timeout | undefined;

  constructor(send: (traffic: SandboxTraffic[]) => void) {
    this.#send = send;
  }

  /** What is being gathered of the sandbox: to be asked for anew each time that something is added. */
  of(sandboxId: string): TrafficCount {
    const known = this.#waiting.get(sandboxId);
    if (known !== undefined) return known;
    const count = noTraffic();
    this.#waiting.set(sandboxId, count);
    this.#timer ??= setTimeout(() => this.#flush(), gatheredMs);
    return count;
  }

  #flush(): void {
    this.#timer = undefined;
    const all = [...this.#waiting].map(([sandboxId, count]) => ({ sandboxId, ...count }));
    this.#waiting.clear();
    for (let at = 0; at < all.length; at += maximumTraffic) this.#send(all.slice(at, at + maximumTraffic));
  }
}
