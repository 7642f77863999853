/** What a sandbox has written to its volumes outlives it: it is on them before its machine is ended. */
import type { ControlContext } from "../context.js";

/** A guest that does not answer loses what it has not written yet. */
const flushMs = 20_000;

export async function flushVolumes({ logger, machines, store }: ControlContext, sandboxId: string): Promise<void> {
  const running = machines.find(sandboxId);
  if (running === undefined || store.volumes.mountsOf(sandboxId).length === 0) return;
  try {
    await running.machine.guest.volumes.sync(AbortSignal.timeout(flushMs));
  } catch (error) {
    logger.warn(
      { sandbox: sandboxId, err: error },
      "A sandbox was ended with volumes that may lack what it wrote last",
    );
  }
}
