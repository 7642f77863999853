/**
 * Machines whose root has taken the agent's place, played at the full rate of this host beside a real one: their sessions are ended, and the
 * other's execs are answered all the while. How fast, held against an idle host, is for the long tests: a busy one would say nothing.
 */
import { type ChildProcess, fork } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startGateway, type TestGateway } from "../../packages/server/src/egress/gateway-test-kit.js";
import type { Machine } from "../../packages/server/src/engines/engine.js";
import { connectUnread } from "../../packages/server/src/engines/microvm/qmp/socket.js";
import { collect } from "../../packages/server/src/engines/suite/subject.js";
import { reconnectGuest } from "../../packages/server/src/guest/connect.js";
import { startRelay, type TestRelay } from "../../packages/server/src/guest/relay/relay-test-kit.js";
import { percentile } from "../harness/latency.js";
import { isLong } from "../harness/long.js";
import { openRealMachines, type RealMachines } from "../harness/machines.js";
import { type FloodName, floods } from "./floods/floods.js";

const floodMs = isLong ? 3_000 : 1_000;
const quietMs = isLong ? 1_500 : 0;
/** What else the host does may come between a flood and what it is held against; what a flood does, it does again. */
const patience = { timeout: 60_000, retry: isLong ? 2 : 0 };
/** One that waits so long is held up by the flood, not by what else the host does. */
const stalledMs = 10_000;
const signal = AbortSignal.timeout(900_000);
let relay: TestRelay;
let machines: RealMachines;
let gateway: TestGateway;
let neighbour: Machine;

beforeAll(async () => {
  gateway = await startGateway();
  relay = startRelay();
  const sides = { serveHost: (id: string) => gateway.gateway.serveHost(id), relay: relay.relay };
  machines = await openRealMachines(signal, sides);
  neighbour = await machines.start();
  await execsFor(neighbour, 1_000);
}, 600_000);
afterAll(async () => {
  await machines?.[Symbol.asyncDispose]();
  await Promise.all([gateway?.[Symbol.asyncDispose](), relay?.[Symbol.asyncDispose]()]);
});

for (const name of Object.keys(floods) as FloodName[]) {
  test(`a flood on the line of the ${name}`, patience, async () => {
    // Each beside its own: the host's load comes and goes.
    const idleMs = await execsFor(neighbour, quietMs);
    const { floodedMs, sessions, longestTurnMs } = await flooded(name);
    idleMs.push(...(await execsFor(neighbour, quietMs)));
    expect(sessions).toBeGreaterThan(0);
    expect(relay.workers).toHaveLength(1);
    expect(Math.max(...floodedMs)).toBeLessThan(stalledMs);
    if (!isLong) return;
    const [p95Ms, idleP95Ms] = [percentile(floodedMs, 0.95), percentile(idleMs, 0.95)];
    const figures = [p95Ms, idleP95Ms, longestTurnMs].map((each) => each.toFixed(1));
    console.log(
      `${name}: p95, idle p95, longest turn: ${figures.join(" ")} ms; ${floodedMs.length} execs, ${sessions} sessions`,
    );
    expect(p95Ms).toBeLessThanOrEqual(3 * idleP95Ms);
  });
}

/** Round trips beside the flood, and for how long it held this process up at once. */
async function flooded(name: FloodName) {
  await using machine = await playedMachine(name);
  const turns = monitorEventLoopDelay({ resolution: 5 });
  turns.enable();
  const floodedMs = await execsFor(neighbour, floodMs);
  turns.disable();
  return { floodedMs, sessions: await machine.sessions(), longestTurnMs: turns.max / 1e6 };
}

/** Connected as a sandbox's is, and asked for something all the time. */
async function playedMachine(name: FloodName) {
  const folder = await mkdtemp(join(tmpdir(), "flood-"));
  const module = fileURLToPath(new URL("./floods/played-machine.ts", import.meta.url));
  const child = fork(module, [folder, name], { execArgv: ["--import", import.meta.resolve("tsx")] });
  await once(child, "message");
  await once(child, "message");
  const serveHost = gateway.gateway.serveHost(randomUUID());
  const sides = { serveHost, relay: relay.relay };
  const guest = reconnectGuest((line, within) => connectUnread(join(folder, line), within), sides);
  const stop = new AbortController();
  const asking = askOnAndOn(() => guest.health(stop.signal), stop.signal);
  return {
    sessions: () => sessionsOf(child),
    async [Symbol.asyncDispose]() {
      stop.abort();
      await asking;
      await guest.close();
      child.kill("SIGKILL");
      await rm(folder, { recursive: true });
    },
  };
}

async function sessionsOf(child: ChildProcess): Promise<number> {
  child.send("sessions");
  return Number((await once(child, "message"))[0]);
}

async function askOnAndOn(ask: () => Promise<unknown>, until: AbortSignal): Promise<void> {
  while (!until.aborted) {
    await ask().catch(() => {});
    await sleep(20);
  }
}

async function execsFor(machine: Machine, timeMs: number): Promise<number[]> {
  const latencies: number[] = [];
  for (const until = performance.now() + timeMs; performance.now() < until; ) {
    const began = performance.now();
    const spec = { id: randomUUID(), argv: ["/bin/true"], environment: {}, stdin: false, forget: true };
    await collect(machine.guest.execs.run(spec, signal));
    latencies.push(performance.now() - began);
  }
  return latencies;
}
