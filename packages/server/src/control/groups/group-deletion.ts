/**
 * Deleting a group with everything in it. That the group is Deleting is on record before the first sandbox goes, so a
 * daemon that dies meanwhile leaves its successor the rest; nothing new comes into the group from then on.
 */
import { AlcoveError } from "@alcove/contract";
import { Backoff } from "../../lib/backoff.js";
import type { ControlContext } from "../context.js";
import { collectContents } from "../images/image-collection.js";
import type { Reconciler } from "../reconciler.js";
import type { EngineReadiness } from "../system/engine-readiness.js";
import { toGroup } from "./group-view.js";

/** Sandboxes of a group that are taken away at the same time. */
const together = 16;

export class GroupDeletions {
  readonly #context: ControlContext;
  readonly #reconciler: Reconciler;
  readonly #readiness: EngineReadiness;
  readonly #underWay = new Map<string, Promise<void>>();

  constructor(
    context: ControlContext,
    helpers: { readonly reconciler: Reconciler; readonly readiness: EngineReadiness },
  ) {
    this.#context = context;
    this.#reconciler = helpers.reconciler;
    this.#readiness = helpers.readiness;
  }

  /** Ends when nothing of the group is left; whoever asks for the same group shares the work. */
  delete(name: string): Promise<void> {
    this.#mark(name);
    const underWay = this.#underWay.get(name);
    if (underWay !== undefined) return underWay;
    const work = this.#empty(name).finally(() => this.#underWay.delete(name));
    this.#underWay.set(name, work);
    return work;
  }

  /** Goes on with what the daemon before has left. */
  resume(): void {
    const { logger, store } = this.#context;
    for (const { name } of store.groups.deleting()) {
      this.delete(name).catch((error: unknown) => logger.debug({ group: name, err: error }, "A group is not deleted"));
    }
  }

  async settled(): Promise<void> {
    await Promise.allSettled(this.#underWay.values());
  }

  #mark(name: string): void {
    const { crashPoint, events, store } = this.#context;
    const group = store.groups.find(name);
    if (group?.state !== "Ready") return;
    const marked = { ...group, state: "Deleting" } as const;
    store.transaction(() => {
      store.groups.update(name, marked);
      events.append(name, { type: "group.changed", group: toGroup(marked) });
    });
    events.announce();
    crashPoint("groupDelete.afterMark");
  }

  /** What cannot be removed now is tried again for as long as the daemon runs. */
  async #empty(name: string): Promise<void> {
    const { logger, stopping } = this.#context;
    const backoff = new Backoff({ firstMs: 500, lastMs: 30_000 });
    for (;;) {
      try {
        await this.#context.pools.removeGroup(name);
        await this.#removeSandboxes(name);
        await this.#removeSnapshots(name);
        await this.#removeVolumes(name);
        await this.#removeImages(name);
        return this.#remove(name);
      } catch (error) {
        stopping.throwIfAborted();
        logger.error({ group: name, err: error }, "A group could not be deleted; it is tried again");
        await backoff.wait(stopping);
      }
    }
  }

  async #removeSandboxes(name: string): Promise<void> {
    const { stopping, store } = this.#context;
    await this.#readiness.require(stopping);
    for (;;) {
      const sandboxes = store.sandboxes.list({ group: name }, { limit: together, offset: 0 });
      if (sandboxes.length === 0) return;
      const removals = await Promise.allSettled(sandboxes.map((sandbox) => this.#removeSandbox(sandbox)));
      for (const removal of removals) if (removal.status === "rejected") throw removal.reason;
    }
  }

  async #removeVolumes(name: string): Promise<void> {
    const { engine, store } = this.#context;
    for (const { id } of store.volumes.ofGroup(name)) {
      store.volumes.remove(id);
      await engine.volumes?.remove(id);
    }
  }

  /** One that is being taken goes when its sandbox is gone. */
  async #removeSnapshots(name: string): Promise<void> {
    const { snapshotRegister, snapshotRemovals, store } = this.#context;
    for (const snapshot of store.snapshots.ofGroup(name)) snapshotRegister.markDeleted(snapshot);
    await snapshotRemovals.collect();
    const left = store.snapshots.ofGroup(name).length;
    if (left > 0) throw new AlcoveError("InternalError", `The group ${name} still has ${left} snapshots.`);
  }

  /** Builds are ended; contents that nobody else needs go with the next collection. */
  async #removeImages(name: string): Promise<void> {
    const { imageBuilds, imageRegister, images, store } = this.#context;
    for (const image of store.images.list(name)) {
      await imageBuilds.abort(image);
      imageRegister.remove(image);
    }
    await collectContents({ images, store }, imageBuilds);
  }

  async #removeSandbox({ id, desiredState }: { readonly id: string; readonly desiredState: string }): Promise<void> {
    if (desiredState !== "Deleted") this.#context.register.markDeleted(id);
    await this.#reconciler.close(id);
  }

  #remove(name: string): void {
    const { authorities, crashPoint, events, logger, store } = this.#context;
    crashPoint("groupDelete.beforeRemove");
    authorities.remove(name);
    store.transaction(() => {
      store.groups.remove(name);
      store.events.removeGroup(name);
      // Whoever gets the name next gets nothing of this group's, and nobody of this one gets in there.
      store.keys.removeGroup(name);
      store.roleAssignments.removeGroup(name);
      store.pools.removeGroup(name);
      store.egressPolicies.removeGroup(name);
      store.groupSecrets.removeGroup(name);
      store.groupIdentities.removeGroup(name);
      store.usage.removeGroup(name);
      store.audit.disown(name);
    });
    events.announce();
    crashPoint("groupDelete.afterRemove");
    logger.info({ group: name }, "A group is deleted");
  }
}
