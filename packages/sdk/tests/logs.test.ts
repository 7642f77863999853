import { Alcove, type LogEntry, type Sandbox } from "alcove";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Served, serve } from "../../server/src/http/serve-for-tests.js";

let served: Served;
let alcove: Alcove;

beforeAll(async () => {
  served = await serve();
  alcove = new Alcove({ socketPath: served.socketPath });
});
afterAll(async () => {
  alcove[Symbol.dispose]();
  await served[Symbol.asyncDispose]();
});

const withProgram = (line: string) => alcove.sandboxes.create({ image: "debian", cmd: ["sh", "-c", line] });

async function ended(sandbox: Sandbox): Promise<void> {
  const { entrypointExecId } = await sandbox.info();
  await sandbox.execs.get(entrypointExecId ?? "", { waitMs: 10_000 });
}

async function all(entries: AsyncIterable<LogEntry>): Promise<LogEntry[]> {
  const seen: LogEntry[] = [];
  for await (const entry of entries) seen.push(entry);
  return seen;
}

test("the log of a program that has ended is there, line by line, with stream and time", async () => {
  await using sandbox = await withProgram("echo one; echo two >&2; printf three");
  await ended(sandbox);
  const entries = await all(sandbox.logs());
  const times = entries.map((entry) => ("time" in entry ? Date.parse(entry.time ?? "") : 0));
  expect(entries.map(({ time: _, ...entry }: { time?: string }) => entry)).toEqual([
    { stream: "stdout", line: "one" },
    { stream: "stderr", line: "two" },
    { stream: "stdout", line: "three", isPartial: true },
  ]);
  for (const time of times) expect(Math.abs(time - Date.now())).toBeLessThan(60_000);
  expect(await (await sandbox.logText()).text()).toBe("one\ntwo\nthree");
  expect(await (await sandbox.logText({ follow: true })).text()).toBe("one\ntwo\nthree");
});

test("as many lines as were asked for come, the last ones, and at most 300", async () => {
  await using sandbox = await withProgram(
    `printf '${Array.from({ length: 1_000 }, (_, number) => number + 1).join("\\n")}\\n'`,
  );
  await ended(sandbox);
  const tail = async (count?: number) =>
    (await (await sandbox.logText({ tail: count })).text()).split("\n").slice(0, -1);
  expect(await tail(2)).toEqual(["999", "1000"]);
  expect(await tail()).toHaveLength(100);
  expect(await tail(300)).toHaveLength(300);
  expect(await tail(0)).toEqual([]);
  await expect(tail(301)).rejects.toMatchObject({ code: "InvalidRequest", field: "tailLines" });
});

test("a follower gets what was there, then each line as it comes, until the program ends", async () => {
  await using sandbox = await withProgram("echo before; sleep 0.2; echo after");
  const following = sandbox.logs({ follow: true })[Symbol.asyncIterator]();
  expect((await following.next()).value).toMatchObject({ line: "before" });
  expect(await all({ [Symbol.asyncIterator]: () => following })).toMatchObject([{ line: "after" }]);
});

test("a follower who does not read holds nothing up, and learns what it lost", async () => {
  await using sandbox = await alcove.sandboxes.create({ image: "debian" });
  const exec = await sandbox.spawn("cat; head -c 8000000 /dev/zero; echo; echo end", { stdin: true, detached: true });
  const following = sandbox.logs({ follow: true, tail: 0, execId: exec.id })[Symbol.asyncIterator]();
  const first = following.next();
  await exec.stdin.write("go\n");
  await exec.stdin.end();
  // Whoever spawned it would hold it up.
  await exec[Symbol.asyncDispose]();
  await first;
  const status = await sandbox.execs.get(exec.id, { waitMs: 15_000 });
  expect(status.state).toBe("Exited");
  const seen = await all({ [Symbol.asyncIterator]: () => following });
  expect(seen.some((entry) => "lostBytes" in entry && entry.lostBytes > 0)).toBe(true);
  expect(seen.at(-1)).toMatchObject({ line: "end" });
});

test("without a program, or of an exec that is not there, there is no log, and the error says so", async () => {
  await using sandbox = await alcove.sandboxes.create({ image: "debian" });
  await expect(all(sandbox.logs())).rejects.toMatchObject({
    code: "ExecNotFound",
    message: expect.stringContaining("without a program"),
  });
  await expect(all(sandbox.logs({ execId: crypto.randomUUID() }))).rejects.toMatchObject({ code: "ExecNotFound" });
});
