import { Alcove, ConnectionError, Sandbox } from "alcove";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { type Served, serve } from "../../server/src/http/serve-for-tests.js";

let served: Served;
let alcove: Alcove;
let sandbox: Sandbox;

beforeAll(async () => {
  served = await serve();
  alcove = new Alcove({ socketPath: served.socketPath });
  sandbox = await Sandbox.create({ image: "debian", alcove });
});
afterAll(async () => {
  alcove[Symbol.dispose]();
  await served[Symbol.asyncDispose]();
});

const isThere = async (id: string) => (await sandbox.execs.list()).some((exec) => exec.id === id);

test("output comes as it is made, both streams apart, and then the end", async () => {
  await using running = await sandbox.spawn("echo one; echo two >&2; echo three; exit 5");
  const [stdout, stderr] = await Promise.all([running.stdout.text(), running.stderr.text()]);
  expect([stdout, stderr]).toEqual(["one\nthree\n", "two\n"]);
  expect(await running.wait()).toMatchObject({ exitCode: 5, timedOut: false, lostBytes: 0 });
});

test("lines come one by one while the command still runs", async () => {
  await using running = await sandbox.spawn("echo first; cat", { stdin: true });
  const lines = running.stdout.lines();
  expect((await lines.next()).value).toBe("first");
  await running.stdin.write("second\n");
  expect((await lines.next()).value).toBe("second");
  await running.stdin.end("third");
  expect((await lines.next()).value).toBe("third");
  expect((await lines.next()).done).toBe(true);
  expect(await running.wait()).toMatchObject({ exitCode: 0 });
});

test("a whole input is fed, and what a command does not read of it is no error", async () => {
  await using counting = await sandbox.spawn(["wc", "-c"], { stdin: "x".repeat(500_000) });
  expect(await counting.stdout.text()).toBe("500000\n");
  async function* endless() {
    for (;;) yield new Uint8Array(65_536);
  }
  await using head = await sandbox.spawn(["head", "-c", "10"], { stdin: endless() });
  expect(await head.stdout.bytes()).toHaveLength(10);
  expect(await head.wait()).toMatchObject({ exitCode: 0 });
});

test("a signal ends it, and says so", async () => {
  await using running = await sandbox.spawn(["sleep", "60"]);
  await running.kill();
  expect(await running.wait()).toMatchObject({ signal: "TERM", exitCode: 143 });
  await running.kill("KILL");
});

test("what is not detached ends with its handle; what is detached goes on and is found again", async () => {
  let ended: string;
  let left: string;
  {
    await using running = await sandbox.spawn(["sleep", "60"]);
    await using detached = await sandbox.spawn("echo kept; sleep 60", { detached: true });
    [ended, left] = [running.id, detached.id];
  }
  expect(await isThere(ended)).toBe(false);
  const again = await sandbox.execs.attach(left);
  expect((await again.stdout.lines().next()).value).toBe("kept");
  await sandbox.execs.delete(left, { force: true });
});

test("aborting kills it; the output and the end throw the signal's reason", async () => {
  const controller = new AbortController();
  const running = await sandbox.spawn(["sleep", "60"], { signal: controller.signal });
  const reading = running.stdout.text();
  controller.abort(new Error("enough"));
  await expect(reading).rejects.toThrow("enough");
  await expect(running.wait()).rejects.toThrow("enough");
  await vi.waitFor(async () => expect(await isThere(running.id)).toBe(false), { timeout: 20_000 });
});

test("who waits for the end, or for room in the input, may give up, and the command goes on", async () => {
  await using running = await sandbox.spawn("read line; sleep 60", { stdin: true });
  const controller = new AbortController();
  const { signal } = controller;
  const given = [
    running.wait({ signal }),
    running.stdin.write("x".repeat(8_000_000), { signal }),
    running.stdin.end("behind it", { signal }),
  ].map((waiting) => expect(waiting).rejects.toThrow("too long"));
  controller.abort(new Error("too long"));
  await Promise.all(given);
  await expect(running.stdin.write("more", { signal })).rejects.toThrow("too long");
  expect((await sandbox.execs.get(running.id)).state).toBe("Running");
});

test("what cannot start is thrown by spawn", async () => {
  await expect(sandbox.spawn("true", { cwd: "relative" })).rejects.toMatchObject({ code: "InvalidRequest" });
  const gone = Sandbox.connect("00000000-0000-4000-8000-000000000000", { alcove });
  await expect(gone.spawn("true")).rejects.toMatchObject({ code: "SandboxNotFound" });
});

test("attaching begins at an offset", async () => {
  await using running = await sandbox.spawn("echo 0123456789", { detached: true });
  await running.wait();
  const again = await sandbox.execs.attach(running.id, { offset: 4 });
  expect(await again.stdout.text()).toBe("456789\n");
  await expect(sandbox.execs.attach("00000000-0000-4000-8000-000000000000")).rejects.toMatchObject({
    code: "ExecNotFound",
  });
});

test("over a restart of the daemon no byte is lost and none comes twice", { timeout: 30_000 }, async () => {
  await using running = await sandbox.spawn(["cat"], { stdin: true });
  const lines = running.stdout.lines();
  for (let index = 0; index < 6; index += 1) {
    const line = `line ${index} ${"x".repeat(1_000)}`;
    await running.stdin.write(`${line}\n`);
    expect((await lines.next()).value).toBe(line);
    if (index % 2 === 1) await served.restart();
  }
  await running.stdin.end();
  expect((await lines.next()).done).toBe(true);
  expect(await running.wait()).toMatchObject({ exitCode: 0, lostBytes: 0 });
});

test("a busy stream over restarts says what it lost, and loses nothing else", { timeout: 60_000 }, async () => {
  // While nobody follows, a command is not held back and the newest 1 MiB of its output is kept.
  const total = 64_000_000;
  await using running = await sandbox.spawn(`yes 0123456 | head -c ${total}`);
  let seen = 0;
  let restarts = 0;
  for await (const chunk of running.stdout) {
    seen += chunk.length;
    if (restarts < 3 && seen > (restarts + 1) * 8_000_000) {
      restarts += 1;
      await served.restart();
    }
  }
  const { exitCode, lostBytes } = await running.wait();
  expect([exitCode, seen + lostBytes]).toEqual([0, total]);
  expect(restarts).toBeGreaterThan(0);
});

test("250 MB through a slow reader stays within bounds", { timeout: 120_000 }, async () => {
  await using running = await sandbox.spawn("yes | head -c 250000000");
  const before = process.memoryUsage.rss();
  let peak = 0;
  let seen = 0;
  let chunks = 0;
  for await (const chunk of running.stdout) {
    seen += chunk.length;
    chunks += 1;
    if (chunks % 256 !== 0) continue;
    await new Promise((resolve) => setTimeout(resolve, 1));
    peak = Math.max(peak, process.memoryUsage.rss() - before);
  }
  expect(seen).toBe(250_000_000);
  // Client, daemon and guest live in this one process, with their garbage.
  expect(peak).toBeLessThan(150_000_000);
});

test("output that nobody asks for does not hold a command back that is waited for", async () => {
  await using running = await sandbox.spawn("yes | head -c 20000000");
  expect(await running.wait()).toMatchObject({ exitCode: 0 });
});

test("a reader that stops early lets the rest go", async () => {
  await using running = await sandbox.spawn("yes | head -c 20000000");
  for await (const _chunk of running.stdout) break;
  expect(await running.wait()).toMatchObject({ exitCode: 0 });
});

test("where nobody listens, the error says where and what to do", async () => {
  const nobody = new Alcove({ socketPath: `${served.socketPath}.none` });
  const error = await nobody.version().catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(ConnectionError);
  expect(error).toMatchObject({ isUnsent: true, message: expect.stringContaining(`${served.socketPath}.none`) });
});
