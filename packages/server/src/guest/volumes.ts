/** Calls about the volumes that a guest has. */
import { type AgentLink, callAgent } from "./call.js";
import type { GuestVolumes } from "./guest.js";
import { Nothing } from "./shapes.js";

const mountErrors = ["InvalidRequest", "VolumeBusy"] as const;
/** All that a guest has not yet written goes to its disks: at the most what its memory holds. */
const syncDeadlineMs = 120_000;

export function volumeCalls(link: AgentLink): GuestVolumes {
  const post = async (path: string, body: unknown, signal: AbortSignal) => {
    const call = { method: "POST", path, body, answer: Nothing, errors: mountErrors, isRepeatable: true } as const;
    await callAgent(link, { ...call, deadlineMs: syncDeadlineMs }, signal);
  };
  return {
    mount: (mount, signal) => post("/volumes/mount", mount, signal),
    unmount: (serial, signal) => post("/volumes/unmount", { serial }, signal),
    sync: (signal) => post("/volumes/sync", {}, signal),
  };
}
