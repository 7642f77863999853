/** Metrics as Prometheus reads them, over real HTTP. */
import { spawnSync } from "node:child_process";
import { expect, onTestFinished, test } from "vitest";
import { TestGateway } from "../control/egress/test-gateway.js";
import { ask, createSandbox, serve } from "./serve-for-tests.js";

const metricsToken = "a-token-that-reads-metrics";

async function served(options: Parameters<typeof serve>[2] = {}) {
  const server = await serve(undefined, {}, { metricsToken, ...options });
  onTestFinished(() => server[Symbol.asyncDispose]());
  return server;
}

/** Every sample by its name with its labels, as it stands. */
function samplesOf(text: string): Map<string, number> {
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(
    lines.map((line) => {
      const [, name, value] = /^([a-z_]+(?:\{[^}]*\})?) (\S+)$/.exec(line) ?? [];
      if (name === undefined) throw new Error(`no sample: ${line}`);
      return [name, Number(value)];
    }),
  );
}

test("requests, sandboxes, operations and groups are counted, and no line names a sandbox", async () => {
  const { socketPath } = await served();
  const { path, id } = await createSandbox(socketPath);
  await ask(socketPath, `${path}/stop`, { method: "POST", body: {} });
  await ask(socketPath, `${path}/resume`, { method: "POST", body: {} });
  await ask(socketPath, "/v1/groups/default/quota", { method: "PUT", body: { cores: 8, memory: "64Gi" } });
  await ask(socketPath, `/no/such/${id}`);
  const { status, headers, text } = await ask(socketPath, "/metrics");
  expect(status).toBe(200);
  expect(headers["content-type"]).toMatch(/^text\/plain; version=0\.0\.4/);
  expect(text).not.toContain(id);
  const samples = samplesOf(text);
  expect(samples.get('alcove_http_requests_total{route="createSandbox",status="201"}')).toBe(1);
  expect(samples.get('alcove_http_requests_total{route="none",status="404"}')).toBe(1);
  expect(samples.get('alcove_http_request_duration_seconds_count{route="stopSandbox"}')).toBe(1);
  expect(samples.get('alcove_sandboxes{engine="fake",state="Running"}')).toBe(1);
  expect(samples.get('alcove_sandboxes{engine="fake",state="Stopped"}')).toBe(0);
  for (const operation of ["create", "stop", "resume"])
    expect(samples.get(`alcove_sandbox_operation_duration_seconds_count{engine="fake",operation="${operation}"}`)).toBe(
      1,
    );
  expect(samples.get('alcove_group_cpu_cores{group="default"}')).toBe(1);
  expect(samples.get('alcove_group_quota_memory_bytes{group="default"}')).toBe(64 * 2 ** 30);
  expect(samples.has('alcove_group_quota_disk_bytes{group="default"}')).toBe(false);
  expect(samples.get("process_resident_memory_bytes")).toBeGreaterThan(1_000_000);
});

test("what the gateway passes and decides is counted, and how often workers were started anew", async () => {
  const gateway = new TestGateway();
  const { socketPath } = await served({ gateway, workerRestarts: () => ({ gateway: 2, relay: 0 }) });
  gateway.pass("a", { sentBytes: 3, receivedBytes: 5, connections: 1 });
  gateway.decide("a");
  gateway.decide("b", { verdict: "Allow" });
  gateway.omit("a", 7);
  const samples = samplesOf((await ask(socketPath, "/metrics")).text);
  expect(samples.get('alcove_gateway_bytes_total{direction="received"}')).toBe(5);
  expect(samples.get("alcove_gateway_connections_total")).toBe(1);
  expect(samples.get('alcove_gateway_decisions_total{verdict="Deny",enforced="true"}')).toBe(1);
  expect(samples.get('alcove_gateway_decisions_total{verdict="Allow",enforced="true"}')).toBe(1);
  expect(samples.get("alcove_gateway_decisions_omitted_total")).toBe(7);
  expect(samples.get('alcove_worker_restarts_total{worker="gateway"}')).toBe(2);
  const again = samplesOf((await ask(socketPath, "/metrics")).text);
  expect(again.get('alcove_worker_restarts_total{worker="gateway"}')).toBe(2);
});

test("the token for metrics reads them and nothing else; without one, or with another key, nobody reads them", async () => {
  const server = await served();
  const port = await server.openTcp();
  const body = { name: "owner", scopes: [{ group: "default", role: "owner" }] };
  const { json } = await ask(server.socketPath, "/v1/keys", { method: "POST", body });
  const by = (token: string, path: string) => ask(port, path, { headers: { authorization: `Bearer ${token}` } });
  expect((await by(metricsToken, "/metrics")).status).toBe(200);
  for (const path of ["/v1/whoami", "/v1/groups", "/v1/groups/default/sandboxes", "/v1/doctor", "/openapi.json"])
    expect([path, (await by(metricsToken, path)).status]).toEqual([path, 403]);
  expect((await by(String(json.key), "/metrics")).json).toMatchObject({ code: "Forbidden" });
  expect((await by(`${metricsToken}x`, "/metrics")).status).toBe(401);
  expect((await ask(port, "/metrics")).status).toBe(401);
});

const hasPromtool = spawnSync("promtool", ["--version"]).status === 0;

test.skipIf(!hasPromtool)("promtool finds no fault (skipped where it is not installed)", async () => {
  const { socketPath } = await served();
  await createSandbox(socketPath);
  await ask(socketPath, "/v1/groups/default/quota", { method: "PUT", body: { cores: 8, sandboxes: 9 } });
  const { text: input } = await ask(socketPath, "/metrics");
  const { status, stdout, stderr } = spawnSync("promtool", ["check", "metrics"], { input, encoding: "utf8" });
  expect({ status, told: stdout + stderr }).toEqual({ status: 0, told: "" });
});

test("every metric has help and a type, counters end with _total, and no other does", async () => {
  const { socketPath } = await served();
  const { text } = await ask(socketPath, "/metrics");
  const types = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name = "", type = ""]) => ({ name, type }));
  expect(types.length).toBeGreaterThan(20);
  for (const { name, type } of types) {
    expect(text).toMatch(new RegExp(`^# HELP ${name} \\S`, "m"));
    expect([name, name.endsWith("_total")]).toEqual([name, type === "counter"]);
  }
});
