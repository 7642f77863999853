/** Machines of the real engine without a daemon, of the image debian that tests share. */
import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { tiers } from "@alcove/contract";
import type { DiskImage, Engine, Machine, MachineSpec, Saved } from "../../packages/server/src/engines/engine.js";
import { createMicrovmEngine } from "../../packages/server/src/engines/microvm/microvm.js";
import type { MicrovmOptions } from "../../packages/server/src/engines/microvm/options.js";
import { createImages } from "../../packages/server/src/images/images.js";

const checkout = join(import.meta.dirname, "../..");
const guestDirectory = process.env.ALCOVE_GUEST_DIR ?? join(checkout, "build/guest");
const testDataDirectory = process.env.ALCOVE_TEST_DATA_DIR ?? join(checkout, "build/test-data");

export interface RealMachines extends AsyncDisposable {
  readonly engine: Engine;
  readonly dataDirectory: string;
  start(spec?: Partial<MachineSpec>): Promise<Machine>;
  /** With its memory. */
  suspend(machine: Machine): Promise<Saved>;
  /** From its memory. */
  goOn(machine: Machine, generation: number): Promise<Machine>;
}

export async function openRealMachines(
  signal: AbortSignal,
  options: Pick<MicrovmOptions, "serveHost" | "relay"> = {},
): Promise<RealMachines> {
  const place = await mkdtemp(join(tmpdir(), "alcove-m-"));
  const disk = await debianDisk(join(place, "b"), signal);
  const roots = { dataDirectory: join(place, "data"), runtimeDirectory: join(place, "run") };
  const engine = createMicrovmEngine({ ...roots, guestDirectory, ...options });
  const machines = new Set<Machine>();
  await engine.prepare(disk, tiers.XS, { signal });
  const start = async (spec: Partial<MachineSpec> = {}) => {
    const usual = { id: randomUUID(), disk, size: tiers.XS, hostname: "h", environment: {}, generation: 1 };
    const machine = await engine.start({ ...usual, ...spec }, signal);
    machines.add(machine);
    return machine;
  };
  return {
    engine,
    dataDirectory: roots.dataDirectory,
    start,
    async suspend(machine) {
      if (machine.suspend === undefined) throw new Error("the engine suspends nothing");
      return await machine.suspend("Memory", signal);
    },
    goOn: ({ id }, generation) =>
      start({ id, generation, origin: { kind: "suspended", sandboxId: id, from: "Memory" } }),
    async [Symbol.asyncDispose]() {
      await Promise.all([...machines].map((machine) => machine.destroy()));
      await engine.close();
      await rm(place, { recursive: true, force: true });
    },
  };
}

/** Built where it is not there yet, by an engine of the directory that it is kept in. */
async function debianDisk(runtimeDirectory: string, signal: AbortSignal): Promise<DiskImage> {
  const engine = createMicrovmEngine({ dataDirectory: testDataDirectory, runtimeDirectory, guestDirectory });
  const images = await createImages({
    directory: join(testDataDirectory, "images"),
    recipesDirectory: join(checkout, "images"),
    openDisk: (diskPath, within) => engine.builders.open({ id: randomUUID(), diskPath }, within),
  });
  const origin = images.catalogue.get("debian")?.origin;
  if (origin?.kind !== "recipe") throw new Error("There is no recipe debian");
  const ignore = () => undefined;
  const { content } = await images.build(origin, { signal, onStep: ignore, onLine: ignore, onContent: ignore });
  await engine.close();
  return { ...content, name: "debian" };
}
