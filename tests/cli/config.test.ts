/** Settings and contexts, as a person meets them: the file, the environment and flags over one daemon. */
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { TestDaemon } from "../harness/daemon.js";
import { runCli } from "./run-cli.js";

const home = mkdtempSync(join(tmpdir(), "alcove-home-"));
const path = join(home, "alcove/config.json");
let daemon: TestDaemon;

const cli = (words: readonly string[], environment: Readonly<Record<string, string>> = {}) =>
  runCli(words, { environment: { ...daemon.clientEnvironment, XDG_CONFIG_HOME: home, ...environment } });

beforeAll(async () => {
  daemon = await TestDaemon.start({ hasOwnData: true, environment: { ALCOVE_ENGINE: "fake" } });
}, 600_000);
afterAll(async () => {
  await daemon[Symbol.asyncDispose]();
  rmSync(home, { recursive: true });
});

test("a context is made by setting a value in it, used, shown with its source, and removed", async () => {
  const url = `unix://${daemon.runtimeDirectory}/alcoved.sock`;
  expect(await cli(["config", "set", "--context", "work", "url", url])).toMatchObject({ code: 0, stderr: "" });
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(await cli(["context", "use", "work"])).toMatchObject({ code: 0, stdout: "work\n" });
  // Found through the context alone: no runtime directory of its own.
  const elsewhere = { ALCOVE_RUNTIME_DIR: join(home, "nobody") };
  expect(await cli(["list", "-q"], elsewhere)).toEqual({ code: 0, stdout: "", stderr: "" });
  expect((await cli(["config", "show"])).stdout).toMatch(/^url +unix:\/\/\S+ +context work$/m);
  expect((await cli(["context", "list"])).stdout).toMatch(/^\* +work +unix:/m);
  expect((await cli(["down"])).stderr).toContain("is for the daemon of this machine");
  expect((await cli(["context", "remove", "work"])).stdout).toBe("work\n");
  expect((await cli(["context", "list", "-q"])).stdout).toBe("default\n");
});

test("a flag counts more than a variable, and that more than the file", async () => {
  await cli(["config", "set", "group", "fromfile"]);
  const group = async (words: string[], environment = {}) =>
    (
      JSON.parse((await cli([...words, "config", "show", "-o", "json"], environment)).stdout) as { name: string }[]
    ).find(({ name }) => name === "group");
  expect(await group([])).toEqual({ name: "group", value: "fromfile", source: "context default" });
  const variable = { ALCOVE_GROUP: "fromvariable" };
  expect(await group([], variable)).toMatchObject({ value: "fromvariable", source: "variable ALCOVE_GROUP" });
  expect(await group(["--group", "fromflag"], variable)).toMatchObject({ value: "fromflag", source: "flag --group" });
  await cli(["config", "unset", "group"]);
  expect(await group([])).toMatchObject({ value: "default", source: "default" });
});

test("the format of results holds for errors too", async () => {
  const missing = await cli(["image", "get", "nosuchimage"], { ALCOVE_OUTPUT: "json" });
  expect(missing).toMatchObject({ code: 1, stdout: "" });
  expect(JSON.parse(missing.stderr)).toMatchObject({ error: { code: "ImageNotFound", hint: expect.any(String) } });
  const usage = await cli(["list", "--nosuch"], { ALCOVE_OUTPUT: "json" });
  expect(JSON.parse(usage.stderr)).toMatchObject({ error: { message: expect.stringContaining("--nosuch") } });
});

test("a list as YAML, and names alone", async () => {
  expect((await cli(["image", "list", "-o", "yaml"])).stdout).toMatch(/^- name: debian$/m);
  expect((await cli(["image", "list", "-q"])).stdout).toMatch(/^debian$/m);
});

test("a key in a file that others can read is refused with what mends it; one of the environment is not", async () => {
  const { key } = await daemon.alcove.defaultGroup.keys.create({ name: "test", role: "user" });
  await cli(["config", "set", "--context", "open", "group", "team"]);
  const file = JSON.parse(readFileSync(path, "utf8")) as { contexts: { open: { apiKey?: string } } };
  file.contexts.open.apiKey = key;

  writeFileSync(path, JSON.stringify(file));
  chmodSync(path, 0o644);
  const refused = await cli(["list", "--context", "open"]);
  expect(refused).toMatchObject({ code: 2, stdout: "" });
  expect(refused.stderr).toContain(`hint: chmod 600 ${path}`);
  expect((await cli(["config", "show", "--context", "open"])).stdout).toMatch(/^apiKey +\*{8} +context open$/m);
  chmodSync(path, 0o600);
  expect((await cli(["list", "--group", "default", "--context", "open"])).code).toBe(0);
});

test("--verbose says which server is asked as whom, and a line for each request, without the key", async () => {
  const { key } = await daemon.alcove.defaultGroup.keys.create({ name: "test", role: "user" });
  const outcome = await cli(["list", "-q", "--verbose"], { ALCOVE_API_KEY: key });
  expect(outcome).toMatchObject({ code: 0, stdout: "" });
  expect(outcome.stderr).toMatch(/^context default .*, a key \(variable ALCOVE_API_KEY\)$/m);
  expect(outcome.stderr).toMatch(/^GET \/v1\/groups\/default\/sandboxes\?\S+: 200, \d+ ms, request \S+$/m);
  expect(outcome.stderr).not.toContain(key);
});

test("a path or a header that could end the request and begin another is refused", async () => {
  expect((await cli(["api", "GET", "/v1/health HTTP/1.1\r\nx: y"])).code).toBe(2);
  expect((await cli(["api", "GET", "/v1/health", "-H", "x: y\r\nz: 1"])).code).toBe(2);
});
