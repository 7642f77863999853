/** A call that hangs in the guest keeps its slot for exchange; an upload that is given the slot goes through the channel. */
import { randomBytes } from "node:crypto";
import { mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { exchangeBytes } from "./exchange.js";
import { afterHead, expectAllSlots, type Lie, plainHead, startLiar } from "./liar-test-kit.js";
import { WatchedFile } from "./watched-file-test-kit.js";

const file = new WatchedFile();
const content = randomBytes(9 * 1024 * 1024);
let folder: string;
let signal: AbortSignal;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "exchange-"));
  await using made = await open(join(folder, "exchange"), "wx");
  await made.truncate(exchangeBytes);
});
beforeEach(() => {
  file.reset();
  signal = AbortSignal.timeout(20_000);
});
afterAll(() => rm(folder, { recursive: true }));

const start = (lie: Lie) => startLiar(lie, { signal, openExchange: () => file.open(join(folder, "exchange")) });

const takenHead = { ":status": 500, "x-alcove-exchange": "taken" };
const taken = afterHead(takenHead, (stream) => stream.end('{"code":"InternalError","message":"It hangs."}'));

/** Takes what comes through the channel, and says how much it was. */
function taking(came: Buffer[]): Lie {
  return afterHead(plainHead, (stream) => {
    stream.on("data", (chunk: Buffer) => came.push(chunk));
    stream.once("end", () => stream.end(JSON.stringify({ bytesWritten: Buffer.concat(came).length })));
  });
}

async function* pieces(): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < content.length; at += 100_000) yield content.subarray(at, at + 100_000);
}

test("an upload whose slot is taken comes whole through the channel, and nothing of it lies in the file", async () => {
  const came: Buffer[] = [];
  let asked = 0;
  await using liar = await start((stream) => (++asked === 1 ? taken : taking(came))(stream));
  const written = await liar.guest.files.write("/lie", pieces(), { createDirs: false }, signal);
  expect(written).toBe(content.length);
  expect(Buffer.concat(came).equals(content)).toBe(true);
  expect({ asked, used: file.used.size }).toEqual({ asked: 2, used: 0 });
  await expectAllSlots(liar);
  expect(liar.opened.agent).toBe(1);
});

test("a guest that says of the channel too that its slot is taken is told as what it answers", async () => {
  await using liar = await start(taken);
  const writing = liar.guest.files.write("/lie", pieces(), { createDirs: false }, signal);
  await expect(writing).rejects.toMatchObject({ code: "GuestUnresponsive" });
  expect(liar.asked()).toBe(2);
  await expectAllSlots(liar);
});

test("a source that breaks while the slot is waited for is told as itself", async () => {
  let asked = 0;
  await using liar = await start((stream) => (++asked === 1 ? taken : taking([]))(stream));
  async function* breaking(): AsyncGenerator<Uint8Array> {
    yield content.subarray(0, 1_000_000);
    throw new Error("the source broke");
  }
  const writing = liar.guest.files.write("/lie", breaking(), { createDirs: false }, signal);
  await expect(writing).rejects.toThrow("the source broke");
  await expectAllSlots(liar);
});
