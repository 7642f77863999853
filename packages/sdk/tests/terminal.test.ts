import { Alcove, Sandbox, type TerminalHandle } from "alcove";
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

/** All that a terminal shows. */
function watch(terminal: TerminalHandle) {
  const seen = { text: "" };
  const reading = (async () => {
    for await (const text of terminal.output.texts()) seen.text += text;
  })();
  reading.catch(() => undefined);
  return { shows: (text: string) => vi.waitFor(() => expect(seen.text).toContain(text), { timeout: 10_000 }), seen };
}

test("a shell shows what is typed, has the size that it was given, and its exit code comes", async () => {
  await using terminal = await sandbox.terminal({ size: { rows: 40, columns: 120 }, env: { TERM: "vt100" } });
  const { shows } = watch(terminal);
  await terminal.write("stty size; echo $TERM\r");
  await shows("40 120\r\nvt100\r\n");
  await terminal.resize({ rows: 50, columns: 132 });
  await terminal.write("stty size\r");
  await shows("50 132");
  await terminal.write("exit 7\r");
  expect(await terminal.wait()).toEqual({ exitCode: 7, signal: undefined, lostBytes: 0 });
});

test("one that was left is listed, attached to with what it has shown, and closed", async () => {
  const terminal = await sandbox.terminal();
  const first = watch(terminal);
  await terminal.write("echo before\r");
  await first.shows("before\r\n$ ");
  terminal.detach();
  await expect(terminal.wait()).rejects.toThrow("left");
  expect((await sandbox.terminals.list()).map(({ id }) => id)).toEqual([terminal.id]);
  await using again = await sandbox.terminals.attach(terminal.id);
  const second = watch(again);
  await second.shows("before\r\n$ ");
  await again.write("echo after\r");
  await second.shows("after\r\n");
  await sandbox.terminals.close(terminal.id);
  expect(await again.wait()).toMatchObject({ exitCode: 143 });
  expect(await sandbox.terminals.list()).toEqual([]);
});

test("a restarted daemon costs nothing: what is typed meanwhile comes, and what is shown comes once", async () => {
  const connections: boolean[] = [];
  await using terminal = await sandbox.terminal({ command: ["cat"], onConnection: (is) => void connections.push(is) });
  const { shows, seen } = watch(terminal);
  await terminal.write("one\r");
  await shows("one\r\none\r\n");
  const restarting = served.restart();
  await vi.waitFor(() => expect(connections).toEqual([true, false]), { timeout: 20_000 });
  const typing = terminal.write("two\r");
  await restarting;
  await typing;
  await shows("two\r\ntwo\r\n");
  expect(connections).toEqual([true, false, true]);
  expect(seen.text).toBe("one\r\none\r\ntwo\r\ntwo\r\n");
  await terminal.write("\x04");
  expect(await terminal.wait()).toMatchObject({ exitCode: 0 });
});

test("what cannot be opened is no lost connection", async () => {
  const connections: boolean[] = [];
  const terminal = sandbox.terminal({ cwd: "/nobody-here", onConnection: (is) => void connections.push(is) });
  await expect(terminal).rejects.toThrow("nobody-here");
  expect(connections).toEqual([]);
});

/** Of long output its end alone is kept. */
async function readsUntil(terminal: TerminalHandle, text: string): Promise<void> {
  let tail = "";
  for await (const more of terminal.output.texts()) {
    tail = (tail + more).slice(-1_000);
    if (tail.includes(text)) return;
  }
}

test("who does not read a terminal holds up no other who looks at it, and is told what it skipped", async () => {
  const skipped: number[] = [];
  await using terminal = await sandbox.terminal();
  const onSkipped = (bytes: number) => void skipped.push(bytes);
  await using stalled = await sandbox.terminals.attach(terminal.id, { onSkipped });
  await terminal.write("yes | head -c 5000000; echo do''ne\r");
  await readsUntil(terminal, "\r\ndone\r\n");
  expect(skipped).toEqual([]);
  await readsUntil(stalled, "\r\ndone\r\n");
  await terminal.write("exit\r");
  const { lostBytes } = await stalled.wait();
  expect(lostBytes).toBeGreaterThan(0);
  expect(skipped.reduce((sum, bytes) => sum + bytes, 0)).toBe(lostBytes);
});

test("a sleep is told, and what is typed wakes the sandbox", async () => {
  const sleeps: string[] = [];
  await using terminal = await sandbox.terminal({ onInterruption: ({ stoppedAt }) => void sleeps.push(stoppedAt) });
  const { shows } = watch(terminal);
  await shows("$ ");
  await sandbox.stop();
  await terminal.write("echo awake\r");
  await shows("awake\r\n");
  expect(sleeps).toHaveLength(1);
});

test("where what is typed wakes nothing, the typist is told why, and the terminal stays", async () => {
  const refusals: Error[] = [];
  const lazy = await Sandbox.create({ image: "debian", alcove, activationMode: "Manual" });
  await using terminal = await lazy.terminal({ onRefusal: (error) => void refusals.push(error) });
  const { shows } = watch(terminal);
  await shows("$ ");
  await lazy.stop();
  await terminal.write("lost\r");
  await vi.waitFor(() => expect(refusals).toMatchObject([{ code: "SandboxNotRunning" }]), { timeout: 20_000 });
  await lazy.resume();
  await terminal.write("echo back\r");
  await shows("back\r\n");
});
