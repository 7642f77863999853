/** A data directory of the curves' own, so that nothing else is on record there; the images are linked. */
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Alcove } from "alcove";
import { dataDirectory as benchData, launchDaemon } from "../alcove/daemon.js";
import { linkedData } from "../linked-data.js";

export interface CurveHost extends AsyncDisposable {
  readonly dataDirectory: string;
  /** Starts a daemon for the act alone. */
  withDaemon(act: (alcove: Alcove) => Promise<void>): Promise<void>;
}

export async function ownHost(): Promise<CurveHost> {
  const runtimeDirectory = await mkdtemp(join(tmpdir(), "alcove-curve-"));
  await mkdir(benchData, { recursive: true, mode: 0o711 });
  const dataDirectory = await linkedData(benchData, "curve");
  const environment = {
    ...process.env,
    ...{ ALCOVE_DATA_DIR: dataDirectory, ALCOVE_RUNTIME_DIR: runtimeDirectory, ALCOVE_CONFIG_DIR: runtimeDirectory },
    // Sixty are asked for whatever the host promises otherwise; what it has free still decides.
    ALCOVE_MEMORY_OVERCOMMIT: "4",
  };
  return {
    dataDirectory,
    async withDaemon(act) {
      const { alcove, end } = await launchDaemon(runtimeDirectory, environment);
      try {
        await act(alcove);
      } finally {
        await end();
      }
    },
    async [Symbol.asyncDispose]() {
      for (const directory of [runtimeDirectory, dataDirectory]) await rm(directory, { recursive: true, force: true });
    },
  };
}
