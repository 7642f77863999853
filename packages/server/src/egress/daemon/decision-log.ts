/** The newest decisions of each sandbox: so many that allowed something, and so many that denied it. */
import type { EgressDecision } from "@alcove/contract";
import type { Decisions } from "../gateway.js";

const kept = 50;

export class DecisionLog {
  readonly #logs = new Map<string, { allowed: EgressDecision[]; denied: EgressDecision[] }>();

  add(sandboxId: string, decision: EgressDecision): void {
    const log = this.#logs.get(sandboxId) ?? { allowed: [], denied: [] };
    this.#logs.set(sandboxId, log);
    const list = decision.verdict === "Allow" ? log.allowed : log.denied;
    list.unshift(decision);
    if (list.length > kept) list.pop();
  }

  of(sandboxId: string): Decisions {
    const { allowed = [], denied = [] } = this.#logs.get(sandboxId) ?? {};
    return { allowed: [...allowed], denied: [...denied] };
  }

  forget(sandboxId: string): void {
    this.#logs.delete(sandboxId);
  }
}
