/** Commands that go on: `list --watch`, `get --watch`, `port-forward`, `egress decisions --follow`, `stats --follow`, `ps --follow`. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:net";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { TestDaemon } from "../harness/daemon.js";
import { entries, withoutConfiguration } from "./run-cli.js";

let daemon: TestDaemon;
beforeAll(async () => {
  daemon = await TestDaemon.start({ hasOwnData: true, environment: { ALCOVE_ENGINE: "fake" } });
}, 600_000);
afterAll(() => daemon[Symbol.asyncDispose]());

interface Started {
  readonly lines: AsyncIterator<string>;
  /** On standard error. */
  readonly said: AsyncIterator<string>;
  readonly child: ChildProcess;
}

function start(words: readonly string[]): Started {
  const env = { ...process.env, ...withoutConfiguration, ...daemon.clientEnvironment };
  const child = spawn(entries.launcher, words, { env, stdio: ["ignore", "pipe", "pipe"] });
  onTestFinished(() => void child.kill("SIGKILL"));
  const linesOf = (input: Readable) => createInterface({ input })[Symbol.asyncIterator]();
  return { child, lines: linesOf(child.stdout), said: linesOf(child.stderr) };
}

async function next(lines: AsyncIterator<string>, pattern: RegExp): Promise<void> {
  for (;;) {
    const { value, done } = await lines.next();
    if (done === true) throw new Error(`It ended before ${pattern}`);
    if (pattern.test(value)) return;
  }
}

test("list --watch shows those that have the label, then each as it changes, until Ctrl-C", async () => {
  const labels = { run: "42" };
  const sandbox = await daemon.alcove.sandboxes.create({ image: "debian", labels });
  const { lines, child } = start(["list", "--watch", "-l", "run=42"]);
  await next(lines, /^ID +STATE/);
  await next(lines, new RegExp(`^${sandbox.id} +Running`));
  const other = await daemon.alcove.sandboxes.create({ image: "debian", labels });
  await next(lines, new RegExp(`^${other.id} +Running`));
  await sandbox.delete();
  await next(lines, new RegExp(`^${sandbox.id} +Gone`));
  child.kill("SIGINT");
  expect(await once(child, "exit")).toEqual([130, null]);
  await other.delete();
});

test("get --watch shows one as it changes, as JSON where that is asked for, and ends when it is gone", async () => {
  const sandbox = await daemon.alcove.sandboxes.create({ image: "debian" });
  const { lines, child } = start(["get", "--watch", "-o", "json", sandbox.id]);
  await next(lines, /"state":"Running"/);
  await sandbox.setLabels({ seen: "yes" });
  await next(lines, /"seen":"yes"/);
  const ended = once(child, "exit");
  await sandbox.delete();
  await next(lines, /"state":"Deleting"/);
  expect(await ended).toEqual([0, null]);
});

test("egress decisions --follow goes on until Ctrl-C, and ends with the sandbox", async () => {
  const sandbox = await daemon.alcove.sandboxes.create({ image: "debian" });
  const followed = async () => {
    const { child, said } = start(["egress", "decisions", "--follow", "--verbose", "-o", "json", sandbox.id]);
    const ended = once(child, "exit");
    await next(said, /egressDecisions\/stream: 200/);
    return { child, ended };
  };
  const left = await followed();
  const stays = await followed();
  left.child.kill("SIGINT");
  expect(await left.ended).toEqual([130, null]);
  await sandbox.delete();
  expect(await stays.ended).toEqual([0, null]);
});

test("stats --follow tells a line for each look, wakes nothing, and ends with the sandbox", async () => {
  const sandbox = await daemon.alcove.sandboxes.create({ image: "debian" });
  const { lines, child } = start(["stats", "--follow", "--interval", "250ms", sandbox.id]);
  const ended = once(child, "exit");
  await next(lines, /^SANDBOX +STATE +CPU/);
  await next(lines, new RegExp(`^${sandbox.id.slice(0, 8)} +Running +[0-9.]+s`));
  await next(lines, /Running +[0-9.]+%/);
  await sandbox.stop();
  await next(lines, /Stopped/);
  expect((await sandbox.info()).state).toBe("Stopped");
  await sandbox.delete();
  expect(await ended).toEqual([0, null]);
});

test("ps --follow lists processes again and again until Ctrl-C", async () => {
  await using sandbox = await daemon.alcove.sandboxes.create({ image: "debian" });
  const { lines, child } = start(["ps", "--follow", "--interval", "250ms", sandbox.id]);
  await next(lines, /^PID/);
  await sandbox.spawn(["sleep", "60"], { detached: true });
  await next(lines, /sleep 60/);
  child.kill("SIGINT");
  expect(await once(child, "exit")).toEqual([130, null]);
});

test("port-forward says what it listens on, tells why a connection is closed, goes on, and ends with Ctrl-C", async () => {
  await using sandbox = await daemon.alcove.sandboxes.create({ image: "debian" });
  const { lines, said, child } = start(["port-forward", "-o", "json", sandbox.id, "0:80", ":5432"]);
  const [web, database] = [JSON.parse((await lines.next()).value), JSON.parse((await lines.next()).value)];
  expect([web, database]).toMatchObject([
    { address: "127.0.0.1", remotePort: 80 },
    { address: "127.0.0.1", remotePort: 5432 },
  ]);
  for (const { port, remotePort } of [web, database, web]) {
    const [failure] = await once(connect(port, "127.0.0.1").resume(), "error");
    expect(failure).toMatchObject({ code: "ECONNRESET" });
    await next(said, new RegExp(`^warning: a connection to port ${remotePort} is closed: .*listens`));
  }
  child.kill("SIGINT");
  expect(await once(child, "exit")).toEqual([130, null]);
});

test("port-forward ends with an error once its sandbox is deleted, and where it cannot listen", async () => {
  const sandbox = await daemon.alcove.sandboxes.create({ image: "debian" });
  const first = start(["port-forward", sandbox.id, "0:80"]);
  const ended = once(first.child, "exit");
  const { value: line } = await first.lines.next();
  expect(line).toMatch(/^127\.0\.0\.1:\d+ leads to port 80$/);
  const second = start(["port-forward", sandbox.id, `${/:(\d+)/.exec(line)?.[1]}:80`]);
  const refused = once(second.child, "exit");
  await next(second.said, /^error: 127\.0\.0\.1:\d+ cannot be listened on: something else listens there\.$/);
  expect(await refused).toEqual([1, null]);
  await sandbox.delete();
  await next(first.said, new RegExp(`^error: The sandbox ${sandbox.id} is deleted\\.$`));
  expect(await ended).toEqual([1, null]);
});
