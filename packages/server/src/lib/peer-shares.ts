/** How many connections one address has of those that there may be: a part, so that there are some for others. */
import { isIP } from "node:net";
import { networkOf } from "./network-of.js";

export class PeerShares {
  readonly #perPeer: number;
  readonly #isProxy: (address: string) => boolean;
  readonly #open = new Map<string, number>();

  constructor(perPeer: number, isProxy: (address: string) => boolean = () => false) {
    this.#perPeer = perPeer;
    this.#isProxy = isProxy;
  }

  /** Undefined where it has its part; else what gives it back. This host, and a proxy that is trusted, speak for many and have no bound. */
  take(address: string): (() => void) | undefined {
    const peer = networkOf(address);
    if (isIP(address) === 0 || isLoopback(peer) || this.#isProxy(address)) return () => {};
    const count = this.#open.get(peer) ?? 0;
    if (count >= this.#perPeer) return undefined;
    this.#open.set(peer, count + 1);
    return () => {
      const left = (this.#open.get(peer) ?? 1) - 1;
      if (left === 0) this.#open.delete(peer);
      else this.#open.set(peer, left);
    };
  }
}

function isLoopback(peer: string): boolean {
  return peer.startsWith("127.") || peer === "0:0:0:0";
}
