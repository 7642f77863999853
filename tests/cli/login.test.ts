/** login and logout against a daemon on TCP with a certificate of its own; a terminal is a real one, made by `script`. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import http from "node:http";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { TestDaemon } from "../harness/daemon.js";
import { entries, runCli } from "./run-cli.js";

const home = mkdtempSync(join(tmpdir(), "alcove-login-"));
const configuration = join(home, "alcove/config.json");
let daemon: TestDaemon;
let url: string;
let key: string;
let fingerprint: string;

// No runtime directory of the daemon's: what is reached is reached over TCP.
const environment = { XDG_CONFIG_HOME: home, ALCOVE_RUNTIME_DIR: join(home, "nobody") };
const cli = (words: readonly string[], input?: string) =>
  runCli(words, { environment, ...(input === undefined ? {} : { input }) });

beforeAll(async () => {
  const port = await freePort();
  url = `https://127.0.0.1:${port}`;
  const data = mkdtempSync(join(home, "data-"));
  daemon = await TestDaemon.start({
    dataDirectory: data,
    environment: { ALCOVE_ENGINE: "fake", ALCOVE_LISTEN: `127.0.0.1:${port}`, ALCOVE_TLS: "on" },
  });
  const created = await runCli(["api", "POST", "/v1/keys", "-d", '{"name":"laptop","isAdmin":true}'], {
    environment: daemon.clientEnvironment,
  });
  key = (JSON.parse(created.stdout) as { key: string }).key;
}, 600_000);
afterAll(async () => {
  await daemon[Symbol.asyncDispose]();
  rmSync(home, { recursive: true });
});
beforeEach(() => rmSync(configuration, { force: true }));

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const address = server.address() as { port: number };
      server.close(() => resolve(address.port));
    });
  });
}

test("without a terminal an unknown certificate is refused with its fingerprint, and nothing is kept", async () => {
  const refused = await cli(["login", "--url", url, "--key-stdin"], key);
  expect(refused).toMatchObject({ code: 1, stdout: "" });
  fingerprint = /--fingerprint ([0-9a-f]{64})/.exec(refused.stderr)?.[1] ?? "";
  expect(fingerprint).not.toBe("");
  expect((await cli(["context", "list", "-q"])).stdout).toBe("default\n");
});

test("with its fingerprint the key is tried and kept in a file of ours alone, and every command uses it", async () => {
  const outcome = await cli(
    ["login", "--url", url, "--context", "work", "--key-stdin", "--fingerprint", fingerprint],
    `${key}\n`,
  );
  expect(outcome).toEqual({ code: 0, stdout: `laptop at ${url}, context work\n`, stderr: "" });
  expect(await cli(["list", "-q"])).toEqual({ code: 0, stdout: "", stderr: "" });
  expect((await cli(["status"])).stdout).toMatch(/^engine +fake/m);
  expect((await cli(["config", "show"])).stdout).not.toContain(key);
  expect((await cli(["logout"])).stdout).toContain("work");
  expect(readFileSync(configuration, "utf8")).not.toContain(key);
  const without = await cli(["list"]);
  expect(without).toMatchObject({ code: 1, stdout: "" });
  expect(without.stderr).toMatch(/\nhint: /);
});

test("a key for one group alone works there from then on, without naming the group", async () => {
  const owner = { environment: daemon.clientEnvironment };
  await runCli(["group", "create", "team-a"], owner);
  const made = await runCli(["-g", "team-a", "key", "create", "ci", "--role", "reader", "-q"], owner);
  const words = ["login", "--url", url, "--key-stdin", "--fingerprint", fingerprint];
  const kept = await cli(words, made.stdout);
  expect(kept.stdout).toBe(`ci at ${url}, context 127.0.0.1, group team-a\n`);
  expect(await cli(["list", "-q"])).toEqual({ code: 0, stdout: "", stderr: "" });
  await cli([...words, "--group", "default"], made.stdout);
  expect((await cli(["list"])).stderr).toContain("no group default");
});

test("a key that is not known, and another certificate, keep nothing", async () => {
  const wrong = await cli(
    ["login", "--url", url, "--key-stdin", "--fingerprint", fingerprint],
    `${key.slice(0, -4)}abcd`,
  );
  expect(wrong).toMatchObject({ code: 1, stdout: "" });
  const other = await cli(["login", "--url", url, "--key-stdin", "--fingerprint", "ab".repeat(32)], key);
  expect(other.stderr).toContain("is another one");
  expect((await cli(["context", "list", "-q"])).stdout).toBe("default\n");
});

test("a key is asked for neither of this machine's daemon nor on the way in the clear", async () => {
  expect(await cli(["login"])).toMatchObject({ code: 2, stderr: expect.stringContaining("asks for no key") });
  const plain = await cli(["login", "--url", "http://sandboxes.example.com", "--key-stdin"], key);
  expect(plain).toMatchObject({ code: 2, stderr: expect.stringContaining("for everybody on the way to read") });
});

test("on a terminal the certificate is asked about, and the key is not shown", async () => {
  const { code, seen } = await onTerminal(`"${entries.node}" login --url ${url}`, [
    ["[y/N] ", "y\r"],
    [`Key for ${url}: `, `${key}\r`],
  ]);
  expect(code).toBe(0);
  expect(seen).toContain(fingerprint);
  expect(seen).toContain(`laptop at ${url}`);
  expect(seen).not.toContain(key);
});

test("Ctrl-C at the key ends with 130, keeps nothing, and leaves the terminal as it was", async () => {
  const line = `"${entries.node}" login --url ${url} --fingerprint ${fingerprint}; echo "code $?"; stty -a`;
  const { seen } = await onTerminal(line, [[`Key for ${url}: `, "half\u0003"]]);
  expect(seen).toContain("code 130");
  expect(seen).toMatch(/ echo\b/);
  expect(seen).toMatch(/ icanon\b/);
  expect((await cli(["context", "list", "-q"])).stdout).toBe("default\n");
});

/** Runs a line of the shell on a terminal, and types an answer behind each question. */
async function onTerminal(line: string, answers: readonly (readonly [question: string, answer: string])[]) {
  const child = spawn("script", ["-qec", line, "/dev/null"], { env: { ...process.env, ...environment } });
  const waiting = [...answers];
  let seen = "";
  child.stdout.on("data", (chunk: Buffer) => {
    seen += chunk.toString();
    const [next] = waiting;
    if (next === undefined || !seen.endsWith(next[0])) return;
    waiting.shift();
    child.stdin.write(next[1]);
  });
  const [code] = (await once(child, "close")) as [number | null];
  return { code, seen };
}

test("doctor looks at certificate, clock, key and version, and names what mends a wrong certificate", async () => {
  await cli(["login", "--url", url, "--context", "work", "--key-stdin", "--fingerprint", fingerprint], key);
  const { stdout } = await cli(["doctor"]);
  for (const line of [/^ok +certificate: pinned, until /m, /^ok +clock: /m, /^ok +key: laptop: administrator/m]) {
    expect(stdout).toMatch(line);
  }
  expect(stdout).toMatch(/^ok +version: /m);
  await cli(["config", "set", "fingerprint", "ab".repeat(32)]);
  const wrong = await cli(["doctor"]);
  expect(wrong.code).toBe(1);
  expect(wrong.stdout).toMatch(/^error +certificate: .*another one.*\n +mend it: alcove login --url https:/m);
});

test("doctor says whether a registry answers", async () => {
  const registry = http.createServer((_request, response) => {
    response.setHeader("www-authenticate", 'Basic realm="x"');
    response.writeHead(401).end();
  });
  registry.listen(0, "127.0.0.1");
  await once(registry, "listening");
  const { port } = registry.address() as { port: number };
  const asks = await runCli(["doctor", "--registry", `http://127.0.0.1:${port}`], {
    environment: daemon.clientEnvironment,
  });
  expect(asks.stdout).toMatch(/^warning +registry: .* asks for credentials .*\n +mend it: docker login/m);
  registry.close();
  const away = await runCli(["doctor", "--registry", "http://127.0.0.1:1"], { environment: daemon.clientEnvironment });
  expect(away.code).toBe(1);
  expect(away.stdout).toMatch(/^error +registry: .* cannot be reached/m);
});
