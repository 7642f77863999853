import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Alcove, ConnectionError, localSocketPath, runtimeDirectory, stopLocalDaemon } from "alcove";
import { afterEach, beforeEach, expect, test, vi } from "vitest";

let directory: string;

beforeEach(async () => {
  directory = join(await mkdtemp(join(tmpdir(), "alcove-local-")), "run");
  vi.stubEnv("ALCOVE_RUNTIME_DIR", directory);
  vi.stubEnv("ALCOVE_SOCKET", undefined);
  vi.stubEnv("ALCOVE_DATA_DIR", join(directory, "../data"));
  vi.stubEnv("ALCOVE_ENGINE", "fake");
  vi.stubEnv("ALCOVE_DAEMON", await daemonFromSource(join(directory, "../alcoved")));
});

async function daemonFromSource(path: string): Promise<string> {
  const main = new URL("../../server/src/main.ts", import.meta.url).pathname;
  const start = `#!/bin/sh\nexec '${process.execPath}' --import '${import.meta.resolve("tsx")}' '${main}'\n`;
  await writeFile(path, start, { mode: 0o755 });
  return path;
}

afterEach(async () => {
  await stopLocalDaemon();
  await vi.waitFor(async () => expect(await daemonPid()).toBeUndefined(), { timeout: 20_000 });
  vi.unstubAllEnvs();
  await rm(join(directory, ".."), { recursive: true });
});

test("the first call starts the daemon, in a directory of its own, and the next finds it", {
  timeout: 60_000,
}, async () => {
  using alcove = new Alcove();
  const { pid } = await alcove.version();
  expect(await daemonPid()).toBe(pid);
  expect((await stat(directory)).mode & 0o777).toBe(0o700);
  using second = new Alcove();
  expect((await second.version()).pid).toBe(pid);
});

test("the daemon is stopped, and has ended when that is told; where none runs there is none to stop", {
  timeout: 60_000,
}, async () => {
  using alcove = new Alcove();
  const { pid } = await alcove.version();
  expect(await stopLocalDaemon()).toBe(true);
  expect(() => process.kill(pid, 0)).toThrow("ESRCH");
  expect(await stopLocalDaemon()).toBe(false);
});

test("programs that start it at once get one daemon", { timeout: 60_000 }, async () => {
  const clients = [new Alcove(), new Alcove(), new Alcove()];
  const pids = await Promise.all(clients.map(async (client) => (await client.version()).pid));
  expect(new Set(pids).size).toBe(1);
  expect(await daemonPid()).toBe(pids[0]);
  const log = () => readFile(join(directory, "alcoved.stderr"), "utf8");
  await vi.waitFor(
    async () => expect((await log()).match(/Another Alcove daemon uses/g)).toHaveLength(2),
    {
      timeout: 20_000,
    },
    { timeout: 20_000 },
  );
  for (const client of clients) client[Symbol.dispose]();
});

test("a daemon that does not come up is told with its last words", { timeout: 60_000 }, async () => {
  vi.stubEnv("ALCOVE_ENGINE", "perpetual-motion");
  using alcove = new Alcove();
  const error = await alcove.version().catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(ConnectionError);
  expect(error).toMatchObject({ message: expect.stringMatching(/did not come up[\s\S]*perpetual-motion/) });
});

test("a caller who gives up while the daemon starts is let go, and the daemon goes on", {
  timeout: 60_000,
}, async () => {
  using alcove = new Alcove();
  const controller = new AbortController();
  const waiting = alcove.version({ signal: controller.signal });
  await vi.waitFor(() => stat(join(directory, "alcoved.stderr")), { timeout: 20_000 });
  controller.abort(new Error("too long"));
  await expect(waiting).rejects.toThrow("too long");
  expect(await daemonPid()).toBeUndefined();
  const { pid } = await alcove.version();
  expect(await daemonPid()).toBe(pid);
});

test("what earlier daemons said does not grow for ever", { timeout: 60_000 }, async () => {
  await mkdir(directory, { mode: 0o700 });
  await writeFile(join(directory, "alcoved.stderr"), "x".repeat(70_000));
  using alcove = new Alcove();
  await alcove.version();
  expect((await stat(join(directory, "alcoved.stderr"))).size).toBeLessThan(1_000);
});

test("without autoStart nothing is started", async () => {
  using alcove = new Alcove({ autoStart: false });
  await expect(alcove.version()).rejects.toMatchObject({ isUnsent: true });
  await expect(stat(directory)).rejects.toThrow("ENOENT");
});

test("the socket is where the environment says", () => {
  expect(localSocketPath()).toBe(join(directory, "alcoved.sock"));
  vi.stubEnv("ALCOVE_SOCKET", "/elsewhere/a.sock");
  expect(localSocketPath()).toBe("/elsewhere/a.sock");
  vi.stubEnv("ALCOVE_RUNTIME_DIR", undefined);
  vi.stubEnv("XDG_RUNTIME_DIR", "/run/user/7");
  expect(runtimeDirectory()).toBe(process.getuid?.() === 0 ? "/run/alcove" : "/run/user/7/alcove");
});

/** The daemon writes it when it is up and removes it when it has ended. */
async function daemonPid(): Promise<number | undefined> {
  const text = await readFile(join(directory, "alcoved.pid"), "utf8").catch(() => undefined);
  return text === undefined ? undefined : Number(text);
}
