/** What takes minutes to go wrong: the clocks of sandboxes that are left alone, and of one that works. */
import { setTimeout as after } from "node:timers/promises";
import { Sandbox } from "alcove";
import { afterAll, beforeAll, expect, test } from "vitest";
import { clockOffsetMs } from "../harness/clock.js";
import { TestDaemon } from "../harness/daemon.js";
import "./meta.js";

let daemon: TestDaemon;
beforeAll(async () => {
  daemon = await TestDaemon.start();
}, 600_000);
afterAll(() => daemon[Symbol.asyncDispose]());

test("Clocks are within 50 ms of the host's at once, and every minute for 10 minutes", async ({ task }) => {
  task.meta.accelerator = (await daemon.alcove.health()).accelerator;
  const options = { image: "debian", memory: "512Mi", alcove: daemon.alcove };
  const sandboxes = await Promise.all([Sandbox.create(options), Sandbox.create(options)]);
  const [, busy] = sandboxes;
  await busy?.spawn("while :; do head -c 1M /dev/urandom | sha256sum > /dev/null; sleep 0.5; done", { detached: true });
  const offsets: number[] = [];
  for (let minute = 0; minute <= 10; minute += 1) {
    if (minute > 0) await after(60_000);
    for (const sandbox of sandboxes) offsets.push(await clockOffsetMs(sandbox));
  }
  console.log(`Offsets in ms, idle and busy by turns: ${offsets.map((offset) => offset.toFixed(1)).join(" ")}`);
  for (const offset of offsets) expect(Math.abs(offset)).toBeLessThan(50);
});
