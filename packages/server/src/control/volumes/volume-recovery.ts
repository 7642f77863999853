/** What a daemon before had begun with the volumes of sandboxes that run is carried to its end, and what they have without a record is taken away. */
import type { Machine } from "../../engines/engine.js";
import type { ControlContext } from "../context.js";
import { finishAttaching } from "./attaching.js";
import { finishDetaching, takeOut } from "./detaching.js";

/** One after the other takes so long at most. */
const takeOutMs = 60_000;

/** Nobody waits for it: a guest may not answer. What is asked of the sandbox meanwhile has its turn afterwards. */
export function recoverMountsInBackground(context: ControlContext, { id }: Machine): void {
  const { logger, machines, sandboxTurns, stopping } = context;
  const recovering = sandboxTurns.take(id, stopping, async () => {
    const running = machines.find(id);
    if (running !== undefined) await recoverMounts(context, running.machine);
  });
  recovering.catch((error: unknown) => {
    if (!stopping.aborted)
      logger.warn({ sandbox: id, err: error }, "The volumes of a sandbox could not be looked through");
  });
}

async function recoverMounts(context: ControlContext, machine: Machine): Promise<void> {
  const { store } = context;
  const recorded = new Set(store.volumes.mountsOf(machine.id).map(({ volumeId }) => volumeId));
  for (const disk of machine.dataDisks ?? []) {
    if (recorded.has(disk.volumeId)) continue;
    await tried(context, machine, { ...disk, work: takeOut(context, machine, disk, AbortSignal.timeout(takeOutMs)) });
  }
  for (const mount of store.volumes.mountsOf(machine.id)) {
    if (mount.state === "Attached") continue;
    const finish = mount.state === "Attaching" ? finishAttaching : finishDetaching;
    await tried(context, machine, { ...mount, work: finish(context, machine, mount) });
  }
}

async function tried(
  { logger }: ControlContext,
  { id }: Machine,
  { volumeId, work }: { readonly volumeId: string; readonly work: Promise<void> },
): Promise<void> {
  await work.catch((error: unknown) =>
    logger.warn({ sandbox: id, volume: volumeId, err: error }, "A volume is not as it was asked for"),
  );
}
