/**
 * A program inside a sandbox floods the gateway over connections that are captured and opened: another sandbox's execs are answered all the
 * while. How fast, held against an idle host, is for the long tests, with more floods.
 */
import { readFile } from "node:fs/promises";
import http2 from "node:http2";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { type EgressPolicy, Sandbox } from "alcove";
import { afterAll, beforeAll, expect, test } from "vitest";
import { issue, makeAuthority } from "../../packages/server/src/egress/certificates/authority.js";
import { TestDaemon } from "../harness/daemon.js";
import { execLatenciesMs, percentile } from "../harness/latency.js";
import { isLong } from "../harness/long.js";
import { workerOf } from "../harness/worker-of.js";

const policy: EgressPolicy = {
  defaultAction: "Deny",
  rules: [{ name: "hold", match: { host: "api.test", path: "/hold" }, action: { type: "Allow" } }],
  transportRules: { rules: [{ action: "Allow", protocol: "Tcp", destination: "127.0.0.1/32" }] },
};
const rounds = 40;
const floodSeconds = isLong ? 30 : 1;
const patience = { timeout: 300_000, retry: isLong ? 2 : 0 };
/** One that waits so long is held up by the flood, not by what else the host does. */
const stalledMs = 10_000;

/** At least that much of each, on a slow host too: a flood that did not come is none. */
const floods = isLong
  ? {
      reset: { streams: 5_000 },
      continuation: { bytes: 1_000_000 },
      streams: { streams: 500 },
      connections: { connections: 10_000 },
      upload: { bytes: 1_000_000 },
    }
  : { reset: { streams: 1_000 }, continuation: { bytes: 50_000 }, connections: { connections: 300 } };

let daemon: TestDaemon;
let server: http2.Http2SecureServer;
let neighbour: Sandbox;
let hostile: Sandbox;

beforeAll(async () => {
  const authority = await makeAuthority("upstream");
  const { certificate: cert, key } = await issue(authority, "api.test");
  // It answers nothing, and reads all.
  server = http2.createSecureServer({ cert, key }, (request) => void request.on("error", () => {}).resume());
  server.on("sessionError", () => {});
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  daemon = await TestDaemon.start({ hasOwnData: true });
  await daemon.alcove.defaultGroup.egressPolicies.setSettings({
    resolverOverrides: { "api.test": "127.0.0.1" },
    upstreamCertificates: authority.certificate,
  });
  const options = { image: "debian", memory: "512Mi", alcove: daemon.alcove } as const;
  [neighbour, hostile] = await Promise.all([
    Sandbox.create(options),
    Sandbox.create({ ...options, egressPolicy: policy }),
  ]);
  await hostile.files.write("/root/flood.py", await readFile(join(import.meta.dirname, "floods/flood.py")));
}, 600_000);
afterAll(async () => {
  await daemon[Symbol.asyncDispose]();
  server.close();
});

for (const [kind, least] of Object.entries(floods)) {
  test(`a neighbour's execs are answered beside a flood of ${kind}`, patience, async () => {
    const gateway = await workerOf(daemon, "egress/worker-main");
    const idleMs = isLong ? await execLatenciesMs(neighbour, rounds) : [];
    const { floodedMs, sent } = await flooded(kind, least);
    for (const [what, count] of Object.entries(least)) expect(sent[what], what).toBeGreaterThanOrEqual(count);
    expect(await workerOf(daemon, "egress/worker-main"), "the gateway's process is the same").toBe(gateway);
    expect(Math.max(...floodedMs)).toBeLessThan(stalledMs);
    if (!isLong) return;
    idleMs.push(...(await execLatenciesMs(neighbour, rounds)));
    const [p95Ms, idleP95Ms] = [percentile(floodedMs, 0.95), percentile(idleMs, 0.95)];
    console.log(
      `${kind}: p95 ${p95Ms.toFixed(1)} ms, idle ${idleP95Ms.toFixed(1)} ms, ${floodedMs.length} execs`,
      sent,
    );
    expect(p95Ms).toBeLessThanOrEqual(3 * idleP95Ms);
  });
}

/** The neighbour's round trips beside it, and what was sent. */
async function flooded(kind: string, least: object) {
  const { port } = server.address() as AddressInfo;
  const args = [kind, "api.test", `${port}`, `${floodSeconds}`, JSON.stringify(least)];
  const flooding = hostile.exec(["python3", "/root/flood.py", ...args], { check: true, timeoutMs: 200_000 });
  let isOver = false;
  const over = flooding.finally(() => {
    isOver = true;
  });
  over.catch(() => {});
  const floodedMs: number[] = [];
  while (!isOver) floodedMs.push(...(await execLatenciesMs(neighbour, 1)));
  return { floodedMs, sent: JSON.parse((await over).stdout) as Record<string, number> };
}
