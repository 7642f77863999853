/** Files beyond 2^32 bytes, in a real sandbox: sparse ones, so that they cost neither time nor disk. */
import { join } from "node:path";
import { Sandbox } from "alcove";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ask } from "../../packages/server/src/http/serve-for-tests.js";
import { TestDaemon } from "../harness/daemon.js";

const sizeBytes = 10 * 2 ** 30;
const path = "/root/large";

let daemon: TestDaemon;
let sandbox: Sandbox;
beforeAll(async () => {
  daemon = await TestDaemon.start();
  sandbox = await Sandbox.create({ image: "debian", alcove: daemon.alcove });
  await sandbox.exec(`truncate -s ${sizeBytes} ${path} && printf end >> ${path}`, { check: true });
}, 600_000);
afterAll(() => daemon[Symbol.asyncDispose]());

test("the size of a file of 10 GiB is told right", async () => {
  expect((await sandbox.files.stat(path)).size).toBe(sizeBytes + 3);
});

test("its end is read by offset and by Range, without what is before", async () => {
  expect(await sandbox.files.readText(path, { offset: sizeBytes })).toBe("end");
  const url = `/v1/groups/default/sandboxes/${sandbox.id}/files?path=${encodeURIComponent(path)}`;
  const { status, headers, text } = await ask(join(daemon.runtimeDirectory, "alcoved.sock"), url, {
    headers: { range: "bytes=-3" },
  });
  expect([status, headers["content-range"], text]).toEqual([
    206,
    `bytes ${sizeBytes}-${sizeBytes + 2}/${sizeBytes + 3}`,
    "end",
  ]);
});

test("reading it whole can be left early, and costs no memory in proportion to it", async () => {
  const before = process.memoryUsage().rss;
  let seen = 0;
  for await (const chunk of await sandbox.files.readStream(path)) {
    seen += chunk.byteLength;
    if (seen > 64 * 2 ** 20) break;
  }
  expect(process.memoryUsage().rss - before).toBeLessThan(200 * 2 ** 20);
  expect((await sandbox.exec("echo well")).stdout).toBe("well\n");
});
