/** Gathers decisions for the daemon, which one sandbox may not keep busy: of more than fit into a message the rest is counted. */
import type { EgressDecision } from "@alcove/contract";
import { maximumDecisions } from "../messages.js";

const gatheredMs = 100;

export interface DecisionBatch {
  readonly sandboxId: string;
  readonly decisions: readonly EgressDecision[];
  readonly omitted: number;
}

export class DecisionOutbox {
  readonly #send: (batch: DecisionBatch) => void;
  readonly #waiting = new Map<string, { decisions: EgressDecision[]; omitted: number }>();
  #timer: NodeJS.Timeout | undefined;

  constructor(send: (batch: DecisionBatch) => void) {
    this.#send = send;
  }

  add(sandboxId: string, decision: EgressDecision): void {
    const waiting = this.#waiting.get(sandboxId) ?? { decisions: [], omitted: 0 };
    this.#waiting.set(sandboxId, waiting);
    if (waiting.decisions.length < maximumDecisions) waiting.decisions.push(cut(decision));
    else waiting.omitted++;
    this.#timer ??= setTimeout(() => this.#flush(), gatheredMs);
  }

  #flush(): void {
    this.#timer = undefined;
    for (const [sandboxId, waiting] of this.#waiting) this.#send({ sandboxId, ...waiting });
    this.#waiting.clear();
  }
}

const keptCharacters = 1_024;

/** What a program wrote may be long. */
function cut(decision: EgressDecision): EgressDecision {
  const { host, path, method, reason } = decision;
  return {
    ...decision,
    host: host.slice(0, 253),
    reason: reason.slice(0, keptCharacters),
    ...(path !== undefined && { path: path.slice(0, keptCharacters) }),
    ...(method !== undefined && { method: method.slice(0, 64) }),
  };
}
