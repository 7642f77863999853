/** A sandbox whose kept memory was compressed while it slept. */
import { open, readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { Sandbox } from "alcove";
import { afterAll, beforeAll, expect, test } from "vitest";
import { waitFor } from "../../packages/server/src/lib/backoff.js";
import { TestDaemon } from "../harness/daemon.js";

let daemon: TestDaemon;
beforeAll(async () => {
  daemon = await TestDaemon.start({ hasOwnData: true });
}, 600_000);
afterAll(() => daemon[Symbol.asyncDispose]());

async function magicOf(path: string): Promise<string> {
  await using file = await open(path, "r");
  return (await file.read(Buffer.alloc(13), 0, 13, 0)).buffer.toString("latin1");
}

test("it wakes with what its memory held, and what is kept of it took less", { timeout: 240_000 }, async () => {
  await using sandbox = await Sandbox.create({ image: "debian", alcove: daemon.alcove });
  await sandbox.exec("seq 1 400000 > /dev/shm/numbers; sha256sum /dev/shm/numbers > /dev/shm/sum", { check: true });
  await sandbox.stop();
  const directory = join(daemon.dataDirectory, "suspended", sandbox.id);
  expect(await readdir(directory)).toContain("memory.diff");
  const path = join(directory, "memory.diff");
  const first = { bytes: (await stat(path)).size, own: (await sandbox.info()).suspended?.ownBytes ?? 0 };
  await daemon.stop();
  await daemon.restart({ ALCOVE_COMPRESS_AFTER_MS: "1" });
  const isPacked = async () => ((await magicOf(path)) === "ALCOVE-PACKED" ? true : undefined);
  await waitFor(isPacked, AbortSignal.timeout(90_000));
  const then = { bytes: (await stat(path)).size, own: (await sandbox.info()).suspended?.ownBytes ?? 0 };
  expect(then.bytes).toBeLessThan(first.bytes / 2);
  expect(then.own).toBeLessThan(first.own / 2);
  await sandbox.resume();
  expect((await sandbox.exec("sha256sum -c /dev/shm/sum", { check: true })).stdout).toContain("OK");
});
