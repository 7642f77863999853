/** A worker of a daemon, by the module that it runs: to be killed. */
import { readFile } from "node:fs/promises";
import { findProcesses } from "../../packages/server/src/host/processes.js";
import type { TestDaemon } from "./daemon.js";

/** Throws where there is none. */
export async function workerOf(
  daemon: TestDaemon,
  module: "egress/worker-main" | "relay/worker-main",
): Promise<number> {
  for (const { pid } of await findProcesses((argv) => argv.some((word) => word.includes(module)))) {
    if ((await parentOf(pid)) === daemon.pid) return pid;
  }
  throw new Error(`the daemon has no process of ${module}`);
}

async function parentOf(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8").catch(() => "");
  return Number(/^PPid:\s+(\d+)/m.exec(status)?.[1]);
}
