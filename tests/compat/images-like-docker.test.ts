/**
 * Images from a real registry, in a sandbox and with `docker run`: the same files, owners and modes, the same program started
 * in the same way. As root, and as an ordinary user.
 */
import { chmod, chown, mkdir, mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Sandbox } from "alcove";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type DockerDaemon, useDocker } from "../../bench/docker/daemon.js";
import { DockerRegistry } from "../../bench/registry.js";
import { run } from "../../packages/server/src/host/run.js";
import { TestDaemon } from "../harness/daemon.js";
import { isLong } from "../harness/long.js";
import { alpineStyleImage, buildLook, debianImage, distrolessStyleImage } from "./sample-images.js";

const isRoot = process.getuid?.() === 0;
const nobody = 65_534;
const names = ["debian", "alpine-style", "distroless-style"] as const;
const minutes = 60_000;
const treeBytes = 16 * 1024 * 1024;

let place = "";
let registry: DockerRegistry | undefined;
let docker: DockerDaemon | string = "it was not started";
const references = new Map<string, string>();

beforeAll(async () => {
  if (!isRoot) return;
  place = await mkdtemp("/var/tmp/alcove-compat-");
  await chmod(place, 0o755);
  docker = await useDocker();
  registry = await DockerRegistry.start();
  const look = await buildLook(place);
  const images = {
    debian: await debianImage(place, look),
    "alpine-style": await alpineStyleImage(look),
    "distroless-style": distrolessStyleImage(look),
  };
  for (const name of names) {
    await registry.push(images[name], `samples/${name}:1`);
    references.set(name, `${registry.host}/samples/${name}:1`);
  }
}, 10 * minutes);

afterAll(async () => {
  for (const reference of references.values()) await dockerCommand("image", "rm", reference).catch(() => undefined);
  if (typeof docker !== "string") await docker.stop();
  await registry?.[Symbol.asyncDispose]();
  if (place !== "") await rm(place, { recursive: true, force: true });
});

describe.each([
  // The large one takes as long as all the rest here.
  { who: "root", userId: undefined, seen: isLong ? names : names.filter((name) => name !== "debian") },
  { who: "an ordinary user", userId: nobody, seen: isLong ? names : (["distroless-style"] as const) },
])("as installed by $who", ({ userId, seen }) => {
  let daemon: TestDaemon | undefined;
  beforeAll(async () => {
    if (isRoot) daemon = await startAs(userId);
  }, 2 * minutes);
  afterAll(async () => {
    await daemon?.[Symbol.asyncDispose]();
  }, minutes);

  test.for(seen)("%s", { timeout: 5 * minutes }, async (name, { skip }) => {
    if (daemon === undefined) return skip("only root can start Docker and become another user");
    if (typeof docker === "string") return skip(docker);
    const reference = references.get(name) ?? "";
    await daemon.alcove.images.pull(reference, { name: `compat/${name}` });
    await using sandbox = await daemon.alcove.sandboxes.create({ image: `compat/${name}`, tier: "S" });
    expect(started(await entrypointOutput(sandbox))).toEqual(started(await dockerCommand("run", reference)));
    const tree = await sandbox.exec(["/look", "tree"], { user: "0", outputLimitBytes: treeBytes });
    expect({ exitCode: tree.exitCode, stderr: tree.stderr }).toEqual({ exitCode: 0, stderr: "" });
    const words = ["run", "--user", "0", "--entrypoint", "/look", reference, "tree"];
    const [ours, theirs] = [filesOf(tree.stdout), filesOf(await dockerCommand(...words))];
    expect(ours.size).toBeGreaterThan(15);
    expect(ours).toEqual(theirs);
  });
});

async function startAs(userId: number | undefined): Promise<TestDaemon> {
  if (userId === undefined) return TestDaemon.start({ hasOwnData: true });
  const [dataDirectory, runtimeDirectory] = [join(place, "data"), join(place, "run")];
  for (const directory of [dataDirectory, runtimeDirectory]) {
    await mkdir(directory);
    await chown(directory, userId, userId);
  }
  return TestDaemon.start({ dataDirectory, runtimeDirectory, userId, environment: { HOME: dataDirectory } });
}

async function entrypointOutput(sandbox: Sandbox): Promise<string> {
  let text = "";
  for await (const entry of sandbox.logs({ follow: true })) if ("line" in entry) text += `${entry.line}\n`;
  return text;
}

async function dockerCommand(...words: readonly string[]): Promise<string> {
  if (typeof docker === "string") throw new Error(docker);
  const [verb = "", ...rest] = words;
  const removed = verb === "run" ? ["--rm", "--network=none"] : [];
  const args = ["--host", `unix://${docker.socketPath}`, verb, ...removed, ...rest];
  return (await run("docker", args, { captureLimitBytes: treeBytes, timeoutMs: 2 * minutes })).stdout;
}

/** What each gives on its own: Docker the container's name, both a home where the image says none. */
function started(output: string): unknown {
  const { environment, ...rest } = JSON.parse(output);
  const own = /^(?:HOSTNAME|HOME|USER|LOGNAME|SHELL|TERM|LANG)=/;
  return { ...rest, environment: environment.filter((variable: string) => !own.test(variable)) };
}

/** By path, without what each system puts there of its own. */
function filesOf(output: string): Map<string, unknown> {
  const files = output
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  return new Map(files.filter(({ path }) => !ofTheSystem.test(path)).map((file) => [file.path, file]));
}

const ofTheSystem =
  /^\/(?:proc|sys|dev|run|lost\+found|\.dockerenv|etc\/(?:hosts|hostname|resolv\.conf|machine-id|mtab))(?:\/|$)/;
