/** What the gateway counted of each sandbox's traffic, added up since the sandbox or this daemon started. */
import type { NetworkStats } from "@alcove/contract";
import type { EgressGateway, Traffic } from "../../egress/gateway.js";
import type { SandboxRegister } from "../sandboxes/sandbox-register.js";

type Total = { -readonly [Name in keyof Traffic]: Traffic[Name] };

export class TrafficTotals {
  readonly #startedAt = Date.now();
  readonly #bySandbox = new Map<string, Total>();

  constructor(
    gateway: Pick<EgressGateway, "onTraffic">,
    register: Pick<SandboxRegister, "follow">,
    isKnown: (sandboxId: string) => boolean,
  ) {
    register.follow((id, _before, after) => {
      if (after === undefined) this.#bySandbox.delete(id);
    });
    gateway.onTraffic((sandboxId, traffic) => {
      if (isKnown(sandboxId)) this.#add(sandboxId, traffic);
    });
  }

  of({ id, createdAt }: { readonly id: string; readonly createdAt: number }): NetworkStats {
    const since = new Date(Math.max(createdAt, this.#startedAt)).toISOString();
    return { ...(this.#bySandbox.get(id) ?? { sentBytes: 0, receivedBytes: 0, connections: 0 }), since };
  }

  #add(sandboxId: string, { sentBytes, receivedBytes, connections }: Traffic): void {
    const total = this.#bySandbox.get(sandboxId) ?? { sentBytes: 0, receivedBytes: 0, connections: 0 };
    this.#bySandbox.set(sandboxId, total);
    total.sentBytes += sentBytes;
    total.receivedBytes += receivedBytes;
    total.connections += connections;
  }
}
