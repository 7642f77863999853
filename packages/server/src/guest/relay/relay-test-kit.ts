/** For tests: the relay with its real process. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startWorker, type Worker } from "../../host/worker.js";
import { createRelay } from "./create-relay.js";
import type { GuestRelay } from "./relay.js";

export interface TestRelay extends AsyncDisposable {
  readonly relay: GuestRelay;
  /** Those that were started, the newest last. */
  readonly workers: readonly Worker[];
  readonly logged: string[];
}

export function startRelay(options: { readonly silenceMs?: number } = {}): TestRelay {
  const folder = mkdtempSync(join(tmpdir(), "relay-"));
  const workers: Worker[] = [];
  const logged: string[] = [];
  const log = (...args: unknown[]) => void logged.push(JSON.stringify(args));
  const module = new URL("./worker-main.ts", import.meta.url);
  const relay = createRelay({
    ...options,
    startWorker: () => {
      const worker = startWorker({ module, memoryMiB: 128, threads: 1, niceness: 0 });
      workers.push(worker);
      return worker;
    },
    socketPath: join(folder, "s"),
    logger: { error: log, warn: log },
  });
  return {
    ...{ relay, workers, logged },
    async [Symbol.asyncDispose]() {
      await relay.close();
      rmSync(folder, { recursive: true });
    },
  };
}
