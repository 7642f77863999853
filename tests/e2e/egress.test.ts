/** What a user meets at the gate: ordinary programs of the image against real servers, through the daemon, on the real engine. */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer as createHttpServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createSecureContext } from "node:tls";
import { type EgressPolicy, Sandbox } from "alcove";
import { afterAll, beforeAll, expect, test } from "vitest";
import { issue, makeAuthority } from "../../packages/server/src/egress/certificates/authority.js";
import { run } from "../../packages/server/src/host/run.js";
import { TestDaemon } from "../harness/daemon.js";
import { workerOf } from "../harness/worker-of.js";
import { forApt, forGit } from "./programs/repositories.js";

const size = { image: "debian", memory: "512Mi" } as const;
const hosts = ["api.test", "files.test", "other.test"];
const commandLine = join(import.meta.dirname, "../../packages/cli/bin/alcove");
const authority = await makeAuthority("upstream");

let daemon: TestDaemon;
let place: string;
let secure: Server;
let plain: Server;
let ports: { readonly https: number; readonly http: number };
let sandbox: Sandbox;
beforeAll(async () => {
  place = await mkdtemp(join(tmpdir(), "alcove-egress-"));
  await Promise.all([forGit(place), forApt(place)]);
  const contexts = hosts.map(async (host) => {
    const { certificate, key } = await issue(authority, host);
    return [host, createSecureContext({ cert: certificate, key })] as const;
  });
  const contextOf = new Map(await Promise.all(contexts));
  secure = createHttpsServer({ SNICallback: (name, done) => done(null, contextOf.get(name)) }, answer);
  plain = createHttpServer(answer);
  ports = { https: await listen(secure), http: await listen(plain) };
  daemon = await TestDaemon.start({ hasOwnData: true });
  await daemon.alcove.defaultGroup.egressPolicies.setSettings({
    resolverOverrides: Object.fromEntries(hosts.map((host) => [host, "127.0.0.1"])),
    upstreamCertificates: authority.certificate,
  });
  sandbox = await Sandbox.create({ ...size, alcove: daemon.alcove, egressPolicy: policy });
}, 600_000);
afterAll(async () => {
  await daemon[Symbol.asyncDispose]();
  for (const server of [secure, plain]) server.close();
  await rm(place, { recursive: true, force: true });
});

const policy: EgressPolicy = {
  defaultAction: "Deny",
  rules: [
    { name: "public", match: { host: "api.test", path: "/public/**", methods: ["GET"] }, action: { type: "Allow" } },
    {
      name: "signed",
      match: { host: "api.test", path: "/signed" },
      action: { type: "Transform", headers: [{ operation: "Set", name: "X-Key", value: "of-the-gate" }] },
    },
    { name: "old", match: { host: "other.test" }, action: { type: "Rewrite", host: "api.test", path: "/public/new" } },
    { name: "plain", match: { host: "other.test", scheme: "http" }, action: { type: "Allow" } },
    { name: "repository", match: { host: "api.test", path: "/repository/**" }, action: { type: "Allow" } },
  ],
  hostRules: [{ pattern: "files.test", action: "Allow" }],
  transportRules: { rules: [{ action: "Allow", protocol: "Tcp", destination: "127.0.0.1/32" }] },
};

test("Without a policy a sandbox reaches nothing, and each name does not exist", async () => {
  await using closed = await Sandbox.create({ ...size, alcove: daemon.alcove });
  const { exitCode, stderr } = await closed.exec(`curl -sS -m 20 https://api.test:${ports.https}/public/x`);
  expect({ exitCode, stderr }).toEqual({ exitCode: 6, stderr: expect.stringContaining("Could not resolve host") });
  expect((await closed.exec("curl -sS -m 20 http://203.0.113.5/")).stdout).toContain("denied GET http://203.0.113.5/");
  expect((await closed.exec("curl -sS -m 20 https://203.0.113.5/")).exitCode).toBe(35);
  const { dns, http } = await closed.egressDecisions();
  expect(dns.denied[0]).toMatchObject({ host: "api.test", rule: "default", verdict: "Deny" });
  expect(http.denied.map(({ host, port, rule }) => [host, port, rule])).toEqual([
    ["203.0.113.5", 443, "default"],
    ["203.0.113.5", 80, "default"],
  ]);
});

test("curl, Python, git and apt get what the policy allows, over TLS that is opened, and are told what denies the rest", async () => {
  const api = `https://api.test:${ports.https}`;
  const seen = await sandbox.exec(`curl -sS ${api}/public/x`);
  expect(seen).toMatchObject({ stderr: "", stdout: `GET /public/x api.test:${ports.https} no key\n` });
  const denied = await sandbox.exec(`curl -sS -w '%{http_code}' ${api}/private; curl -sS -X POST ${api}/public/x`);
  expect(denied.stdout).toMatch(/^Alcove denied GET https:\/\/api\.test:\d+\/private[\s\S]*403Alcove denied POST/);
  expect(denied.stdout).toContain('"default"');
  const python = `import urllib.request; print(urllib.request.urlopen('${api}/signed').read().decode(), end='')`;
  expect((await sandbox.exec(["python3", "-c", python])).stdout).toBe(
    `GET /signed api.test:${ports.https} of-the-gate\n`,
  );
  const cloned = await sandbox.exec(`git clone -q ${api}/repository/thing.git /root/it && cat /root/it/word`);
  expect(cloned).toMatchObject({ exitCode: 0, stdout: "from git\n" });
  const source = `deb [trusted=yes] ${api}/repository/apt ./`;
  const updated = await sandbox.exec(
    `echo '${source}' > /etc/apt/sources.list && rm -rf /etc/apt/sources.list.d && apt-get update && apt-cache policy thing`,
  );
  expect(updated).toMatchObject({ exitCode: 0, stdout: expect.stringContaining("Candidate: 1.2.3") });
});

test("A rewritten request is answered by where it went, plain HTTP only by a rule that says so, and untouched TLS is the server's own", async () => {
  const rewritten = await sandbox.exec(`curl -sS https://other.test:${ports.https}/old?a=b`);
  expect(rewritten.stdout).toBe(`GET /public/new?a=b api.test:${ports.https} no key\n`);
  const inPlain = await sandbox.exec(
    `curl -sS http://other.test:${ports.http}/plain; curl -sS -w '%{http_code}' http://api.test:${ports.http}/public/x`,
  );
  expect(inPlain.stdout).toMatch(/^GET \/plain other\.test:\d+ no key\nAlcove denied[\s\S]*403$/);
  await sandbox.files.write("/root/upstream.pem", authority.certificate);
  const files = `https://files.test:${ports.https}/x`;
  const untouched = await sandbox.exec(`curl -sS --cacert /root/upstream.pem ${files}; curl -sS ${files}`);
  expect(untouched).toMatchObject({ exitCode: 60, stdout: `GET /x files.test:${ports.https} no key\n` });
});

test("What was decided is listed, and a test of a URL says the same beforehand", async () => {
  const { http } = await sandbox.egressDecisions();
  expect(http.allowed).toContainEqual(
    expect.objectContaining({ host: "api.test", method: "GET", path: "/signed", rule: "signed", protocol: "https" }),
  );
  expect(http.denied).toContainEqual(expect.objectContaining({ host: "api.test", method: "POST", rule: "default" }));
  const environment = { ...process.env, ...daemon.clientEnvironment };
  const url = `https://api.test:${ports.https}/private`;
  const { stdout } = await run(commandLine, ["egress", "test", sandbox.id, url], { environment });
  expect(stdout).toContain("Deny");
  const file = await readFile(join(daemon.dataDirectory, "egress/decisions.jsonl"), "utf8");
  expect(file).toContain('"rule":"signed"');
});

test("A name's address stays that name's after the daemon was killed and in a fork, and the policy with it", async () => {
  const addressOf = async (of: Sandbox, host: string) =>
    (await of.exec(`getent ahostsv4 ${host}`)).stdout.split(" ")[0];
  const before = await Promise.all(hosts.map((host) => addressOf(sandbox, host)));
  expect(new Set(before).size).toBe(3);
  await daemon.kill();
  await daemon.restart();
  const {
    sandboxes: [copy],
  } = await sandbox.fork(1);
  if (copy === undefined) throw new Error("there is no copy");
  for (const one of [sandbox, copy]) {
    expect(await Promise.all(hosts.toReversed().map((host) => addressOf(one, host)))).toEqual(before.toReversed());
    expect((await one.exec(`curl -sS https://api.test:${ports.https}/public/y`)).stdout).toContain("GET /public/y");
    expect((await one.exec(`curl -sS https://api.test:${ports.https}/private`)).stdout).toContain("Alcove denied");
  }
  await copy.delete();
});

test("The gateway's process may be killed: commands go on, and new connections are carried soon", async () => {
  const gateway = await workerOf(daemon, "egress/worker-main");
  const held = await sandbox.spawn("sleep 3; echo still here");
  process.kill(gateway, "SIGKILL");
  const url = `https://api.test:${ports.https}/public/z`;
  const again = await sandbox.exec(`curl -sS --retry 20 --retry-delay 1 --retry-all-errors ${url}`);
  expect(again.stdout).toContain("GET /public/z");
  expect((await held.wait()).exitCode).toBe(0);
});

test("A connection that is open when a sandbox is forked goes on in the source, and is cut in the fork", async () => {
  const open = await sandbox.spawn(`curl -sS -m 60 -o /root/late https://api.test:${ports.https}/public/slow`);
  await expect.poll(() => slow.length, { timeout: 20_000 }).toBe(1);
  const [copy] = (await sandbox.fork(1)).sandboxes;
  if (copy === undefined) throw new Error("there is no copy");
  const inCopy = async () => (await copy.execs.get(open.id)).exitCode;
  await expect.poll(inCopy, { timeout: 20_000 }).toEqual(expect.any(Number));
  expect(await inCopy()).not.toBe(0);
  slow.pop()?.end("late\n");
  expect((await open.wait()).exitCode).toBe(0);
  expect(await sandbox.files.readText("/root/late")).toBe("late\n");
  await copy.delete();
});

test("What was tightened while it slept is in force when it wakes, and a connection from before is cut", async () => {
  const open = await sandbox.spawn(`curl -sS -m 60 https://api.test:${ports.https}/public/slow`);
  await expect.poll(() => slow.length, { timeout: 20_000 }).toBe(1);
  await sandbox.stop();
  await sandbox.setEgressPolicy({ defaultAction: "Deny" });
  await sandbox.resume();
  // 28: it was not cut, and waited until its time was over.
  expect([0, 28]).not.toContain((await open.wait()).exitCode);
  const denied = await sandbox.exec(`curl -sS -m 20 https://api.test:${ports.https}/public/v`);
  expect(denied).toMatchObject({ exitCode: 6, stderr: expect.stringContaining("Could not resolve host") });
  await sandbox.setEgressPolicy(policy);
  expect((await sandbox.exec(`curl -sS https://api.test:${ports.https}/public/w`)).stdout).toContain("GET /public/w");
  await sandbox.delete();
});

/** Answers that the server owes. */
const slow: ServerResponse[] = [];

/** Says what came; files of the repository as they are. */
async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { method, url = "/", headers } = request;
  if (url === "/public/slow") {
    slow.push(response);
    return;
  }
  if (!url.startsWith("/repository/")) {
    response.end(`${method} ${url} ${headers.host} ${headers["x-key"] ?? "no key"}\n`);
    return;
  }
  const path = join(place, new URL(url, "http://repository").pathname.slice("/repository/".length));
  const content = await readFile(path).catch(() => undefined);
  response.writeHead(content === undefined ? 404 : 200).end(content);
}

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
}
