/**
 * Gathers decisions for the daemon, which one sandbox may not keep busy: of more than fit into a message the rest is counted.
 * What went through has a half to itself, so that no flood of denials pushes it out.
 */
import type { EgressDecision } from "@alcove/contract";
import { maximumDecisions } from "../messages.js";

const gatheredMs = 100;

export interface DecisionBatch {
  readonly sandboxId: string;
  readonly decisions: readonly EgressDecision[];
  readonly omitted: number;
}

interface Waiting {
  readonly decisions: EgressDecision[];
  passed: number;
  stopped: number;
  omitted: number;
}

export class DecisionOutbox {
  readonly #send: (batch: DecisionBatch) => void;
  readonly #waiting = new Map<string, Waiting>();
  #timer: NodeJS.Timeout | undefined;

  constructor(send: (batch: DecisionBatch) => void) {
    this.#send = send;
  }

  add(sandboxId: string, decision: EgressDecision): void {
    const waiting = this.#waiting.get(sandboxId) ?? { decisions: [], passed: 0, stopped: 0, omitted: 0 };
    this.#waiting.set(sandboxId, waiting);
    const kind = decision.verdict === "Allow" || !decision.isEnforced ? "passed" : "stopped";
    if (waiting[kind] < maximumDecisions / 2) {
      waiting[kind]++;
      waiting.decisions.push(cut(decision));
    } else waiting.omitted++;
    this.#timer ??= setTimeout(() => this.#flush(), gatheredMs);
  }

  #flush(): void {
    this.#timer = undefined;
    for (const [sandboxId, { decisions, omitted }] of this.#waiting) this.#send({ sandboxId, decisions, omitted });
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
