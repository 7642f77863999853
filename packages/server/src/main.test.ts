/** The daemon as a process, over the fake engine. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { request as secureRequest } from "node:https";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { waitFor } from "./lib/backoff.js";
import { temporaryDirectory } from "./store/test-record.js";

const program = fileURLToPath(new URL("./main.ts", import.meta.url));

class Daemon implements AsyncDisposable {
  readonly child: ChildProcess;
  readonly runtime: string;
  readonly ended: Promise<{ code: number | null; stderr: string }>;

  constructor(directory: string, environment: Record<string, string> = {}) {
    const ALCOVE_DATA_DIR = environment.ALCOVE_DATA_DIR ?? join(directory, "data");
    this.runtime = environment.ALCOVE_RUNTIME_DIR ?? join(directory, "run");
    const own = {
      ALCOVE_CONFIG_DIR: directory,
      ALCOVE_ENGINE: "fake",
      ALCOVE_DATA_DIR,
      ALCOVE_RUNTIME_DIR: this.runtime,
    };
    const child = spawn(process.execPath, ["--import", "tsx", program], {
      env: { ...process.env, ...own, ...environment },
      stdio: ["ignore", "ignore", "pipe"],
    });
    this.child = child;
    this.ended = Promise.all([once(child, "exit"), text(child.stderr)]).then(([[code], stderr]) => ({ code, stderr }));
  }

  get socket(): string {
    return join(this.runtime, "alcoved.sock");
  }

  /** The answer to a GET, once there is one. */
  async get(path: string): Promise<Record<string, unknown>> {
    return waitFor(() => ask(this.socket, path).catch(() => undefined), AbortSignal.timeout(15_000));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.child.kill("SIGKILL");
    await this.ended;
  }
}

async function ask(socketPath: string, path: string): Promise<Record<string, unknown>> {
  const call = request({ socketPath, path }).end();
  const [response] = await once(call, "response");
  return JSON.parse(await text(response));
}

test("it answers on a socket of its owner's, says who it is, and stops when asked", async () => {
  using directory = temporaryDirectory();
  await using daemon = new Daemon(directory.path);
  expect(await daemon.get("/v1/health")).toMatchObject({ engine: "fake", sandboxes: { total: 0 } });
  expect(await daemon.get("/v1/version")).toMatchObject({ version: "0.1.0", pid: daemon.child.pid });
  expect(await daemon.get("/v1/groups/default/sandboxes")).toEqual([]);
  expect(readFileSync(join(daemon.runtime, "alcoved.pid"), "utf8")).toBe(`${daemon.child.pid}\n`);
  expect(statSync(daemon.runtime).mode & 0o777).toBe(0o700);
  expect(statSync(daemon.socket).mode & 0o777).toBe(0o600);
  daemon.child.kill("SIGTERM");
  expect((await daemon.ended).code).toBe(0);
  expect(existsSync(daemon.socket)).toBe(false);
  expect(existsSync(join(daemon.runtime, "alcoved.pid"))).toBe(false);
});

test("a second one is refused the data directory, and the socket, with a sentence each", async () => {
  using directory = temporaryDirectory();
  await using first = new Daemon(directory.path);
  await first.get("/v1/health");
  await using sameData = new Daemon(directory.path, { ALCOVE_RUNTIME_DIR: join(directory.path, "other") });
  const { code, stderr } = await sameData.ended;
  expect(code).toBe(1);
  expect(stderr).toContain(`alcoved: Another Alcove daemon uses the data directory ${join(directory.path, "data")}.`);
  await using sameSocket = new Daemon(directory.path, { ALCOVE_DATA_DIR: join(directory.path, "other") });
  const refused = await sameSocket.ended;
  expect(refused.code).toBe(1);
  expect(refused.stderr).toMatch(`alcoved: Another daemon listens on ${first.socket}. Use the daemon`);
  expect(await first.get("/v1/health")).toMatchObject({ engine: "fake" });
});

test("one that was killed leaves nothing that the next one minds", async () => {
  using directory = temporaryDirectory();
  {
    await using killed = new Daemon(directory.path);
    await killed.get("/v1/health");
    killed.child.kill("SIGKILL");
    await killed.ended;
    expect(existsSync(killed.socket)).toBe(true);
  }
  await using next = new Daemon(directory.path);
  expect(await next.get("/v1/version")).toMatchObject({ pid: next.child.pid });
});

test("a configuration that is wrong is told in one line, without a stack", async () => {
  using directory = temporaryDirectory();
  await using daemon = new Daemon(directory.path, { ALCOVE_ENGINE: "docker" });
  const { code, stderr } = await daemon.ended;
  expect(code).toBe(1);
  expect(stderr).toMatch(/^alcoved: The configuration key engine is docker: .+ALCOVE_ENGINE\.\n$/);
});

test("a configuration is checked without starting anything", async () => {
  using directory = temporaryDirectory();
  const check = (text: string) => {
    writeFileSync(join(directory.path, "alcove.json"), text);
    return spawnSync(process.execPath, ["--import", "tsx", program, "--check-config"], {
      env: { ...process.env, ALCOVE_CONFIG_DIR: directory.path },
      encoding: "utf8",
    });
  };
  expect(check("{}")).toMatchObject({ status: 0, stdout: expect.stringContaining("The configuration is good: /") });
  const wrong = check('{ "engine": "docker", "logLevel": "loud" }');
  expect(wrong).toMatchObject({ status: 1, stdout: "", stderr: expect.stringContaining("2 things are wrong") });
  expect(wrong.stderr).toMatch(/engine is docker: [\s\S]+logLevel is loud: /);
  expect(readdirSync(directory.path)).toEqual(["alcove.json"]);
});

test("it opens TCP with a certificate of its own making, which health and doctor tell, and a key lets in", async () => {
  using directory = temporaryDirectory();
  await using daemon = new Daemon(directory.path, { ALCOVE_LISTEN: "127.0.0.1:0", ALCOVE_TLS: "on" });
  const { tcp } = (await daemon.get("/v1/health")) as { tcp: { url: string; fingerprint: string } };
  expect(tcp).toMatchObject({
    url: expect.stringMatching(/^https:.*:\d+$/),
    fingerprint: expect.stringMatching(/^[0-9A-F:]{95}$/),
  });
  const made = request({
    socketPath: daemon.socket,
    path: "/v1/keys",
    method: "POST",
    headers: { "content-type": "application/json" },
  });
  made.end(JSON.stringify({ name: "test", isAdmin: true }));
  const { key } = JSON.parse(await text((await once(made, "response"))[0]));
  const call = secureRequest(`${tcp.url}/v1/doctor`, {
    headers: { authorization: `Bearer ${key}` },
    ca: readFileSync(join(directory.path, "data/tls.pem")),
    agent: false,
  });
  const [response] = await once(call.end(), "response");
  expect(response.socket.getPeerCertificate().fingerprint256).toBe(tcp.fingerprint);
  expect(await text(response)).toContain(tcp.fingerprint);
});

test("a TCP address that is taken is told with what to do, and nothing is left listening", async () => {
  using directory = temporaryDirectory();
  await using first = new Daemon(directory.path, { ALCOVE_LISTEN: "127.0.0.1:0" });
  const { tcp } = (await first.get("/v1/health")) as { tcp: { url: string } };
  using other = temporaryDirectory();
  await using second = new Daemon(other.path, { ALCOVE_LISTEN: new URL(tcp.url).host });
  const { code, stderr } = await second.ended;
  expect(code).toBe(1);
  expect(stderr).toMatch(
    /^alcoved: Cannot listen on 127\.0\.0\.1:\d+: .*EADDRINUSE.* Choose another address with listen\.\n$/,
  );
});
