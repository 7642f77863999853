import { randomUUID } from "node:crypto";
import { ExecResult } from "@alcove/contract";
import { expect, test } from "vitest";
import { waitFor } from "../../lib/backoff.js";
import { debian, group, never, TestHost } from "../test-daemon.js";
import type { ExecMessage } from "./exec-control.js";

async function daemonWithSandbox(host: TestHost) {
  const daemon = await host.daemon();
  const sandbox = await daemon.control.sandboxes.create(group, { ...debian, environment: { HOUSE: "blue" } }, never);
  return { ...daemon, sandbox, execs: daemon.control.execs };
}

async function collect(messages: AsyncIterable<ExecMessage>) {
  const types: string[] = [];
  let output = "";
  for await (const message of messages) {
    types.push(message.type);
    if (message.type === "output") output += Buffer.from(message.bytes).toString();
  }
  return { types, output };
}

test("a buffered command has exit code, both streams, and leaves nothing in the guest or the store", async () => {
  await using host = new TestHost();
  const { execs, sandbox, store } = await daemonWithSandbox(host);
  const result = await execs.runShellCommand(sandbox, { command: "echo out; echo err >&2; exit 7" }, never);
  expect(ExecResult.parse(result)).toMatchObject({
    exitCode: 7,
    stdout: "out\n",
    stderr: "err\n",
    stdoutTruncated: false,
    timedOut: false,
  });
  await waitFor(async () => ((await execs.list(sandbox, never)).length === 0 ? true : undefined), never);
  expect(store.execs.list(sandbox.id)).toEqual([]);
});

test("a command is given its arguments as they are, its environment over the sandbox's, and its input", async () => {
  await using host = new TestHost();
  const { execs, sandbox } = await daemonWithSandbox(host);
  const echo = await execs.runCommand(sandbox, { command: "echo", args: ["$HOUSE", "a  b"] }, never);
  expect(echo.stdout).toBe("$HOUSE a  b\n");
  const both = { command: 'echo "$HOUSE $COLOUR"', environment: { COLOUR: "red" } };
  expect((await execs.runShellCommand(sandbox, both, never)).stdout).toBe("blue red\n");
  expect((await execs.runCommand(sandbox, { command: "cat", stdin: "tea ☕" }, never)).stdout).toBe("tea ☕");
  expect((await execs.runCommand(sandbox, { command: "cat", stdin: "" }, never)).stdout).toBe("");
  expect((await execs.runCommand(sandbox, { command: "cat" }, never)).stdout).toBe("");
});

test("input that a program does not read is no error", async () => {
  await using host = new TestHost();
  const { execs, sandbox } = await daemonWithSandbox(host);
  const result = await execs.runCommand(sandbox, { command: "false", stdin: "x".repeat(1_000_000) }, never);
  expect(result.exitCode).toBe(1);
});

test("output beyond the limit is cut at a character and counted, and the exit code is kept", async () => {
  await using host = new TestHost();
  const { execs, sandbox } = await daemonWithSandbox(host);
  const body = { command: "cat; exit 5", stdin: "ab☕☕", outputLimitBytes: 6 };
  expect(await execs.runShellCommand(sandbox, body, never)).toMatchObject({
    exitCode: 5,
    stdout: "ab☕",
    stdoutTruncated: true,
    stdoutBytes: 8,
    stderrTruncated: false,
  });
  const both = { command: "echo 12345; echo abc >&2", outputLimitBytes: 4 };
  expect(await execs.runShellCommand(sandbox, both, never)).toMatchObject({
    stdout: "1234",
    stdoutTruncated: true,
    stdoutBytes: 6,
    stderr: "abc\n",
    stderrTruncated: false,
    stderrBytes: 4,
  });
  const neither = { command: "echo 12345; echo abcdefg >&2", outputLimitBytes: 3 };
  expect(await execs.runShellCommand(sandbox, neither, never)).toMatchObject({
    ...{ stdout: "123", stdoutTruncated: true, stdoutBytes: 6 },
    ...{ stderr: "abc", stderrTruncated: true, stderrBytes: 8 },
  });
  const exactly = await execs.runShellCommand(sandbox, { command: "printf abc", outputLimitBytes: 3 }, never);
  expect(exactly).toMatchObject({ stdout: "abc", stdoutTruncated: false, stdoutBytes: 3 });
  const nothing = await execs.runShellCommand(sandbox, { command: "echo hi", outputLimitBytes: 0 }, never);
  expect(nothing).toMatchObject({ stdout: "", stdoutTruncated: true, stdoutBytes: 3, exitCode: 0 });
});

test("a timeout ends the command and says so", async () => {
  await using host = new TestHost();
  const { execs, sandbox } = await daemonWithSandbox(host);
  const result = await execs.runCommand(sandbox, { command: "sleep", args: ["600"], timeoutMs: 50 }, never);
  expect(result.timedOut).toBe(true);
  expect(result.exitCode).toBeGreaterThanOrEqual(128);
});

test("a buffered command ends with its client", async () => {
  await using host = new TestHost();
  const { execs, sandbox } = await daemonWithSandbox(host);
  const client = new AbortController();
  const running = execs.runCommand(sandbox, { command: "sleep", args: ["600"] }, client.signal);
  const refused = expect(running).rejects.toThrow("gone");
  await waitFor(async () => (await execs.list(sandbox, never))[0], never);
  client.abort(new Error("gone"));
  await refused;
  await waitFor(async () => ((await execs.list(sandbox, never)).length === 0 ? true : undefined), never);
});

test("a stream tells its start, its output and its end, and is then forgotten", async () => {
  await using host = new TestHost();
  const { execs, sandbox, store } = await daemonWithSandbox(host);
  const { types, output } = await collect(execs.stream(sandbox, { shellCommand: "echo one; echo two" }, never));
  expect(types[0]).toBe("started");
  expect(types.at(-1)).toBe("end");
  expect(output).toBe("one\ntwo\n");
  await waitFor(async () => ((await execs.list(sandbox, never)).length === 0 ? true : undefined), never);
  expect(store.journal.list()).toEqual([]);
});

test("a stream that is left ends its exec, unless the client chose the id: then another can attach", async () => {
  await using host = new TestHost();
  const { execs, sandbox } = await daemonWithSandbox(host);
  const id = randomUUID();
  const slow = { shellCommand: "echo begun; sleep 600" };
  for (const body of [slow, { ...slow, id }]) {
    for await (const message of execs.stream(sandbox, body, never)) if (message.type === "output") break;
  }
  const left = await waitFor(async () => {
    const list = await execs.list(sandbox, never);
    return list.length === 1 ? list : undefined;
  }, never);
  expect(left[0]).toMatchObject({ id, state: "Running" });
  for await (const message of execs.attach({ ...sandbox, execId: id }, 0, never)) {
    if (message.type !== "output") continue;
    expect(Buffer.from(message.bytes).toString()).toBe("begun\n");
    break;
  }
});

test("a detached exec takes input in parts and a signal, and is waited for", async () => {
  await using host = new TestHost();
  const { execs, sandbox } = await daemonWithSandbox(host);
  const exec = await execs.start(sandbox, { args: ["cat"], stdin: true }, never);
  const ref = { ...sandbox, execId: exec.id };
  const chunks = async function* (text: string) {
    yield Buffer.from(text);
  };
  expect(await execs.writeStdin(ref, chunks("a"), { close: false }, never)).toBe(1);
  expect(await execs.writeStdin(ref, chunks("b"), { close: true }, never)).toBe(1);
  expect(await execs.get(ref, 10_000, never)).toMatchObject({ state: "Exited", exitCode: 0, stdoutBytes: 2 });
  expect((await collect(execs.attach(ref, 1, never))).output).toBe("b");

  const sleeping = await execs.start(sandbox, { args: ["sleep", "600"] }, never);
  await execs.signal({ ...sandbox, execId: sleeping.id }, "TERM", never);
  expect(await execs.get({ ...sandbox, execId: sleeping.id }, 10_000, never)).toMatchObject({ exitCode: 143 });
  await execs.delete(ref, { force: false }, never);
  await execs.delete(ref, { force: false }, never);
  await expect(execs.get(ref, 0, never)).rejects.toMatchObject({ code: "ExecNotFound" });
});

test("a repeat of a start with the same id is refused and harms nothing", async () => {
  await using host = new TestHost();
  const { execs, sandbox, store } = await daemonWithSandbox(host);
  const body = { id: randomUUID(), args: ["sleep", "600"] };
  await execs.start(sandbox, body, never);
  await expect(execs.start(sandbox, body, never)).rejects.toMatchObject({ code: "ExecExists" });
  expect(store.execs.list(sandbox.id).map(({ id }) => id)).toEqual([body.id]);
  expect(store.journal.list()).toEqual([]);
});

test("a start that the guest refuses leaves no record", async () => {
  await using host = new TestHost();
  const { execs, sandbox, store } = await daemonWithSandbox(host);
  const start = execs.start(sandbox, { args: ["true"], user: "nobodyknows" }, never);
  await expect(start).rejects.toMatchObject({ code: "UserNotFound" });
  expect(store.execs.list(sandbox.id)).toEqual([]);
  expect(store.journal.list()).toEqual([]);
});

test("execs and files of a sandbox that is not there are SandboxNotFound", async () => {
  await using host = new TestHost();
  const { control } = await host.daemon();
  const ref = { group, id: randomUUID() };
  await expect(control.execs.list(ref, never)).rejects.toMatchObject({ code: "SandboxNotFound" });
  await expect(control.files.stat(ref, "/", { followSymlinks: false }, never)).rejects.toMatchObject({
    code: "SandboxNotFound",
  });
  await expect(control.execs.list({ ...ref, group: "x" }, never)).rejects.toMatchObject({ code: "GroupNotFound" });
});

test("files pass through to the guest", async () => {
  await using host = new TestHost();
  const { control, sandbox } = await daemonWithSandbox(host);
  const content = async function* () {
    yield Buffer.from("hello");
  };
  expect(await control.files.write(sandbox, "/srv/a/b", content(), { createDirs: true }, never)).toBe(5);
  const file = await control.files.read(sandbox, "/srv/a/b", { offset: 1, length: 3 }, never);
  expect(Buffer.concat(await file.content.toArray()).toString()).toBe("ell");
  await control.files.move(sandbox, "/srv/a/b", "/srv/c", { overwrite: false }, never);
  expect((await control.files.list(sandbox, "/srv", never)).entries.map(({ name }) => name).sort()).toEqual(["a", "c"]);
});

test.each(["stream", "start"] as const)(
  "records of execs that the guest has forgotten do not pile up: %s",
  async (way) => {
    await using host = new TestHost();
    const { execs, sandbox, store } = await daemonWithSandbox(host);
    const old = { sandboxId: sandbox.id, startedAt: 1 };
    store.transaction(() => {
      for (let count = 1; count < 512; count++) store.execs.insert({ ...old, id: randomUUID() });
    });
    const id = randomUUID();
    if (way === "stream") await collect(execs.stream(sandbox, { id, shellCommand: "true" }, never));
    else await execs.start(sandbox, { id, shellCommand: "true" }, never);
    await waitFor(() => (store.execs.count(sandbox.id) === 1 ? true : undefined), AbortSignal.timeout(20_000));
    expect(store.execs.list(sandbox.id)).toMatchObject([{ id }]);
  },
);
