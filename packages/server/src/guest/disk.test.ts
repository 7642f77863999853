/** A builder's agent had a hostile layer to read: what it says then counts no more than what any guest says. */
import { expect, test } from "vitest";
import { type Answer, answering, json, playAgent } from "./agent-test-kit.js";
import { connectGuest } from "./connect.js";
import type { GuestDisk } from "./guest.js";

const signal = AbortSignal.timeout(60_000);

async function* layer(): AsyncGenerator<Uint8Array> {
  yield Buffer.from("a layer");
}

const calls = {
  open: (disk: GuestDisk) => disk.open(signal),
  apply: (disk: GuestDisk) => disk.apply(layer(), signal),
  finish: (disk: GuestDisk) => disk.finish(signal),
};

async function answered<T>(answer: Answer, call: (disk: GuestDisk) => Promise<T>): Promise<T> {
  await using agent = await playAgent({ agent: answering(answer) });
  const guest = await connectGuest(agent.open, { signal });
  return await call(guest.disk).finally(() => guest.close());
}

/** Answers once all of the request is there. */
const afterAll =
  (answer: unknown, status = 200): Answer =>
  (stream) => {
    stream.resume();
    stream.once("end", () => json(stream, answer, status));
  };

test("an agent that is truthful is believed", async () => {
  expect(await answered(afterAll({ entries: 3, bytes: 4 }), calls.apply)).toEqual({ entries: 3, bytes: 4 });
  expect(await answered(afterAll({ files: 5, bytes: 6 }), calls.finish)).toEqual({ files: 5, bytes: 6 });
  expect(await answered(afterAll({}), calls.open)).toBeUndefined();
});

test.each([
  ["less than nothing", { entries: -1, bytes: 4, files: -1 }],
  ["more than can be counted", { entries: 1e300, bytes: 1, files: 1e300 }],
  ["words", { entries: "many", bytes: 1, files: "many" }],
  ["nothing", null],
])("one that tells of %s is unresponsive", async (_, answer) => {
  const both: ((disk: GuestDisk) => Promise<unknown>)[] = [calls.apply, calls.finish];
  for (const call of both)
    await expect(answered(afterAll(answer), call)).rejects.toMatchObject({ code: "GuestUnresponsive" });
});

test("what it refuses a layer for is told, made fit to print; what is no reason for that is not", async () => {
  const refusal = { code: "InvalidRequest", message: 'The entry "\u001b[2J" cannot be unpacked.' };
  await expect(answered(afterAll(refusal, 400), calls.apply)).rejects.toMatchObject({
    code: "InvalidRequest",
    message: 'The entry "\\u{1b}[2J" cannot be unpacked.',
  });
  const full = { code: "DiskFull", message: "Full." };
  await expect(answered(afterAll(full, 507), calls.finish)).rejects.toMatchObject({ code: "DiskFull" });
  const other = { code: "Unauthorized", message: "Give me a key." };
  await expect(answered(afterAll(other, 401), calls.apply)).rejects.toMatchObject({ code: "GuestUnresponsive" });
});

test("one that is done before it has the layer is not believed", async () => {
  const early: Answer = (stream) => json(stream, { entries: 0, bytes: 0 });
  const endless = async function* () {
    for (;;) {
      yield Buffer.alloc(65_536);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  };
  await expect(answered(early, (disk) => disk.apply(endless(), signal))).rejects.toMatchObject({
    code: "GuestUnresponsive",
  });
});

test("a source that fails is not taken for a guest that fails", async () => {
  const failure = new Error("the registry hung up");
  const broken = async function* () {
    yield Buffer.from("a");
    throw failure;
  };
  await expect(answered(afterAll({}), (disk) => disk.apply(broken(), signal))).rejects.toBe(failure);
});
