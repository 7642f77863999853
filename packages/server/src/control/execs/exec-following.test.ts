import { expect, test } from "vitest";
import { waitFor } from "../../lib/backoff.js";
import { debian, group, never, TestHost } from "../test-daemon.js";
import type { ExecMessage } from "./exec-control.js";

const script = { shellCommand: "echo before; cat", stdin: true };

test("a stream waits while its sandbox is stopped, wakes nobody, and goes on from where it was with a word about the sleep", async () => {
  await using host = new TestHost();
  const { control } = await host.daemon();
  const sandbox = await control.sandboxes.create(group, debian, never);
  const { messages, ended, execId } = follow(control.execs.stream(sandbox, script, never));
  const exec = await execId;
  await waitFor(() => textOf(messages) === "before\n" || undefined, never);
  for (let times = 1; times <= 2; times++) {
    const { state } = await control.sandboxes.stop(sandbox, {}, never);
    expect(state).toBe("Stopped");
    await control.sandboxes.resume(sandbox, {}, never);
    const told = () => messages.filter(({ type }) => type === "interrupted").length;
    await waitFor(() => told() >= times || undefined, never);
    expect(told()).toBe(times);
  }
  await control.execs.writeStdin({ ...sandbox, execId: exec }, line("after\n"), { close: true }, never);
  await ended;
  const kinds = messages.map(({ type }) => type);
  expect(kinds).toEqual(["started", "output", "interrupted", "interrupted", "output", "end"]);
  expect(textOf(messages)).toBe("before\nafter\n");
});

test("a command that is waited for answers after the sleep", async () => {
  await using host = new TestHost();
  const { control } = await host.daemon();
  const sandbox = await control.sandboxes.create(group, debian, never);
  const answer = control.execs.runShellCommand(sandbox, { command: "sleep 0.3; echo done" }, never);
  await waitFor(async () => (await control.execs.list(sandbox, never)).length > 0 || undefined, never);
  await control.sandboxes.stop(sandbox, {}, never);
  await control.sandboxes.resume(sandbox, {}, never);
  expect(await answer).toMatchObject({ stdout: "done\n", exitCode: 0 });
});

test("a stream whose sandbox is stopped without its memory, or deleted while it sleeps, ends with that", async () => {
  await using host = new TestHost();
  const { control } = await host.daemon();
  for (const mode of ["Disk", "Memory"] as const) {
    const sandbox = await control.sandboxes.create(group, debian, never);
    const { ended, execId } = follow(control.execs.stream(sandbox, script, never));
    await execId;
    await control.sandboxes.stop(sandbox, { mode }, never);
    if (mode === "Memory") await control.sandboxes.delete(sandbox, never);
    const code = mode === "Memory" ? /^Sandbox(NotFound|NotRunning)$/ : /^(SandboxNotRunning|GuestUnresponsive)$/;
    await expect(ended).rejects.toMatchObject({ code: expect.stringMatching(code) });
  }
});

test("an exec whose client leaves while its sandbox sleeps ends when it goes on", async () => {
  await using host = new TestHost();
  const { control } = await host.daemon();
  const sandbox = await control.sandboxes.create(group, debian, never);
  const leaving = new AbortController();
  const { ended, execId } = follow(control.execs.stream(sandbox, script, leaving.signal));
  await execId;
  await control.sandboxes.stop(sandbox, {}, never);
  leaving.abort(new Error("gone"));
  await expect(ended).rejects.toThrow("gone");
  await control.sandboxes.resume(sandbox, {}, never);
  await waitFor(async () => (await control.execs.list(sandbox, never)).length === 0 || undefined, never);
});

function follow(stream: AsyncIterable<ExecMessage>) {
  const messages: ExecMessage[] = [];
  let begun: (id: string) => void = () => undefined;
  const execId = new Promise<string>((resolve) => (begun = resolve));
  const ended = (async () => {
    for await (const message of stream) {
      messages.push(message);
      if (message.type === "started") begun(message.exec.id);
    }
  })();
  ended.catch(() => undefined);
  return { messages, ended, execId };
}

function textOf(messages: readonly ExecMessage[]): string {
  return Buffer.concat(messages.flatMap((message) => (message.type === "output" ? [message.bytes] : []))).toString();
}

async function* line(text: string) {
  yield Buffer.from(text);
}
