/** Stopping the daemon of this machine. Only in Node. */
import { getVersion } from "@alcove/contract";
import { backOff } from "./back-off.js";
import { call } from "./call.js";
import { ConnectionError, StopError } from "./errors.js";
import { localSocketPath } from "./local.js";
import type { WaitOptions } from "./sandbox-wait.js";
import { createNodeTransport } from "./transport-node.js";

const defaultTimeoutMs = 30_000;

/**
 * Asks the daemon of this machine to end, and waits until its process has. False when none ran. Sandboxes go on running, and
 * the next daemon takes them over. StopError when it has not ended within `timeoutMs`, default 30,000.
 */
export async function stopLocalDaemon({
  signal,
  timeoutMs = defaultTimeoutMs,
  socketPath = localSocketPath(),
}: WaitOptions & { readonly socketPath?: string | undefined } = {}): Promise<boolean> {
  const pid = await daemonPid(socketPath, signal);
  if (pid === undefined) return false;
  if (!tell(pid, "SIGTERM")) return true;
  const deadline = performance.now() + timeoutMs;
  for (let attempt = 1; tell(pid, 0); attempt += 1) {
    if (performance.now() > deadline) throw new StopError(pid, timeoutMs);
    await backOff(Math.min(attempt, 2), signal);
  }
  return true;
}

async function daemonPid(socketPath: string, signal: AbortSignal | undefined): Promise<number | undefined> {
  const transport = createNodeTransport({ address: { socketPath } });
  try {
    return (await call(transport, getVersion, { params: {}, signal })).pid;
  } catch (error) {
    if (error instanceof ConnectionError && error.isUnsent) return undefined;
    throw error;
  } finally {
    transport.close();
  }
}

/** False when there is no such process any more. */
function tell(pid: number, signal: "SIGTERM" | 0): boolean {
  try {
    process.kill(pid, signal);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ESRCH") return false;
    throw error;
  }
}
