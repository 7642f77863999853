/** Connects to QEMU's control channel. */
import type { MachinePaths } from "../machine/machine-paths.js";
import { Qmp } from "./qmp.js";
import { connectSocket } from "./socket.js";

export async function connectQmp(paths: Pick<MachinePaths, "qmp">, signal: AbortSignal): Promise<Qmp> {
  const qmp = new Qmp(await connectSocket(paths.qmp, signal));
  try {
    await qmp.negotiate(signal);
    return qmp;
  } catch (error) {
    qmp.close();
    throw error;
  }
}
