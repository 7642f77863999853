/** The decision about one request, told once, when the request is over. */
import { printable } from "../../lib/printable.js";
import type { Way } from "../gateway.js";
import { toldWay } from "../told-way.js";
import type { HttpFlow } from "./flow.js";

export interface Told {
  readonly verdict: "Allow" | "Deny";
  readonly rule: string;
  readonly reason: string;
  /** Default true. */
  readonly isEnforced?: boolean;
}

export class DecisionRecord {
  /** With what it was sent on: it has the server's address, once that is known. */
  sentTo: { readonly address: string | undefined } | undefined;
  /** How it leaves, once that is decided. */
  way: Way | undefined;
  readonly #flow: HttpFlow;
  readonly #asked: { readonly method: string; readonly target: string } | undefined;
  readonly #startedMs = Date.now();
  readonly #started = performance.now();
  #isTold = false;
  #bytesSent = 0;
  #bytesReceived = 0;

  /** `asked` is undefined where what came was no request. */
  constructor(flow: HttpFlow, asked: { readonly method: string; readonly target: string } | undefined) {
    this.#flow = flow;
    this.#asked = asked;
  }

  countSent(bytes: number): void {
    this.#bytesSent += bytes;
  }

  countReceived(bytes: number): void {
    this.#bytesReceived += bytes;
  }

  tell({ verdict, rule, reason, isEnforced = true }: Told): void {
    if (this.#isTold) return;
    this.#isTold = true;
    const { scheme, host, port } = this.#flow;
    const address = this.sentTo?.address;
    this.#flow.decided({
      timestamp: new Date(this.#startedMs).toISOString(),
      protocol: scheme,
      ...{ host, port, verdict, isEnforced, rule, reason: printable(reason, 600) },
      ...(this.#asked === undefined ? {} : { method: this.#asked.method, path: recordedPath(this.#asked.target) }),
      ...(address === undefined ? {} : { address }),
      ...toldWay(this.way),
      bytesSent: this.#bytesSent,
      bytesReceived: this.#bytesReceived,
      durationMs: Math.round((performance.now() - this.#started) * 10) / 10,
    });
  }
}

/** Without the query: it may hold what is nobody else's business. */
function recordedPath(target: string): string {
  return printable(target.replace(/[?#].*$/s, ""), 2_048);
}
