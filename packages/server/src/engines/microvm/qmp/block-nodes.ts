/**
 * Single nodes of QEMU's disks. Its lists of them are not asked for: each node is told there with all that it stands on, and after some dozens of
 * snapshots that is more than QEMU may say at once.
 */
import { type Qmp, QmpError } from "./qmp.js";

/** Whether QEMU has a node that it made itself for a new layer. Those it does not delete for us, and says why. */
export async function hasOwnNode(qmp: Qmp, node: string, signal: AbortSignal): Promise<boolean> {
  try {
    await deleteNode(qmp, node, signal);
  } catch (error) {
    if (/not owned by the monitor|in use|busy/.test((error as Error).message)) return true;
    throw error;
  }
  return false;
}

/** One that `blockdev-add` made; it need not be there. */
export async function deleteNode(qmp: Qmp, node: string, signal: AbortSignal): Promise<void> {
  try {
    await qmp.execute("blockdev-del", { "node-name": node }, signal);
  } catch (error) {
    if (!(error instanceof QmpError && /find node/.test(error.message))) throw error;
  }
}
