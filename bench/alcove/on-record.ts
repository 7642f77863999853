/**
 * What a daemon costs that has 10,000 sandboxes on record, against one that has 10: the real daemon with its real store
 * and HTTP, over its socket, and the fake engine, so that no machine's start hides what the record costs. The sandboxes
 * on record are Stopped ones, in 8 groups, each with five labels; they were written into the store directly.
 */
import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Alcove } from "alcove";
import { openStore } from "../../packages/server/src/store/store.js";
import { linkedData } from "../linked-data.js";
import { stopwatch } from "../measure.js";
import { dataDirectory as benchData, launchDaemon } from "./daemon.js";

export interface OnRecord {
  /** One page of those with a label; another value each round. */
  readonly list: (round: number) => Promise<number>;
  readonly create: () => Promise<number>;
  stop(): Promise<void>;
}

const groups = ["default", "a", "b", "c", "d", "e", "f", "g"] as const;
/** So many of a group share the value of the label `app`. */
const sharing = 50;

export async function startWith(count: number): Promise<OnRecord> {
  const runtimeDirectory = await mkdtemp(join(tmpdir(), "alcove-record-"));
  const dataDirectory = await linkedData(benchData, "record");
  fill(dataDirectory, count);
  const { alcove, end } = await launchDaemon(runtimeDirectory, {
    ...process.env,
    ALCOVE_DATA_DIR: dataDirectory,
    ALCOVE_RUNTIME_DIR: runtimeDirectory,
    ALCOVE_CONFIG_DIR: runtimeDirectory,
    ALCOVE_ENGINE: "fake",
    ALCOVE_FREE_SPACE_MARK_BYTES: "0",
  });
  await alcove.images.prepare("debian");
  const values = Math.max(1, Math.floor(count / groups.length / sharing));
  return {
    list: (round) =>
      stopwatch(async () => {
        const found = await firstPage(alcove, { app: `app-${Math.abs(round) % values}` });
        if (count >= groups.length * sharing && found !== sharing) throw new Error(`${found} found, not ${sharing}`);
      }),
    async create() {
      const started = performance.now();
      const sandbox = await alcove.sandboxes.create({ image: "debian", labels: { app: "bench", run: randomUUID() } });
      const elapsed = performance.now() - started;
      await sandbox.delete();
      return elapsed;
    },
    async stop() {
      await end();
      for (const directory of [runtimeDirectory, dataDirectory]) await rm(directory, { recursive: true, force: true });
    },
  };
}

async function firstPage(alcove: Alcove, labels: Readonly<Record<string, string>>): Promise<number> {
  let found = 0;
  for await (const _sandbox of alcove.sandboxes.list({ labels })) found += 1;
  return found;
}

function fill(dataDirectory: string, count: number): void {
  const store = openStore(dataDirectory);
  store.transaction(() => {
    for (const name of groups.slice(1)) {
      store.groups.insert({ name, state: "Ready", tags: {}, defaults: {}, quota: {}, createdAt: Date.now() });
    }
    for (let number = 0; number < count; number++) insert(store, number);
  });
  store.close();
}

function insert(store: ReturnType<typeof openStore>, number: number): void {
  const group = groups[number % groups.length] ?? "default";
  const position = Math.floor(number / groups.length);
  const labels = {
    app: `app-${Math.floor(position / sharing)}`,
    run: String(number),
    stage: ["dev", "test", "live"][number % 3] ?? "",
    team: `team-${number % 7}`,
    all: "yes",
  };
  const size = { cpuMillicores: 1_000, memoryMiB: 2_048, diskMiB: 20_480 };
  const record = { ...{ id: randomUUID(), group, labels, size }, state: "Stopped" as const, ...plain };
  store.sandboxes.insert(record);
  store.usage.open({ sandboxId: record.id, group, labels, size, runs: false }, record.createdAt);
}

const plain = {
  egress: { policy: { defaultAction: "Deny" } },
  maker: undefined,
  engine: "fake",
  desiredState: "Running",
  stateDetails: { stoppedReason: "GuestExited", stoppedAt: "2026-01-01T00:00:00.000Z", message: "It powered off." },
  image: "debian",
  imageIsPublic: true,
  imageKey: "",
  ...{ snapshotId: undefined, snapshotFrom: undefined, forkedFrom: undefined, entropy: undefined },
  imageConfig: {},
  askedProgram: {},
  entrypointSecrets: [],
  environment: {},
  entrypoint: [],
  cmd: [],
  workingDirectory: undefined,
  entrypointExecId: undefined,
  generation: 1,
  activationMode: "OnDemand",
  suspension: undefined,
  createdAt: Date.now(),
  lifecycle: {},
} as const;
