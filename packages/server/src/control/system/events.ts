/**
 * The event stream. Events are written in the transaction of the change that they tell of; who follows reads them from
 * the store at its own pace, so a slow reader costs no memory: it finds a gap when it has fallen behind what is kept.
 */
import {
  AlcoveEvent,
  type Group,
  type Image,
  type Labels,
  type Pool,
  type Sandbox,
  type Snapshot,
} from "@alcove/contract";
import { Change } from "../../lib/change.js";
import { hasLabels } from "../../lib/has-labels.js";
import type { EventRecord } from "../../store/events.js";
import type { Store } from "../../store/store.js";
import type { Gate } from "../access/gate.js";
import type { EventControl } from "./system-control.js";

export type EventBody =
  | { readonly type: "sandbox.changed"; readonly sandbox: Sandbox }
  | { readonly type: "sandbox.deleted"; readonly sandboxId: string }
  | { readonly type: "image.changed"; readonly image: Image }
  | { readonly type: "image.deleted"; readonly name: string }
  | { readonly type: "snapshot.changed"; readonly snapshot: Snapshot }
  | { readonly type: "snapshot.deleted"; readonly snapshotId: string; readonly sandboxId: string }
  | { readonly type: "pool.changed"; readonly pool: Pool }
  | { readonly type: "pool.deleted"; readonly name: string }
  | { readonly type: "group.changed"; readonly group: Group }
  | { readonly type: "secret.changed"; readonly secretId: string; readonly version: number }
  | { readonly type: "secret.deleted"; readonly secretId: string }
  | { readonly type: "identity.changed" }
  | {
      readonly type: "egress.changed";
      readonly sandboxId?: string;
      readonly egressPolicyId?: string;
      readonly isDeleted?: boolean;
    }
  | { readonly type: "egress.refused"; readonly sandboxId: string; readonly until: string };

const pageLength = 100;

/** How far a follower of a group has come. */
interface Place {
  readonly group: string;
  readonly createdAt: number | undefined;
  readonly seen: number;
}

export class Events {
  readonly #store: Store;
  readonly #change = new Change();
  #isEnded = false;

  constructor(store: Store) {
    this.#store = store;
  }

  /** Writes the event, as part of the transaction that this is called in. A null group means every group. */
  append(group: string | null, body: EventBody): void {
    this.#store.events.append({ group, at: Date.now(), body: JSON.stringify(body) });
  }

  /** Tells followers that there may be more; called when a transaction is through. */
  announce(): void {
    this.#change.announce();
  }

  /** Ends every stream. */
  end(): void {
    this.#isEnded = true;
    this.#change.announce();
  }

  /** Ends with the signal, with the daemon, and with the group. */
  async *follow(group: string, after: number | undefined, signal: AbortSignal): AsyncGenerator<AlcoveEvent> {
    const start = this.#store.events.bounds(group);
    const createdAt = this.#createdAt(group);
    // Behind 0 is from the beginning on, wherever the group's numbers begin.
    let seen = after === 0 ? start.begin : (after ?? start.newest);
    if (seen > start.newest) {
      yield gap(start.newest, seen);
      seen = start.newest;
    }
    while (!this.#isEnded && !signal.aborted && this.#createdAt(group) === createdAt) {
      const { oldest, newest } = this.#store.events.bounds(group);
      if (seen < oldest - 1) {
        yield gap(oldest - 1, seen);
        seen = oldest - 1;
      }
      const page = this.#store.events.after(group, seen, pageLength);
      for (const record of page) yield toEvent(record);
      seen = page.length < pageLength ? Math.max(seen, newest) : (page.at(-1)?.sequence ?? newest);
      if (page.length < pageLength && !(await this.#isMore({ group, createdAt, seen }, signal))) return;
    }
  }

  /** A group that is created anew under the name of one that was deleted is another group. */
  #createdAt(group: string): number | undefined {
    return this.#store.groups.find(group)?.createdAt;
  }

  /** Waits for events behind this one; false when the stream is over. */
  async #isMore({ group, createdAt, seen }: Place, signal: AbortSignal): Promise<boolean> {
    const isOver = () => this.#isEnded || this.#createdAt(group) !== createdAt;
    try {
      await this.#change.until(() => isOver() || this.#store.events.bounds(group).newest > seen, signal);
      return !isOver();
    } catch (error) {
      if (signal.aborted) return false;
      throw error;
    }
  }
}

export function eventControl(events: Events, gate: Gate): EventControl {
  return {
    async *follow(group, after, signal, about = {}) {
      await gate.enter(group);
      for await (const event of events.follow(group, after, signal)) if (isAbout(event, about)) yield event;
    },
  };
}

/** A gap is everybody's. */
function isAbout(
  event: AlcoveEvent,
  { sandboxId, labels }: { readonly sandboxId?: string; readonly labels?: Labels },
): boolean {
  if (event.type === "gap" || (sandboxId === undefined && labels === undefined)) return true;
  if (event.type === "snapshot.changed") return labels === undefined && event.snapshot.sandboxId === sandboxId;
  if (event.type === "snapshot.deleted") return labels === undefined && event.sandboxId === sandboxId;
  if (event.type === "sandbox.deleted") return sandboxId === undefined || event.sandboxId === sandboxId;
  if (event.type === "egress.changed" || event.type === "egress.refused")
    return labels === undefined && event.sandboxId === sandboxId;
  if (event.type !== "sandbox.changed") return false;
  const { sandbox } = event;
  return hasLabels(sandbox.labels, labels ?? {}) && (sandboxId === undefined || sandbox.id === sandboxId);
}

function toEvent({ sequence, at, body }: EventRecord): AlcoveEvent {
  return AlcoveEvent.parse({ ...JSON.parse(body), sequence, at: new Date(at).toISOString() });
}

function gap(sequence: number, after: number): AlcoveEvent {
  return { type: "gap", sequence, at: new Date().toISOString(), after };
}
