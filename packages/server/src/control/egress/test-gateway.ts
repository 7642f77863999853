/** A gateway that connects nobody, for tests: it remembers what it was told, and refuses what the real one does not take. */
import type { EgressDecision } from "@alcove/contract";
import type { EgressGateway, EgressSettings, Traffic } from "../../egress/gateway.js";
import { ToWorker } from "../../egress/messages.js";

export class TestGateway implements EgressGateway {
  /** What is in force, by sandbox. */
  readonly inForce = new Map<string, EgressSettings>();
  /** Called before what is applied is in force. */
  beforeApply: (sandboxId: string) => Promise<void> = async () => undefined;
  readonly #listeners = new Set<(sandboxId: string, decision: EgressDecision) => void>();
  readonly #trafficListeners = new Set<(sandboxId: string, traffic: Traffic) => void>();
  readonly #refusedListeners = new Set<(sandboxId: string, until: number) => void>();
  readonly #omittedListeners = new Set<(sandboxId: string, omitted: number) => void>();

  async apply(sandboxId: string, settings: EgressSettings): Promise<void> {
    ToWorker.parse(JSON.parse(JSON.stringify({ kind: "apply", request: 0, sandboxId, settings })));
    await this.beforeApply(sandboxId);
    this.inForce.set(sandboxId, settings);
  }

  remove(sandboxId: string): void {
    this.inForce.delete(sandboxId);
  }

  onDecision(listener: (sandboxId: string, decision: EgressDecision) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  onOmitted(listener: (sandboxId: string, omitted: number) => void): () => void {
    this.#omittedListeners.add(listener);
    return () => void this.#omittedListeners.delete(listener);
  }

  /** As if a sandbox had tried more than is told of. */
  omit(sandboxId: string, omitted: number): void {
    for (const listener of this.#omittedListeners) listener(sandboxId, omitted);
  }

  /** As if a sandbox had tried something. */
  decide(sandboxId: string, decision: Partial<EgressDecision> = {}): void {
    const timestamp = new Date().toISOString();
    const denied = {
      protocol: "https",
      verdict: "Deny",
      isEnforced: true,
      rule: "default",
      reason: "Nothing is allowed.",
    };
    const whole = { timestamp, host: "example.com", port: 443, ...denied, ...decision } as EgressDecision;
    for (const listener of this.#listeners) listener(sandboxId, whole);
  }

  onTraffic(listener: (sandboxId: string, traffic: Traffic) => void): () => void {
    this.#trafficListeners.add(listener);
    return () => void this.#trafficListeners.delete(listener);
  }

  /** As if something had passed. */
  pass(sandboxId: string, traffic: Traffic): void {
    for (const listener of this.#trafficListeners) listener(sandboxId, traffic);
  }

  onRefused(listener: (sandboxId: string, until: number) => void): () => void {
    this.#refusedListeners.add(listener);
    return () => void this.#refusedListeners.delete(listener);
  }

  /** As if a sandbox had ended the gateway's process again and again. */
  refuse(sandboxId: string, until: number): void {
    for (const listener of this.#refusedListeners) listener(sandboxId, until);
  }

  serveHost(): never {
    throw new Error("nobody is connected");
  }

  readonly restarts = 0;

  async close(): Promise<void> {}
}
