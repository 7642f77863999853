/** The engine suite against real guests, with the image that comes with Alcove. */

import { randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { tiers } from "@alcove/contract";
import { describe, test } from "vitest";
import { startRelay } from "../../guest/relay/relay-test-kit.js";
import { findProcesses } from "../../host/processes.js";
import { run } from "../../host/run.js";
import { makeEmptyDisk } from "../../images/disk.js";
import { createImages } from "../../images/images.js";
import { describeEngine } from "../suite.js";
import { createMicrovmEngine } from "./microvm.js";

const checkout = fileURLToPath(new URL("../../../../../", import.meta.url));
const guestDirectory = process.env.ALCOVE_GUEST_DIR ?? join(checkout, "build/guest");
const testDataDirectory = process.env.ALCOVE_TEST_DATA_DIR ?? join(checkout, "build/test-data");
const templateTimeoutMs = 600_000;

const lack = await whatIsLacking();
if (lack === undefined) describeEngine("microvm", makeSubject, { timeoutMs: 60_000, templateTimeoutMs });
else describe("engine microvm", () => test.skip(`(skipped: ${lack})`, () => undefined));

async function makeSubject() {
  const place = await mkdtemp(join(tmpdir(), "alcove-"));
  const dataDirectory = join(place, "data");
  const runtimeDirectory = join(place, "run");
  const relay = startRelay();
  return {
    createEngine: () =>
      createMicrovmEngine({ dataDirectory, runtimeDirectory, guestDirectory, mergeQuietMs: 200, relay: relay.relay }),
    disk: await debianDisk(join(place, "b")),
    size: tiers.XS,
    powerOff: ["sh", "-c", "echo o > /proc/sysrq-trigger"],
    residue: async () => [
      ...(await entries(join(dataDirectory, "sandboxes"))),
      ...(await entries(join(dataDirectory, "builders"))),
      ...(await entries(join(dataDirectory, "suspended"))),
      ...(await entries(join(dataDirectory, "snapshots"))),
      ...(await entries(join(dataDirectory, "layers"))),
      ...(await entries(join(dataDirectory, "memories"))),
      ...(await entries(join(runtimeDirectory, "m"))),
      ...(await findProcesses((argv) => !looksAtTemplate(argv) && argv.some((each) => each.includes(`${place}/`)))).map(
        ({ argv }) => `process ${argv.join(" ").slice(0, 200)}`,
      ),
    ],
    emptyDisk: async () => {
      const disk = { path: join(place, `${randomUUID()}.raw`), fileSystemId: randomUUID() };
      await makeEmptyDisk(disk, {});
      return disk.path;
    },
    dispose: async () => {
      await relay[Symbol.asyncDispose]();
      await rm(place, { recursive: true, force: true });
    },
  };
}

/** Built where it is not there yet, by an engine of the directory that it is kept in. */
async function debianDisk(runtimeDirectory: string) {
  const engine = createMicrovmEngine({ dataDirectory: testDataDirectory, runtimeDirectory, guestDirectory });
  const images = await createImages({
    directory: join(testDataDirectory, "images"),
    recipesDirectory: join(checkout, "images"),
    openDisk: (diskPath, signal) => engine.builders.open({ id: randomUUID(), diskPath }, signal),
  });
  const origin = images.catalogue.get("debian")?.origin;
  if (origin?.kind !== "recipe") throw new Error("There is no recipe debian");
  const signal = AbortSignal.timeout(templateTimeoutMs);
  const ignore = () => undefined;
  const { content } = await images.build(origin, { signal, onStep: ignore, onLine: ignore, onContent: ignore });
  await engine.close();
  return { ...content, name: "debian" };
}

/** An engine compares its templates in the background, and ends that by itself. */
function looksAtTemplate([program, command]: readonly string[]): boolean {
  return program === "qemu-img" && command === "map";
}

async function entries(directory: string): Promise<readonly string[]> {
  return existsSync(directory) ? readdir(directory) : [];
}

async function whatIsLacking(): Promise<string | undefined> {
  if (!existsSync(join(guestDirectory, "guest.json"))) return `no guest kernel in ${guestDirectory}; ./dev up makes it`;
  try {
    await run("qemu-system-x86_64", ["--version"]);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
