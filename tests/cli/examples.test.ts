/**
 * Every example of the CLI, under a command's help or in docs/cli.md, is run as it stands: by a shell, with the command
 * alcove in its PATH, against a real daemon with the fake engine. What an example names is there before it runs.
 *
 * A new example joins by itself. Where it needs something that is not there: a row of `placeholders` for a name, or a line of
 * `prepare` for a thing.
 */
import { execFile, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { everyExample } from "@alcove/cli/every-example";
import type { Sandbox } from "alcove";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { layerOf } from "../../packages/server/src/engines/suite/layers.js";
import { dockerArchive, makeImage } from "../../packages/server/src/images/oci/test-image.js";
import { startRegistry, type TestRegistry } from "../../packages/server/src/images/registry/test-registry.js";
import { TestDaemon } from "../harness/daemon.js";
import { entries, withoutConfiguration } from "./run-cli.js";

const image = makeImage({ layers: [layerOf({ path: "etc/motd", content: "hello" })] });
const scratch = mkdtempSync(join(tmpdir(), "alcove-x-"));
const work = join(scratch, "work");
let daemon: TestDaemon;
let first: Sandbox;
let second: Sandbox;
let execId: string;
let registry: TestRegistry;
let docker: Server;
let keyId: string;

/** Run elsewhere, since it asks on a terminal or does not end by itself. */
const elsewhere: Readonly<Record<string, string>> = {
  "alcove login --url https://sandboxes.example.com:7443": "login.test.ts",
  "alcove login --url https://sandboxes.example.com:7443 --context work --key-stdin < key": "login.test.ts",
  "alcove shell 3f2a": "../e2e/terminal.test.ts",
  "alcove shell 3f2a -- python3": "../e2e/terminal.test.ts",
  "alcove shell --attach 9c01 3f2a": "../e2e/terminal.test.ts",
  "alcove list --watch -l run=42": "watch.test.ts",
  "alcove get --watch 3f2a": "watch.test.ts",
  "alcove egress decisions --follow -o json 3f2a | jq -r 'select(.verdict == \"Deny\").host'": "watch.test.ts",
  "alcove port-forward 3f2a 5432": "watch.test.ts",
  "alcove port-forward 3f2a 8080:80 0:5432": "watch.test.ts",
  "alcove stats --follow 3f2a": "watch.test.ts",
  "alcove ps --follow 3f2a": "watch.test.ts",
  "alcove image build -t tools .": "../images/dockerfile.test.ts",
  "alcove image build -t tools --target test --build-arg VERSION=2 ./tools": "../images/dockerfile.test.ts",
};
/** Commands that start or stop a daemon have one of their own. */
const daemonVerbs = /alcove (?:up|down|server restore)\b/;
/** Programs of an image that the fake engine's guest has not. */
const missingProgram = /^(?:python3|make|tar|uname): not found$/m;
/** May end with 1: it depends on the host. */
const mayFind = /^alcove doctor/;

const placeholders = (line: string): readonly (readonly [RegExp, string])[] => [
  // Attached here alone: a sandbox with volumes has no snapshots taken of it, which other examples do.
  [/^(?=alcove volume detach)/, "alcove volume attach $id data /data && "],
  [/(?<=attach \S+ )9c01\b/, execId],
  [/\b3f2a\b|\$id\b|\bID(?=\/)/g, first.id],
  [/\b9c01\b/g, second.id],
  [/\bregistry\.example\.com(?=\/)/g, registry.host],
  [/\bk7f3q9x2m5n8b4v1\b/g, keyId],
  [/(?<=volume create .*)\bdata$/, "another"],
  [/https:\/\/sandboxes\.example\.com:7443/g, line.includes("config set") ? "$&" : socketUrl()],
];

const documented = readFileSync(join(import.meta.dirname, "../../docs/cli.md"), "utf8")
  .split("```")
  .filter((block) => block.startsWith("sh\n"))
  .map((block) => block.slice("sh\n".length));
const helps = [...new Set(everyExample())];

beforeAll(async () => {
  daemon = await TestDaemon.start({
    hasOwnData: true,
    environment: { ALCOVE_ENGINE: "fake", ALCOVE_ISSUER_URL: "https://sandboxes.example.com" },
  });
  registry = await startRegistry();
  registry.serve(image);
  docker = createServer((_request, response) => response.end(dockerArchive(image)));
  docker.listen(join(scratch, "docker.sock"));
  mkdirSync(join(scratch, "bin"));
  symlinkSync(entries.launcher, join(scratch, "bin/alcove"));
  // Where the host has no jq, what takes its input stands for it.
  if (spawnSync("jq", ["--version"]).error !== undefined) {
    writeFileSync(join(scratch, "bin/jq"), "#!/bin/sh\nexec cat\n", { mode: 0o755 });
  }
}, 600_000);
afterAll(async () => {
  docker.close();
  await registry[Symbol.asyncDispose]();
  await daemon.alcove.images.prune();
  await daemon[Symbol.asyncDispose]();
  rmSync(scratch, { recursive: true });
});
beforeEach(prepare);

describe("under a command's help", () => {
  test.each(helps.filter((line) => elsewhere[line] === undefined))("%s", async (line) => {
    await runs(placeholders(line).reduce((text, [name, value]) => text.replace(name, value), line));
  });

  test("there are many, and what is said to run elsewhere does", () => {
    expect(helps.length).toBeGreaterThan(40);
    for (const [line, file] of Object.entries(elsewhere)) {
      expect(helps).toContain(line);
      expect(readFileSync(join(import.meta.dirname, file), "utf8")).toContain(line.split(" ")[1]);
    }
  });
});

describe("in docs/cli.md", () => {
  test.each(documented)("%s", (script) => runs(`set -e\n${script}`));
  test("there are some", () => expect(documented.length).toBeGreaterThan(0));
});

test("an example that fails is noticed", async () => {
  await expect(runs("alcove list --nosuch")).rejects.toThrow();
  await expect(runs("alcove get 00000000-0000-4000-8000-000000000000")).rejects.toThrow();
});

/** What examples name: two sandboxes with labels and a program that has ended, an exec, files, volumes, contexts. */
async function prepare(): Promise<void> {
  await daemon.deleteAll();
  const { sandboxes } = daemon.alcove;
  const labels = { run: "42", team: "blue" };
  first = await sandboxes.create({
    image: "debian",
    labels,
    secretEnv: { TOKEN: "1" },
    ports: [{ port: 8080 }, { port: 8081, name: "web" }],
    cmd: ["sh", "-c", "echo started"],
  });
  second = await sandboxes.create({ image: "debian" });
  execId = (await first.spawn(["true"], { detached: true })).id;
  await first.files.mkdir("/srv", { createParents: true });
  await first.files.write("/root/result.json", "{}");
  await first.files.write("/etc/os-release", "NAME=fake\n");
  const { egressPolicies, identity, keys, pools, roleAssignments, secrets, volumes } = daemon.alcove.defaultGroup;
  keyId = (await keys.create({ name: "ci", role: "user" })).id;
  await roleAssignments.set("oidc:ada@example.com", "user");
  await identity.set({ audiences: ["alcove"] });
  await first.snapshot({ name: "clean" });
  await pools.set("fast", { image: "debian", minimum: 0 });
  await secrets.set("github", { token: "v4lue" });
  await secrets.set("example-api", { token: "v4lue" }, { hosts: ["api.example.com"] });
  await egressPolicies.set("packages", { defaultAction: "Deny" });
  for (const { name } of await volumes.list()) await volumes.delete(name);
  await volumes.create("data", { size: "64Mi" });
  rmSync(work, { recursive: true, force: true });
  mkdirSync(join(work, "project"), { recursive: true });
  mkdirSync(join(work, "rootfs"));
  writeFileSync(join(work, "tools.tar"), dockerArchive(image));
  for (const name of ["data.csv", "x", "token", "project/a", "rootfs/a"]) writeFileSync(join(work, name), "1\n");
  writeFileSync(join(work, "policy.yaml"), "defaultAction: Deny\nhostRules: [{ pattern: pypi.org, action: Allow }]\n");
  writeFileSync(join(work, "alcove.yaml"), "name: example\nimage: debian\n");
  mkdirSync(join(work, "home/alcove"), { recursive: true });
  const contexts = { work: { url: socketUrl() } };
  writeFileSync(join(work, "home/alcove/config.json"), JSON.stringify({ contexts }), { mode: 0o600 });
}

function socketUrl(): string {
  return `unix://${daemon.runtimeDirectory}/alcoved.sock`;
}

/** Ends with 0, and says no error. */
async function runs(script: string): Promise<void> {
  const own = { ALCOVE_RUNTIME_DIR: join(work, "run"), ALCOVE_DATA_DIR: join(work, "data"), ALCOVE_ENGINE: "fake" };
  const isAboutDaemon = daemonVerbs.test(script);
  const environment = {
    ...process.env,
    ...withoutConfiguration,
    ...(isAboutDaemon ? own : daemon.clientEnvironment),
    XDG_CONFIG_HOME: join(work, "home"),
    DOCKER_HOST: `unix://${scratch}/docker.sock`,
    PATH: `${scratch}/bin:${process.env.PATH}`,
  };
  try {
    if (isAboutDaemon) await shell("alcove up && alcove server backup alcove.tar", environment);
    const { code, stderr } = await shell(script, environment);
    if (code === 127 && missingProgram.test(stderr)) return;
    if (code === 1 && mayFind.test(script) && stderr === "") return;
    expect({ code, stderr }).toEqual({ code: 0, stderr: expect.not.stringMatching(/^error:/m) });
  } finally {
    if (isAboutDaemon) await shell("alcove delete --all; alcove down", environment);
  }
}

async function shell(script: string, env: NodeJS.ProcessEnv): Promise<{ code: number; stderr: string }> {
  const running = promisify(execFile)("bash", ["-c", `exec < /dev/null\n${script}`], {
    env,
    cwd: work,
    timeout: 60_000,
  });
  const outcome: unknown = await running.catch((failure: unknown) => failure);
  return { code: 0, stderr: "", ...(outcome as object) };
}
