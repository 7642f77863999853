import { Readable } from "node:stream";
import { expect, test } from "vitest";
import { TestAlarm } from "../../lib/test-alarm.js";
import type { ExecControl } from "../execs/exec-control.js";
import type { FileControl } from "../files/file-control.js";
import { never } from "../test-daemon.js";
import { Uses } from "./uses.js";
import { countedExecs, countedFiles } from "./uses-counted.js";

const ref = { group: "default", id: "a" };
const execRef = { ...ref, execId: "x" };

test("what is under way is counted until its end, told once or more, and its end is the last use", () => {
  const alarm = new TestAlarm();
  const uses = new Uses(alarm);
  const end = uses.begin(ref, "call");
  const leave = uses.begin(ref, "session");
  alarm.pass(1_000);
  expect(uses.useOf(ref)).toMatchObject({ calls: 1, sessions: 1, last: { atMs: alarm.monotonic() - 1_000 } });
  end();
  end();
  leave();
  expect(uses.useOf(ref)).toEqual({ calls: 0, sessions: 0, last: { atMs: alarm.monotonic(), kind: "call" } });
});

test("one that this daemon has not seen used counts as used when it was first asked for", () => {
  const alarm = new TestAlarm();
  const uses = new Uses(alarm);
  const last = { atMs: alarm.monotonic(), kind: "daemon" };
  expect(uses.useOf(ref).last).toEqual(last);
  alarm.pass(1_000);
  expect(uses.useOf(ref).last).toEqual(last);
});

test("a call that names another group's sandbox is no use of that, and is forgotten", () => {
  const alarm = new TestAlarm();
  const uses = new Uses(alarm);
  uses.started(ref);
  alarm.pass(1_000);
  const end = uses.begin({ ...ref, group: "other" }, "call");
  expect(uses.useOf(ref)).toMatchObject({ calls: 0, last: { kind: "start" } });
  expect(uses.size).toBe(2);
  end();
  expect(uses.size).toBe(1);
  uses.forget(ref);
  expect(uses.size).toBe(0);
});

/** A control whose every member hands out what it is given, and notes how its sandbox is in use meanwhile. */
function seen(uses: Uses, answers: Record<string, unknown>) {
  const notes: Record<string, string> = {};
  const control = new Proxy(
    {},
    {
      get: (_target, name: string) => () => {
        const { calls, sessions } = uses.useOf(ref);
        notes[name] = `${calls} ${sessions}`;
        return answers[name] ?? Promise.resolve();
      },
    },
  );
  return { control, notes };
}

const openNow = (uses: Uses) => {
  const { calls, sessions } = uses.useOf(ref);
  return `${calls} ${sessions}`;
};

test("calls of execs count as use, streams as sessions, and looking on as neither", async () => {
  const uses = new Uses(new TestAlarm());
  const stream = async function* () {
    yield 1;
  };
  const { control, notes } = seen(uses, { stream: stream(), attach: stream() });
  const execs = countedExecs(control as ExecControl, uses);
  await execs.runCommand(ref, { command: "x" }, never);
  await execs.runShellCommand(ref, { command: "x" }, never);
  await execs.start(ref, { args: ["x"] }, never);
  await execs.writeStdin(execRef, Readable.from([]), { close: true }, never);
  await execs.signal(execRef, "TERM", never);
  await execs.delete(execRef, { force: true }, never);
  await execs.list(ref, never);
  await execs.logs(ref, { tailLines: 1, follow: true }, never);
  await execs.get(execRef, 0, never);
  expect(notes).toMatchObject({ get: "0 0" });
  await execs.get(execRef, 1_000, never);
  for await (const _ of execs.attach(execRef, 0, never)) expect(openNow(uses)).toBe("0 1");
  for await (const _ of execs.stream(ref, { args: ["x"] }, never)) expect(openNow(uses)).toBe("0 1");
  const call = "1 0";
  expect(notes).toEqual({
    ...{ runCommand: call, runShellCommand: call, start: call, writeStdin: call, signal: call, delete: call },
    ...{ get: call, list: "0 0", logs: "0 0", attach: "0 1", stream: "0 1" },
  });
  expect(openNow(uses)).toBe("0 0");
});

test("a content that is read counts until it is closed, a watch until it is left or its caller is gone", async () => {
  const uses = new Uses(new TestAlarm());
  const content = Readable.from(["x"]);
  const events = async function* () {
    yield 1;
  };
  const { control } = seen(uses, {
    read: Promise.resolve({ content }),
    readArchive: Promise.reject(new Error("no")),
    watch: Promise.resolve(events()),
  });
  const files = countedFiles(control as FileControl, uses);
  await files.read(ref, "/x", {}, never);
  expect(openNow(uses)).toBe("1 0");
  content.destroy();
  await expect(files.readArchive(ref, "/x", never)).rejects.toThrow("no");
  await expect.poll(() => openNow(uses)).toBe("0 0");
  const leaving = new AbortController();
  await files.watch(ref, "/x", { recursive: false }, leaving.signal);
  expect(openNow(uses)).toBe("0 1");
  leaving.abort();
  expect(openNow(uses)).toBe("0 0");
  for await (const _ of await files.watch(ref, "/x", { recursive: false }, never)) expect(openNow(uses)).toBe("0 1");
  expect(openNow(uses)).toBe("0 0");
});
