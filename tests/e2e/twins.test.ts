/** Two sandboxes from one template are not copies of each other where it counts. */
import { Sandbox } from "alcove";
import { afterAll, beforeAll, expect, test } from "vitest";
import { clockOffsetMs } from "../harness/clock.js";
import { TestDaemon } from "../harness/daemon.js";

let daemon: TestDaemon;
let twins: Sandbox[];
beforeAll(async () => {
  daemon = await TestDaemon.start();
  // The entrypoint is the first user instruction that a sandbox runs.
  const options = {
    image: "debian",
    alcove: daemon.alcove,
    entrypoint: [
      "/bin/sh",
      "-c",
      "head -c 64 /dev/urandom | od -An -tx1 > /root/first; cat /etc/machine-id > /root/id",
    ],
  };
  twins = await Promise.all([Sandbox.create(options), Sandbox.create(options)]);
}, 600_000);
afterAll(() => daemon[Symbol.asyncDispose]());

test("They read different bytes from /dev/urandom from their first user instruction on", async () => {
  const first = await Promise.all(
    twins.map(async (twin) => {
      await expect.poll(() => twin.files.readText("/root/id").catch(() => ""), { timeout: 20_000 }).not.toBe("");
      return twin.files.readText("/root/first");
    }),
  );
  expect(first[0]).toHaveLength(first[1]?.length ?? 0);
  expect(first[0]?.trim()).not.toBe("");
  expect(first[0]).not.toBe(first[1]);
});

test("They have different machine ids, host names and kernel boot ids that the agent knows", async () => {
  const [one, other] = await Promise.all(
    twins.map(async (twin) => (await twin.exec("cat /etc/machine-id; hostname")).stdout.split("\n")),
  );
  expect(one?.[0]).toMatch(/^[0-9a-f]{32}$/);
  expect(one?.[0]).not.toBe(other?.[0]);
  expect(one?.[1]).not.toBe(other?.[1]);
});

test("Their clocks are within 50 ms of the host's", async () => {
  for (const twin of twins) expect(Math.abs(await clockOffsetMs(twin))).toBeLessThan(50);
});
