/** Control over the fake engine and a real store, as often as a test restarts it on the same host and directory. */
import type { CreateSandbox } from "@alcove/contract";
import { pino } from "pino";
import type { Engine } from "../engines/engine.js";
import { createFakeEngine } from "../engines/fake/engine.js";
import { FakeHost } from "../engines/fake/host.js";
import { waitFor } from "../lib/backoff.js";
import { openStore, type StoreOptions } from "../store/store.js";
import { temporaryDirectory } from "../store/test-record.js";
import type { Control } from "./control.js";
import { type ControlOptions, createControl } from "./create-control.js";
import { TestGateway } from "./egress/test-gateway.js";
import { TestImages } from "./images/test-images.js";
import type { HostFacts } from "./system/host-facts.js";

export const group = "default";
export const never: AbortSignal = new AbortController().signal;
export const debian: CreateSandbox = { sourcesRef: { diskImage: { name: "debian" } } };

/** One host with one data directory; daemons come and go on it. */
export class TestHost implements AsyncDisposable {
  readonly fake = new FakeHost();
  readonly images = new TestImages();
  readonly facts = { ...roomyHost };
  readonly #directory = temporaryDirectory();
  readonly #daemons: TestDaemon[] = [];

  /** Starts a daemon and waits until it has taken up what the one before left. */
  async daemon(changes: DaemonChanges = {}): Promise<TestDaemon> {
    const daemon = this.build(changes);
    await daemon.start();
    return daemon;
  }

  build(changes: DaemonChanges = {}): TestDaemon {
    const store = openStore(this.#directory.path, changes.store);
    const own = createFakeEngine({ host: this.fake });
    const engine = changes.engine?.(own) ?? own;
    const gateway = new TestGateway();
    const parts = { store, engine, gateway, images: this.images, host: this.facts };
    const options = { ...defaults, ...parts, ...changes.options };
    const running = createControl(options);
    let isClosed = false;
    const daemon: TestDaemon = {
      ...{ control: running.control, store, engine, gateway, start: running.start },
      async close() {
        if (isClosed) return;
        isClosed = true;
        await running.close();
        await own.close();
        store.close();
      },
    };
    this.#daemons.push(daemon);
    return daemon;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const daemon of this.#daemons) await daemon.close().catch(() => undefined);
    for (const machine of this.fake.machines.values())
      machine.stop({ reason: "Destroyed", message: "The test is over." });
    this.#directory[Symbol.dispose]();
    this.images[Symbol.dispose]();
  }
}

export interface DaemonChanges {
  /** Puts something around the engine. */
  readonly engine?: (engine: Engine) => Engine;
  readonly options?: Partial<ControlOptions>;
  readonly store?: StoreOptions;
}

export interface TestDaemon {
  readonly control: Control;
  readonly store: ReturnType<typeof openStore>;
  readonly engine: Engine;
  readonly gateway: TestGateway;
  start(): Promise<void>;
  /** Stops it in good order; sandboxes go on running. */
  close(): Promise<void>;
}

/** A sandbox that powered itself off, and one that is Creating for as long as the test takes. */
export async function overAndCreating(host: TestHost, control: Control) {
  const over = await control.sandboxes.create(group, debian, never);
  host.fake.machines.get(over.id)?.powerOff();
  await waitFor(async () => (await control.sandboxes.get(over)).state === "Stopped" || undefined, never);
  host.fake.faults.startDelayMs = 60_000;
  const creating = await control.sandboxes.create(group, debian, never, { wait: false });
  return { over, creating };
}

/** The engine's members as plain properties, so that some can be replaced. */
export function withMembers(engine: Engine): Engine {
  return {
    name: engine.name,
    accelerator: engine.accelerator,
    probe: (signal) => engine.probe(signal),
    prepare: (disk, size, options) => engine.prepare(disk, size, options),
    start: (spec, signal) => engine.start(spec, signal),
    recover: (owned, signal) => engine.recover(owned, signal),
    ...(engine.builders && { builders: engine.builders }),
    ...(engine.saves && { saves: engine.saves }),
    ...(engine.templates && { templates: engine.templates }),
    ...(engine.volumes && { volumes: engine.volumes }),
    cost: (size) => engine.cost(size),
    close: () => engine.close(),
  };
}

const roomyHost: HostFacts = {
  cores: 4,
  totalMemoryMiB: 65_536,
  availableMemoryMiB: () => 60_000,
  disk: async () => ({ freeBytes: 100_000_000_000, totalBytes: 200_000_000_000 }),
};

const defaults = {
  version: "0.0.0-test",
  logger: pino({ level: "silent" }),
  capacity: { reservedMemoryMiB: 1_024, memoryOvercommit: 1.5, maxConcurrentCreates: 4, queueTimeoutMs: 10_000 },
  freeSpaceMarkBytes: 1_073_741_824,
} satisfies Partial<ControlOptions>;
