/** The relay of this daemon, and its process. */
import { extname, join } from "node:path";
import type { Logger } from "pino";
import { createRelay } from "./guest/relay/create-relay.js";
import type { GuestRelay } from "./guest/relay/relay.js";
import { startWorker } from "./host/worker.js";

/** Of what is on its heap; bodies that are on their way are bounded by themselves. */
const memoryMiB = 256;
/** It looks up no names and reads no files. */
const threads = 1;

export function openRelay(runtimeDirectory: string, logger: Logger): GuestRelay {
  // As this module runs, built or not.
  const module = new URL(`./guest/relay/worker-main${extname(import.meta.url)}`, import.meta.url);
  return createRelay({
    // Every exec passes it: it stands behind the daemon in memory alone.
    startWorker: () => startWorker({ module, memoryMiB, threads, niceness: 0 }),
    socketPath: join(runtimeDirectory, "relay.sock"),
    logger,
  });
}
