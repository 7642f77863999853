/**
 * A daemon is replaced by another build of Alcove while it is used: the new one takes up the sandboxes, their programs never
 * stop, and clients of the SDK go on without noticing.
 */
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { ConnectionError, Sandbox } from "alcove";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { TestDaemon } from "../harness/daemon.js";

const checkout = fileURLToPath(new URL("../../", import.meta.url));
const newVersion = "99.1.0";

let daemon: TestDaemon;
let build: string;
beforeAll(async () => {
  daemon = await TestDaemon.start({ hasOwnData: true });
  build = await newBuild();
}, 600_000);
afterAll(async () => {
  await daemon[Symbol.asyncDispose]();
  await rm(build, { recursive: true });
});

/** Another directory with the daemon's program, of another version. */
async function newBuild(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "alcove-new-"));
  const server = join(directory, "packages/server");
  for (const part of ["bin", "dist"])
    await cp(join(checkout, "packages/server", part), join(server, part), { recursive: true });
  const manifest = JSON.parse(await readFile(join(checkout, "packages/server/package.json"), "utf8"));
  await writeFile(join(server, "package.json"), JSON.stringify({ ...manifest, version: newVersion }));
  for (const part of ["node_modules", "images", "build"]) await symlink(join(checkout, part), join(directory, part));
  return directory;
}

test("Programs go on, streams are taken up again and calls are repeated while a new build takes the daemon's place", async () => {
  const sandbox = await Sandbox.create({ image: "debian", alcove: daemon.alcove, memory: "512Mi" });
  const before = await daemon.alcove.version();
  const exec = await sandbox.spawn("i=0; until [ -e /enough ]; do i=$((i+1)); echo $i; sleep 0.1; done; echo $$");
  const output = exec.stdout.text();
  const calling = callRepeatedly(sandbox);
  await calling.answeredAgain();
  await daemon.replace(join(build, "packages/server/bin/alcoved"));
  const after = await daemon.alcove.version();
  await calling.answeredAgain();
  const failed = await calling.stop();
  await sandbox.files.write("/enough", "");

  expect(before.version).not.toBe(newVersion);
  expect(after).toMatchObject({ version: newVersion });
  expect(after.pid).not.toBe(before.pid);
  expect(failed).toEqual([]);
  const numbers = (await output).trimEnd().split("\n").slice(0, -1);
  expect(numbers.length).toBeGreaterThan(10);
  expect(numbers).toEqual(numbers.map((_, index) => `${index + 1}`));
  expect(await exec.wait()).toMatchObject({ exitCode: 0 });
  expect((await sandbox.exec("echo still")).stdout).toBe("still\n");
}, 180_000);

interface Calling {
  /** Three more answers have come. */
  answeredAgain(): Promise<void>;
  /** Answers what failed though it was sent. */
  stop(): Promise<unknown[]>;
}

/** Reads the sandbox again and again; a call that found nobody listening was never sent, and may be made again. */
function callRepeatedly(sandbox: Sandbox): Calling {
  let isStopped = false;
  let answered = 0;
  const failed: unknown[] = [];
  const calling = (async () => {
    while (!isStopped) {
      await sandbox.info().then(
        () => (answered += 1),
        (error: unknown) => {
          if (!(error instanceof ConnectionError && error.isUnsent)) failed.push(error);
        },
      );
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  })();
  return {
    async answeredAgain() {
      const wanted = answered + 3;
      await vi.waitFor(() => expect(answered).toBeGreaterThanOrEqual(wanted), { timeout: 20_000 });
    },
    async stop() {
      isStopped = true;
      await calling;
      return failed;
    },
  };
}
