/** What a sandbox frees on its disk and trims, the host has again while it runs. */
import { Sandbox } from "alcove";
import { afterAll, beforeAll, expect, test } from "vitest";
import { waitFor } from "../../packages/server/src/lib/backoff.js";
import { TestDaemon } from "../harness/daemon.js";

const mebibyte = 2 ** 20;
const written = 32 * mebibyte;

let daemon: TestDaemon;
beforeAll(async () => {
  daemon = await TestDaemon.start({ hasOwnData: true });
}, 600_000);
afterAll(() => daemon[Symbol.asyncDispose]());

async function runningBytes(): Promise<number> {
  const { kinds } = await daemon.alcove.storage();
  return kinds.find(({ kind }) => kind === "running")?.bytes ?? 0;
}

test("a file that is deleted and trimmed in a sandbox takes nothing of the host's disk any more", async () => {
  await using sandbox = await Sandbox.create({ image: "debian", alcove: daemon.alcove });
  const before = await runningBytes();
  await sandbox.exec(`head -c ${written} /dev/urandom > /root/large && sync`, { check: true });
  expect(await runningBytes()).toBeGreaterThan(before + 0.9 * written);
  await sandbox.exec("rm /root/large && sync && fstrim /", { check: true });
  const isFreed = async () => ((await runningBytes()) < before + 0.3 * written ? true : undefined);
  expect(await waitFor(isFreed, AbortSignal.timeout(30_000))).toBe(true);
  expect((await sandbox.exec("ls /root", { check: true })).stdout).not.toContain("large");
});
