/** What is on record is backed up while sandboxes run, and restored by the command line: over the same host, and on a new one. */
import { mkdir, mkdtemp, readdir, rm, stat, truncate } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Sandbox } from "alcove";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runCli } from "../cli/run-cli.js";
import { TestDaemon } from "../harness/daemon.js";

let daemon: TestDaemon;
let directory: string;
let file: string;
beforeAll(async () => {
  daemon = await TestDaemon.start({ hasOwnData: true });
  directory = await mkdtemp(join(tmpdir(), "alcove-b-"));
  file = join(directory, "alcove.tar");
}, 600_000);
afterAll(async () => {
  await daemon[Symbol.asyncDispose]();
  await rm(directory, { recursive: true });
});

const server = (...words: string[]) => runCli(["server", ...words], { environment: daemon.clientEnvironment });

test("A backup made while sandboxes run is restored over what came later; its sandboxes go on running", async () => {
  const kept = await Sandbox.create({ image: "debian", alcove: daemon.alcove, env: { TOKEN: "t" }, memory: "512Mi" });
  await kept.files.write("/root/here", "still");
  expect(await server("backup", file)).toMatchObject({ code: 0, stdout: expect.stringContaining(`${file}: `) });
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  expect(await readdir(directory)).toEqual(["alcove.tar"]);
  expect(await server("backup", file)).toMatchObject({ code: 1, stderr: expect.stringContaining("There is a file") });

  const later = await Sandbox.create({ image: "debian", alcove: daemon.alcove, memory: "512Mi" });
  const inUse = await server("restore", "--force", file);
  expect(inUse).toMatchObject({ code: 1, stderr: expect.stringContaining("Another Alcove daemon uses") });
  await daemon.stop();
  const refused = await server("restore", file);
  expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining("has a database. Nothing was changed.") });
  const restored = await server("restore", "--force", file);
  expect(restored).toMatchObject({ code: 0, stdout: expect.stringMatching(/1 sandboxes on record[\s\S]+replaced-/) });
  await daemon.restart();

  expect(await kept.files.readText("/root/here")).toBe("still");
  expect((await kept.exec("echo $TOKEN")).stdout).toBe("t\n");
  await expect(later.exec("true")).rejects.toMatchObject({ code: "SandboxNotFound" });
}, 300_000);

test("On a new host a restored sandbox is Stopped and says that its machine is gone", async () => {
  const data = join(directory, "data");
  const environment = { ALCOVE_DATA_DIR: data, ALCOVE_RUNTIME_DIR: join(directory, "run") };
  expect(await runCli(["server", "restore", file], { environment })).toMatchObject({ code: 0 });
  await mkdir(environment.ALCOVE_RUNTIME_DIR);
  await using fresh = await TestDaemon.start({
    dataDirectory: data,
    runtimeDirectory: environment.ALCOVE_RUNTIME_DIR,
    keepSandboxes: true,
  });
  const [found, ...others] = await fresh.alcove.sandboxes.list().toArray();
  expect(others).toEqual([]);
  expect(found).toMatchObject({ state: "Stopped", stateDetails: { stoppedReason: "EngineLost" } });
}, 300_000);

test("A backup that is cut off changes nothing", async () => {
  const data = join(directory, "other");
  await truncate(file, 100_000);
  const environment = { ALCOVE_DATA_DIR: data, ALCOVE_RUNTIME_DIR: join(directory, "run") };
  const refused = await runCli(["server", "restore", file], { environment });
  expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining("is not a whole backup of Alcove's") });
  expect(await readdir(data)).toEqual([]);
}, 60_000);
