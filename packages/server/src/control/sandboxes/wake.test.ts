import { AlcoveError } from "@alcove/contract";
import { expect, test } from "vitest";
import { waitFor } from "../../lib/backoff.js";
import type { Control } from "../control.js";
import type { ExecMessage } from "../execs/exec-control.js";
import { debian, group, never, TestHost } from "../test-daemon.js";
import type { SandboxRef } from "./sandbox-control.js";

const execId = "0f8fad5b-d9cb-469f-a165-70867728950e";

async function stopped(control: Control, body: Partial<typeof debian> = {}) {
  const sandbox = await control.sandboxes.create(group, { ...debian, ...body }, never);
  await control.sandboxes.stop(sandbox, {}, never);
  return sandbox;
}

function stateOf(control: Control, ref: SandboxRef) {
  return control.sandboxes.get(ref).then(({ state }) => state);
}

test("a stopped sandbox is resumed by what needs it, once for all who come at once", async () => {
  await using host = new TestHost();
  const { control } = await host.daemon();
  const sandbox = await stopped(control);
  const commands = Array.from({ length: 10 }, () => control.execs.runCommand(sandbox, { command: "true" }, never));
  const files = Array.from({ length: 10 }, () => control.files.list(sandbox, "/", never));
  const results = await Promise.all(commands);
  await Promise.all(files);
  expect(results.map(({ exitCode }) => exitCode)).toEqual(results.map(() => 0));
  expect(await control.sandboxes.get(sandbox)).toMatchObject({ state: "Running", generation: 2 });
});

test("a call that comes while it is being stopped waits for that, and resumes it", async () => {
  await using host = new TestHost();
  const { control } = await host.daemon();
  const sandbox = await control.sandboxes.create(group, debian, never);
  host.fake.faults.suspendDelayMs = 30;
  await control.sandboxes.stop(sandbox, { wait: false }, never);
  expect((await control.execs.runCommand(sandbox, { command: "true" }, never)).exitCode).toBe(0);
  expect((await control.sandboxes.get(sandbox)).generation).toBe(2);
});

test("what only looks on wakes nothing", async () => {
  await using host = new TestHost();
  const { control } = await host.daemon();
  const sandbox = await stopped(control);
  const looks = [
    () => control.sandboxes.console(sandbox),
    () => control.execs.logs(sandbox, { tailLines: 1, follow: false }, never),
    () => control.execs.get({ ...sandbox, execId }, 0, never),
    () => control.files.watch(sandbox, "/", { recursive: false }, never),
  ];
  for (const look of looks) {
    const error: unknown = await look().catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: "SandboxNotRunning", hint: expect.stringContaining("alcove resume") });
  }
  expect(await stateOf(control, sandbox)).toBe("Stopped");
});

test("a sandbox that is activated by hand is not woken, except by a command that says so", async () => {
  await using host = new TestHost();
  const { control } = await host.daemon();
  const manual = await stopped(control, { activationMode: "Manual" });
  await expect(control.execs.runCommand(manual, { command: "true" }, never)).rejects.toMatchObject({
    code: "SandboxNotRunning",
  });
  const asked = { command: "true", activationMode: "OnDemand" } as const;
  expect((await control.execs.runCommand(manual, asked, never)).exitCode).toBe(0);

  const onDemand = await stopped(control);
  const unasked = { command: "true", activationMode: "Manual" } as const;
  await expect(control.execs.runShellCommand(onDemand, unasked, never)).rejects.toMatchObject({
    code: "SandboxNotRunning",
  });
});

test("neither a disabled sandbox nor one that is over is woken", async () => {
  await using host = new TestHost();
  const { control } = await host.daemon();
  const disabled = await stopped(control);
  await control.sandboxes.disable(disabled, never);
  await expect(control.files.list(disabled, "/", never)).rejects.toMatchObject({ code: "SandboxDisabled" });
  const over = await control.sandboxes.create(group, debian, never);
  host.fake.machines.get(over.id)?.powerOff();
  await waitFor(async () => (await stateOf(control, over)) === "Stopped" || undefined, never);
  await expect(control.files.list(over, "/", never)).rejects.toMatchObject({
    code: "SandboxNotRunning",
    message: expect.stringContaining("GuestExited"),
  });
});

test("a caller who goes away ends only its own waiting", async () => {
  await using host = new TestHost();
  const { control } = await host.daemon();
  const sandbox = await stopped(control);
  host.fake.faults.startDelayMs = 50;
  const client = new AbortController();
  const running = control.execs.runCommand(sandbox, { command: "true" }, client.signal);
  await waitFor(async () => (await stateOf(control, sandbox)) === "Resuming" || undefined, never);
  client.abort(new Error("gone"));
  await expect(running).rejects.toThrow("gone");
  await waitFor(async () => (await stateOf(control, sandbox)) === "Running" || undefined, never);
});

test("a followed exec waits while its sandbox is stopped, and goes on behind what came", async () => {
  await using host = new TestHost();
  const { control } = await host.daemon();
  const sandbox = await control.sandboxes.create(group, debian, never);
  const started = { id: execId, shellCommand: "echo before; cat", stdin: true };
  const [streamed, attached] = [collector(), collector()];
  const streaming = streamed.read(control.execs.stream(sandbox, started, never));
  await waitFor(() => streamed.text === "before\n" || undefined, never);
  const ref = { ...sandbox, execId };
  const attaching = attached.read(control.execs.attach(ref, 0, never));
  const buffered = control.execs.runShellCommand(sandbox, { command: "echo one; sleep 0.3; echo two" }, never);
  await waitFor(() => attached.text === "before\n" || undefined, never);

  await control.sandboxes.stop(sandbox, {}, never);
  const late = collector();
  const lateAttaching = late.read(control.execs.attach(ref, 0, never));
  expect(await stateOf(control, sandbox)).toBe("Stopped");
  await control.sandboxes.resume(sandbox, {}, never);
  await control.execs.writeStdin(ref, one("after"), { close: true }, never);
  await Promise.all([streaming, attaching, lateAttaching]);
  expect([streamed.text, attached.text, late.text]).toEqual(Array(3).fill("before\nafter"));
  expect(streamed.types).toEqual(["started", "output", "interrupted", "output", "end"]);
  expect((await buffered).stdout).toBe("one\ntwo\n");
});

test("a followed exec goes on where a stop failed", async () => {
  await using host = new TestHost();
  const { control } = await host.daemon();
  const sandbox = await control.sandboxes.create(group, debian, never);
  const result = control.execs.runShellCommand(sandbox, { command: "sleep 0.2; echo done" }, never);
  host.fake.faults.suspendError = new AlcoveError("DiskFull");
  await control.sandboxes.stop(sandbox, {}, never).catch(() => undefined);
  expect((await result).stdout).toBe("done\n");
});

test("a followed exec of a sandbox that is deleted ends as that, whether it runs or is stopped", async () => {
  await using host = new TestHost();
  const { control } = await host.daemon();
  for (const isStopped of [false, true]) {
    const sandbox = await control.sandboxes.create(group, debian, never);
    await control.execs.start(sandbox, { id: execId, args: ["sleep", "600"] }, never);
    const attached = collector();
    const attaching = attached.read(control.execs.attach({ ...sandbox, execId }, 0, never)).catch((error) => error);
    const running = control.execs.runCommand(sandbox, { command: "sleep", args: ["600"] }, never).catch((e) => e);
    await waitFor(() => attached.types.length > 0 || undefined, never);
    if (isStopped) await control.sandboxes.stop(sandbox, {}, never);
    await control.sandboxes.delete(sandbox, never);
    expect(await attaching).toMatchObject({ code: "SandboxNotFound" });
    expect(await running).toMatchObject({ code: "SandboxNotFound" });
  }
});

test("an exec whose client went while its sandbox was stopped ends when it is resumed", async () => {
  await using host = new TestHost();
  const { control } = await host.daemon();
  const sandbox = await control.sandboxes.create(group, debian, never);
  const client = new AbortController();
  const running = control.execs.runCommand(sandbox, { command: "sleep", args: ["600"] }, client.signal);
  await waitFor(async () => (await control.execs.list(sandbox, never)).length === 1 || undefined, never);
  await control.sandboxes.stop(sandbox, {}, never);
  client.abort(new Error("gone"));
  await expect(running).rejects.toThrow("gone");
  await control.sandboxes.resume(sandbox, {}, never);
  await waitFor(async () => (await control.execs.list(sandbox, never)).length === 0 || undefined, never);
});

function collector() {
  const seen = { text: "", types: [] as string[] };
  return Object.assign(seen, {
    async read(messages: AsyncIterable<ExecMessage>): Promise<void> {
      for await (const message of messages) {
        seen.types.push(message.type);
        if (message.type === "output") seen.text += Buffer.from(message.bytes).toString();
      }
    },
  });
}

async function* one(text: string) {
  yield Buffer.from(text);
}
