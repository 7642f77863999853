/** Against the real agent, in its development mode over UNIX sockets: it needs Go, and runs its programs on this machine. */
import { createHash, randomUUID } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { waitFor } from "../lib/backoff.js";
import { connectGuest } from "./connect.js";
import type { ExecSpec, Guest, OutputFrame } from "./guest.js";
import { type RealAgent, startRealAgent } from "./real-agent-test-kit.js";

const MiB = 1024 * 1024;
const signal = AbortSignal.timeout(240_000);
let agent: RealAgent;
let folder: string;
let guest: Guest;

beforeAll(async () => {
  agent = await startRealAgent(signal);
  folder = agent.folder;
  guest = await connectGuest(agent.open, { signal });
}, 180_000);

afterAll(async () => {
  await guest?.close();
  await agent?.[Symbol.asyncDispose]();
});

test("it says who it is, and takes a renewal", async () => {
  await guest.renew({ generation: 5, hostname: "h", machineId: "0".repeat(32), environment: {}, thaw: true }, signal);
  expect((await guest.health(signal)).generation).toBe(5);
});

test("a program runs in one round trip", async () => {
  const frames = await collect(guest.execs.run(spec("echo out; echo err >&2; exit 3"), signal));
  expect([textOf(frames, "stdout"), textOf(frames, "stderr")]).toEqual(["out\n", "err\n"]);
  expect(frames.at(-1)).toMatchObject({ kind: "end", status: { exitCode: 3 } });
});

test("what an output limit drops is counted for each stream, and an exec to be forgotten is listed no more", async () => {
  const chosen = { ...spec("echo 12345; echo abcdefg >&2"), outputLimitBytes: 3, forget: true };
  const frames = await collect(guest.execs.run(chosen, signal));
  const counts = { stdoutBytes: 3, stderrBytes: 3, droppedBytes: 8, stderrDroppedBytes: 5 };
  expect(frames.at(-1)).toMatchObject({ kind: "end", status: counts });
  const isListed = async () => (await guest.execs.list(signal)).some(({ id }) => id === chosen.id);
  await waitFor(async () => ((await isListed()) ? undefined : true), signal);
  expect((await guest.execs.get(chosen.id, 0, signal)).exitCode).toBe(0);
});

test("a long argv makes a long status, and that is fine", async () => {
  const script = `true ${"x".repeat(100_000)}; echo done`;
  expect(textOf(await collect(guest.execs.run(spec(script), signal)), "stdout")).toBe("done\n");
});

test("256 MiB of output come whole, and memory stays bounded", async () => {
  const before = process.memoryUsage().rss;
  let size = 0;
  let peak = 0;
  const began = performance.now();
  for await (const frame of guest.execs.run(spec(`head -c ${256 * MiB} /dev/zero`), signal)) {
    if (frame.kind === "stdout") size += frame.bytes.length;
    peak = Math.max(peak, process.memoryUsage.rss());
  }
  report("exec output", size, began);
  expect(size).toBe(256 * MiB);
  expect(peak - before).toBeLessThan(160 * MiB);
});

test("following goes on over the loss of the channel, without a byte lost or twice", async () => {
  const chosen = spec("for i in $(seq 1 40); do seq $((i * 1000)) $((i * 1000 + 999)); sleep 0.02; done");
  const expected = Array.from({ length: 40_000 }, (_, index) => `${index + 1_000}\n`).join("");
  let cuts = 0;
  const frames: OutputFrame[] = [];
  for await (const frame of guest.execs.run(chosen, signal)) {
    frames.push(frame);
    if (frame.kind !== "stdout" || frame.offset < 40_000 * (cuts + 1) || cuts === 3) continue;
    cuts++;
    agent.hangUp();
  }
  expect(cuts).toBe(3);
  expect(frames.filter(({ kind }) => kind === "status")).toHaveLength(1);
  expect(textOf(frames, "stdout")).toBe(expected);
});

test("a file goes up and down whole", async () => {
  const path = join(folder, "large");
  const piece = Buffer.alloc(MiB, "0123456789abcdef");
  async function* content() {
    for (let index = 0; index < 96; index++) yield piece;
  }
  let began = performance.now();
  expect(await guest.files.write(path, content(), { createDirs: false }, signal)).toBe(96 * MiB);
  report("upload", 96 * MiB, began);
  began = performance.now();
  const down = await guest.files.read(path, {}, signal);
  const hash = createHash("sha256");
  let size = 0;
  for await (const chunk of down.content as AsyncIterable<Buffer>) {
    size += chunk.length;
    hash.update(chunk);
  }
  report("download", size, began);
  expect(down.sizeBytes).toBe(96 * MiB);
  const whole = createHash("sha256");
  for (let index = 0; index < 96; index++) whole.update(piece);
  expect(hash.digest("hex")).toBe(whole.digest("hex"));
});

test("a write that its source breaks off leaves the old file", async () => {
  const path = join(folder, "kept");
  await guest.files.write(path, one("old"), { createDirs: false }, signal);
  async function* failing() {
    yield Buffer.from("new");
    throw new Error("the source broke");
  }
  await expect(guest.files.write(path, failing(), { createDirs: false }, signal)).rejects.toMatchObject({
    message: "the source broke",
  });
  expect(await readFile(path, "utf8")).toBe("old");
});

test("refusals come as the contract's errors", async () => {
  await expect(guest.files.read("/no/such/file", {}, signal)).rejects.toMatchObject({ code: "FileNotFound" });
  await expect(guest.files.write(folder, one(""), { createDirs: false }, signal)).rejects.toMatchObject({
    code: "IsADirectory",
  });
  await expect(guest.execs.get(randomUUID(), 0, signal)).rejects.toMatchObject({ code: "ExecNotFound" });
  await expect(collect(guest.execs.run({ ...spec("true"), user: "nobody-here" }, signal))).rejects.toMatchObject({
    code: "UserNotFound",
  });
});

test("an upload larger than a window is refused at once where it cannot go", async () => {
  async function* endless() {
    for (;;) yield Buffer.alloc(MiB);
  }
  const writing = guest.files.write("/no/such/directory/file", endless(), { createDirs: false }, signal);
  await expect(writing).rejects.toMatchObject({ code: "FileNotFound" });
});

test("a download that the loss of the channel cuts off is not taken for a whole", async () => {
  const path = join(folder, "large");
  await writeFile(path, Buffer.alloc(64 * MiB));
  const { content } = await guest.files.read(path, {}, signal);
  await new Promise((resolve) => content.once("readable", resolve));
  agent.hangUp();
  await expect(content.toArray()).rejects.toMatchObject({ code: "GuestUnresponsive" });
});

test("a watch goes on over the loss of the channel, and says that changes may be lost", async () => {
  const path = join(folder, "watched");
  await guest.files.makeDirectory(path, { createParents: true }, signal);
  const reader = new AbortController();
  const events = (await guest.files.watch(path, { recursive: true }, reader.signal))[Symbol.asyncIterator]();
  const write = (name: string) => guest.files.write(join(path, name), chunksOf(""), { createDirs: false }, signal);
  await write("before");
  expect((await events.next()).value).toEqual({ type: "created", path: join(path, "before"), isDir: false });
  agent.hangUp();
  expect((await events.next()).value).toEqual({ type: "overflow" });
  await write("after");
  expect((await events.next()).value).toEqual({ type: "created", path: join(path, "after"), isDir: false });
  reader.abort(new Error("enough"));
  await expect(events.next()).rejects.toThrow("enough");
});

async function* chunksOf(text: string): AsyncGenerator<Uint8Array> {
  if (text !== "") yield Buffer.from(text);
}

test("600 execs one after the other, and what one costs", async () => {
  const times: number[] = [];
  for (let index = 0; index < 600; index++) {
    const began = performance.now();
    const { id } = await runTrue();
    times.push(performance.now() - began);
    if (index % 100 === 0) await guest.execs.delete(id, { force: true }, signal);
  }
  times.sort((a, b) => a - b);
  console.log(`exec: p50 ${times[300]?.toFixed(2)} ms, p95 ${times[570]?.toFixed(2)} ms`);
  expect((await guest.execs.list(signal)).length).toBeLessThanOrEqual(257);
}, 120_000);

async function runTrue(): Promise<ExecSpec> {
  const chosen = { ...spec(""), argv: ["true"] };
  expect((await collect(guest.execs.run(chosen, signal))).at(-1)).toMatchObject({
    kind: "end",
    status: { exitCode: 0 },
  });
  return chosen;
}

/** In a directory that every user may enter: in development the agent keeps its own user. */
function spec(script: string): ExecSpec {
  return { id: randomUUID(), argv: ["sh", "-c", script], environment: {}, stdin: false, workingDirectory: "/" };
}

async function collect(source: AsyncIterable<OutputFrame>): Promise<OutputFrame[]> {
  const frames: OutputFrame[] = [];
  for await (const frame of source) frames.push(frame);
  return frames;
}

function textOf(frames: readonly OutputFrame[], kind: "stdout" | "stderr"): string {
  return Buffer.concat(frames.flatMap((frame) => (frame.kind === kind ? [frame.bytes] : []))).toString();
}

async function* one(text: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(text);
}

function report(what: string, bytes: number, began: number): void {
  console.log(`${what}: ${(bytes / 1e6 / ((performance.now() - began) / 1_000)).toFixed(0)} MB/s`);
}
