/** Secrets on the real engine: a server gets the value, the sandbox never does, and another's copy can do nothing with what its memory holds. */
import { spawnSync } from "node:child_process";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { Alcove, type EgressPolicy, Sandbox } from "alcove";
import { afterAll, beforeAll, expect, test } from "vitest";
import { issue, makeAuthority } from "../../packages/server/src/egress/certificates/authority.js";
import { TestDaemon } from "../harness/daemon.js";

const canary = "c4n4ry-5ecret";
const authority = await makeAuthority("upstream");
const valueRef = { secretRef: { secretId: "github", format: "Bearer {value}" } };
const policy: EgressPolicy = {
  defaultAction: "Deny",
  rules: [
    {
      name: "signed",
      match: { host: "api.test", path: "/signed" },
      action: { type: "Transform", headers: [{ operation: "Set", name: "X-Key", valueRef }] },
    },
    { name: "rest", match: { host: "api.test" }, action: { type: "Allow" } },
  ],
  transportRules: { rules: [{ action: "Allow", protocol: "Tcp", destination: "127.0.0.1/32" }] },
};

let daemon: TestDaemon;
let server: Server;
let port: number;
let sandbox: Sandbox;
/** What the server was sent, newest last. */
const got: string[] = [];

beforeAll(async () => {
  const { certificate: cert, key } = await issue(authority, "api.test");
  server = createServer({ cert, key }, (request, response) => {
    got.push(String(request.headers["x-key"]));
    response.end("thanks\n");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  port = (server.address() as AddressInfo).port;
  daemon = await TestDaemon.start({ hasOwnData: true });
  const { egressPolicies, secrets } = daemon.alcove.defaultGroup;
  const upstreamCertificates = authority.certificate;
  await egressPolicies.setSettings({ resolverOverrides: { "api.test": "127.0.0.1" }, upstreamCertificates });
  await secrets.set("github", { token: canary }, { hosts: ["api.test"] });
  const uses = { TOKEN: { secretId: "github" } };
  const options = { image: "debian", memory: "512Mi", secrets: uses, egressPolicy: policy } as const;
  sandbox = await Sandbox.create({ ...options, alcove: daemon.alcove });
}, 600_000);
afterAll(async () => {
  await daemon[Symbol.asyncDispose]();
  server.close();
});

const send = (of: Sandbox, text: string, path = "/x") =>
  of.exec(`curl -sS -m 30 -H "X-Key: ${text}" https://api.test:${port}${path}`);

test("a header that the policy sets, and a placeholder of a program's, reach the server as the value", async () => {
  expect((await send(sandbox, "none", "/signed")).stdout).toBe("thanks\n");
  expect(got.at(-1)).toBe(`Bearer ${canary}`);
  expect((await send(sandbox, "token $TOKEN")).stdout).toBe("thanks\n");
  expect(got.at(-1)).toBe(`token ${canary}`);
  const { stdout } = await sandbox.exec("echo $TOKEN; env; cat /proc/*/environ");
  expect(stdout).toMatch(/^alcove-secret-/);
  expect(stdout).not.toContain(canary);
});

test("a fork by the same owner goes on with what its memory holds; another key's has placeholders that stand for nothing", async () => {
  await sandbox.exec("echo $TOKEN > /dev/shm/held");
  const { key } = await daemon.alcove.defaultGroup.keys.create({ name: "other", role: "user" });
  using other = new Alcove({ socketPath: join(daemon.runtimeDirectory, "alcoved.sock"), apiKey: key });
  const held = "$(cat /dev/shm/held)";
  const [own] = (await sandbox.fork(1)).sandboxes;
  const [foreign] = (await other.sandboxes.connect(sandbox.id).fork(1)).sandboxes;
  if (own === undefined || foreign === undefined) throw new Error("there is no fork");
  expect((await own.exec("echo $TOKEN")).stdout).toMatch(/^alcove-secret-/);
  expect((await own.exec("echo $TOKEN")).stdout).not.toBe((await own.exec("cat /dev/shm/held")).stdout);
  for (const text of ["$TOKEN", held]) {
    await send(own, text);
    expect(got.at(-1)).toBe(canary);
  }
  expect((await foreign.exec("echo [$TOKEN]")).stdout).toBe("[]\n");
  await send(foreign, held);
  expect(got.at(-1)).toMatch(/^alcove-secret-/);
  for (const copy of [own, foreign]) await copy.delete();
});

test("nothing that the daemon keeps or writes has the value", async () => {
  await daemon.alcove.defaultGroup.secrets.peek("github");
  await sandbox.stop();
  await daemon.stop();
  const found = (text: string) =>
    spawnSync("grep", ["-rlaF", "--exclude-dir=images", text, daemon.dataDirectory], { encoding: "utf8" }).stdout;
  expect(found("alcove-secret-"), "the placeholder is in the memory that was kept").not.toBe("");
  expect(found(canary)).toBe("");
});
