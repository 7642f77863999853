/** Use leaves nothing behind: one after the other, many at once, and with a great deal of output. */
import { Sandbox } from "alcove";
import { afterAll, beforeAll, expect, test } from "vitest";
import { census, nothing } from "../harness/census.js";
import { TestDaemon } from "../harness/daemon.js";
import { isLong } from "../harness/long.js";

const allowedGrowthBytes = 20 * 1_048_576;
const pieceBytes = 32 * 1_048_576;

let daemon: TestDaemon;
beforeAll(async () => {
  daemon = await TestDaemon.start({ hasOwnData: true });
  await (await Sandbox.create({ image: "debian", alcove: daemon.alcove, memory: "512Mi" })).delete();
}, 600_000);
afterAll(() => daemon[Symbol.asyncDispose]());

test("40 sandboxes created, used and deleted leave nothing, and the daemon does not grow", async () => {
  let after10 = 0;
  for (let cycle = 1; cycle <= 40; cycle += 1) {
    await using sandbox = await Sandbox.create({ image: "debian", alcove: daemon.alcove, memory: "512Mi" });
    await sandbox.files.write("/root/cycle", String(cycle));
    expect((await sandbox.exec("cat /root/cycle")).stdout).toBe(String(cycle));
    if (cycle === 10) after10 = await daemon.residentBytes();
  }
  expect(await daemon.residentBytes()).toBeLessThanOrEqual(after10 + allowedGrowthBytes);
  expect(await census(daemon)).toEqual(nothing);
}, 300_000);

test("10 sandboxes at once leave nothing", async () => {
  const results = await Promise.all(
    Array.from({ length: 10 }, async (_, index) => {
      await using sandbox = await Sandbox.create({ image: "debian", alcove: daemon.alcove, memory: "512Mi" });
      return (await sandbox.exec(`echo ${index}`)).stdout;
    }),
  );
  expect(results).toEqual(Array.from({ length: 10 }, (_, index) => `${index}\n`));
  expect(await census(daemon)).toEqual(nothing);
}, 300_000);

const outputBytes = isLong ? 1_073_741_824 : 134_217_728;

test(`${outputBytes / 1_048_576} MiB through a slow reader do not pile up in the daemon`, async () => {
  await using sandbox = await Sandbox.create({ image: "debian", alcove: daemon.alcove, memory: "512Mi" });
  const before = await daemon.residentBytes();
  let most = before;
  let received = 0;
  const process = await sandbox.spawn(`yes | head -c ${outputBytes}`);
  for await (const chunk of process.stdout) {
    const step = Math.floor(received / pieceBytes);
    received += chunk.length;
    // A pause after each piece, long enough for a daemon without back-pressure to pile up what comes meanwhile.
    if (Math.floor(received / pieceBytes) === step) continue;
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    most = Math.max(most, await daemon.residentBytes());
  }
  expect(received).toBe(outputBytes);
  expect((await process.wait()).exitCode).toBe(0);
  expect(most).toBeLessThanOrEqual(before + allowedGrowthBytes);
}, 300_000);
