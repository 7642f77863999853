/** What a sandbox has written to its volumes outlives it: it is on them before its machine is ended. */
import type { MountRecord } from "../../store/volumes.js";
import type { ControlContext } from "../context.js";

/** A guest that does not answer loses what it has not written yet. */
const flushMs = 20_000;

export async function flushVolumes({ logger, machines, store }: ControlContext, sandboxId: string): Promise<void> {
  const running = machines.find(sandboxId);
  // Those that go with it are not looked at any more.
  const outlives = ({ volumeId }: MountRecord) => store.volumes.get(volumeId)?.ownerSandboxId !== sandboxId;
  if (running === undefined || !store.volumes.mountsOf(sandboxId).some(outlives)) return;
  try {
    await running.machine.guest.volumes.sync(AbortSignal.timeout(flushMs));
  } catch (error) {
    logger.warn(
      { sandbox: sandboxId, err: error },
      "A sandbox was ended with volumes that may lack what it wrote last",
    );
  }
}
