/** A look inside a real machine: its figures, its network as the gateway counts it, its log over a sleep. */
import { createServer } from "node:http";
import type { LogEntry } from "@alcove/contract";
import { afterAll, beforeAll, expect, test } from "vitest";
import { waitFor } from "../../packages/server/src/lib/backoff.js";
import { TestDaemon } from "../harness/daemon.js";

let daemon: TestDaemon;
beforeAll(async () => {
  daemon = await TestDaemon.start({ hasOwnData: true });
}, 600_000);
afterAll(() => daemon[Symbol.asyncDispose]());

const answerBytes = 100_000;

test("figures and network of a machine are told while it runs and while it sleeps, and its log goes on over the sleep", async () => {
  const signal = AbortSignal.timeout(50_000);
  const server = createServer((_request, response) => response.end(Buffer.alloc(answerBytes))).listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as { port: number };
  const ticks = ["sh", "-c", "n=0; while true; do n=$((n+1)); echo tick $n; sleep 0.5; done"];
  await daemon.alcove.defaultGroup.egressPolicies.setSettings({ resolverOverrides: { "far.test": "127.0.0.1" } });
  await using sandbox = await daemon.alcove.sandboxes.create({
    ...{ image: "debian", entrypoint: [], cmd: ticks },
    egressPolicy: {
      defaultAction: "Deny",
      rules: [{ name: "far", match: { host: "far.test", scheme: "http" }, action: { type: "Allow" } }],
      transportRules: { rules: [{ action: "Allow", protocol: "Tcp", destination: "127.0.0.1/32" }] },
    },
  });
  const entries: LogEntry[] = [];
  const following = new AbortController();
  const followed = (async () => {
    for await (const entry of sandbox.logs({ follow: true, signal: following.signal })) entries.push(entry);
  })().catch(() => undefined);
  const got = await sandbox.exec(`curl -sS -m 20 http://far.test:${port}/ | wc -c`);
  expect(got.stdout.trim()).toBe(String(answerBytes));
  const running = await waitFor(async () => {
    const stats = await sandbox.stats({ signal });
    return stats.network.receivedBytes >= answerBytes ? stats : undefined;
  }, signal);
  expect(running.network.connections).toBeGreaterThan(0);
  expect(running.memoryUsedBytes).toBeGreaterThan(1_000_000);
  expect(running.processCount).toBeGreaterThan(0);
  expect((await sandbox.processes()).some(({ command }) => command.includes("tick"))).toBe(true);
  await waitFor(() => entries.length > 0 || undefined, signal);

  await sandbox.stop();
  const asleep = await sandbox.stats();
  expect(asleep).toMatchObject({ state: "Stopped", memoryUsedBytes: running.memoryUsedBytes, readAt: running.readAt });
  expect(asleep.network.receivedBytes).toBeGreaterThanOrEqual(answerBytes);
  expect(await sandbox.processes()).toEqual([]);
  expect((await sandbox.info()).state).toBe("Stopped");

  await sandbox.resume();
  const slept = () => entries.findIndex((entry) => "stoppedAt" in entry);
  await waitFor(() => (slept() >= 0 && entries.length > slept() + 1) || undefined, signal);
  following.abort();
  await followed;
  server.close();
  const numbers = entries.flatMap((entry) => ("line" in entry ? [Number(entry.line.replace("tick ", ""))] : []));
  expect(numbers).toEqual(numbers.map((_, at) => (numbers[0] ?? 0) + at));
}, 120_000);
