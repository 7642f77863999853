import { randomBytes } from "node:crypto";
import { type FileHandle, mkdtemp, open, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Exchange, type ExchangeHandle, exchangeBytes, placeBytes, placesPerSlot, type Slot } from "./exchange.js";

let folder: string;
let path: string;
const opened: FileHandle[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "exchange-"));
  path = join(folder, "file");
  await using file = await open(path, "wx");
  await file.truncate(exchangeBytes);
});

afterEach(async () => {
  for (const handle of opened.splice(0)) if (handle.fd >= 0) await handle.close();
  await rm(folder, { recursive: true });
});

test("there are four slots, each for one transfer at a time", async () => {
  const exchange = new Exchange(openFile);
  const slots = await claimAll(exchange);
  expect(slots.map(({ number }) => number).sort()).toEqual([0, 1, 2, 3]);
  expect(await exchange.claim()).toBeUndefined();
  slots[2]?.release(true);
  expect((await exchange.claim())?.number).toBe(slots[2]?.number);
  expect(await exchange.claim()).toBeUndefined();
});

test("a slot whose transfer was not finished is the last to be claimed again", async () => {
  const exchange = new Exchange(openFile);
  const first = await claimed(exchange);
  first.release();
  const others = [await claimed(exchange), await claimed(exchange), await claimed(exchange)];
  expect(others.map(({ number }) => number)).not.toContain(first.number);
  expect((await claimed(exchange)).number).toBe(first.number);
});

test("what is put into a place is found there, and in no other", async () => {
  const exchange = new Exchange(openFile);
  const slots = await claimAll(exchange);
  const contents = slots.map(() => Array.from({ length: placesPerSlot }, () => randomBytes(1_000)));
  const each = (work: (slot: Slot, place: number, content: Buffer) => Promise<void>) =>
    Promise.all(slots.flatMap((slot, s) => contents[s]?.map((content, place) => work(slot, place, content)) ?? []));
  await each((slot, place, content) => slot.fill(place, [content.subarray(0, 1), content.subarray(1)]));
  await each(async (slot, place, content) => {
    expect(await slot.fetch(place, 0, 1_000)).toEqual(content);
    expect(await slot.fetch(place + 5 * placesPerSlot, 10, 90)).toEqual(content.subarray(10, 100));
  });
  expect((await stat(path)).size).toBe(exchangeBytes);
});

test("a whole place fits, in any number of pieces", async () => {
  const exchange = new Exchange(openFile);
  const slot = await claimed(exchange);
  const content = randomBytes(placeBytes);
  const pieces = Array.from({ length: 4_096 }, (_, index) => content.subarray(index * 1_024, (index + 1) * 1_024));
  await slot.fill(3, pieces);
  expect((await slot.fetch(3, 0, placeBytes)).equals(content)).toBe(true);
});

test("the file is opened once, however many claim at once, and only when one does", async () => {
  const opening = vi.fn(openFile);
  const exchange = new Exchange(opening);
  expect(opening).not.toHaveBeenCalled();
  await claimAll(exchange);
  expect(opening).toHaveBeenCalledTimes(1);
});

test("a file that cannot be opened gives no slots, now and later, and is no error", async () => {
  const opening = vi.fn(() => Promise.reject(new Error("there is none")));
  const exchange = new Exchange(opening);
  for (let attempt = 0; attempt < 6; attempt++) expect(await exchange.claim()).toBeUndefined();
  expect(opening).toHaveBeenCalledTimes(1);
});

test("a disk that is all but full gives no slots until there is room again", async () => {
  const freeBytes = vi.fn(async () => exchangeBytes - 1);
  const exchange = new Exchange(async () => ({ ...(await openFile()), freeBytes }));
  expect(await exchange.claim()).toBeUndefined();
  freeBytes.mockRejectedValueOnce(new Error("nobody knows"));
  expect(await exchange.claim()).toBeUndefined();
  freeBytes.mockResolvedValue(exchangeBytes);
  await claimAll(exchange);
});

test("after use the file takes no room, and what is carried next is not lost with it", async () => {
  const exchange = new Exchange(openFile);
  for (let round = 0; round < 20; round++) {
    const slot = await claimed(exchange);
    const content = randomBytes(100_000);
    await slot.fill(round, [content]);
    expect((await slot.fetch(round, 0, content.length)).equals(content)).toBe(true);
    slot.release(true);
  }
  await vi.waitFor(async () => expect(await stat(path)).toMatchObject({ blocks: 0, size: exchangeBytes }), {
    timeout: 20_000,
  });
});

test("whoever claims waits until what was carried before is gone", async () => {
  const { handle, freeBytes } = await openFile();
  const steps: string[] = [];
  let goOn = () => {};
  const truncate = async (bytes: number) => {
    await new Promise<void>((resolve) => {
      goOn = resolve;
    });
    steps.push(`truncated to ${bytes}`);
  };
  const exchange = new Exchange(async () => ({ handle: { ...bound(handle), truncate }, freeBytes }));
  (await claimed(exchange)).release(true);
  const claiming = claimed(exchange).then(() => steps.push("claimed"));
  for (let turn = 0; turn < 2; turn++) {
    await new Promise((resolve) => setTimeout(resolve, 5));
    goOn();
  }
  await claiming;
  expect(steps).toEqual(["truncated to 0", `truncated to ${exchangeBytes}`, "claimed"]);
});

test("as long as one transfer goes on nothing is emptied", async () => {
  const exchange = new Exchange(openFile);
  const [staying, ...others] = await claimAll(exchange);
  const content = randomBytes(1_000);
  await staying?.fill(0, [content]);
  for (const slot of others) slot.release(true);
  for (let round = 0; round < 10; round++) (await claimed(exchange)).release();
  expect(await staying?.fetch(0, 0, 1_000)).toEqual(content);
});

test("a file that cannot be emptied still serves", async () => {
  const { handle, freeBytes } = await openFile();
  const stubborn = { ...bound(handle), truncate: () => Promise.reject(new Error("it stays as it is")) };
  const exchange = new Exchange(async () => ({ handle: stubborn, freeBytes }));
  for (let round = 0; round < 3; round++) {
    const slot = await claimed(exchange);
    await slot.fill(0, [Buffer.from("content")]);
    slot.release(true);
  }
});

test("what is in use is closed when it is not any more; then there is nothing to claim", async () => {
  const { handle, freeBytes } = await openFile();
  const close = vi.fn(() => handle.close());
  const exchange = new Exchange(async () => ({ handle: { ...bound(handle), close }, freeBytes }));
  const [first, second] = [await claimed(exchange), await claimed(exchange)];
  await exchange.close();
  expect(await exchange.claim()).toBeUndefined();
  first.release(true);
  await second.fill(0, [Buffer.from("content")]);
  expect((await second.fetch(0, 0, 7)).toString()).toBe("content");
  expect(close).not.toHaveBeenCalled();
  second.release();
  await vi.waitFor(() => expect(close).toHaveBeenCalledTimes(1), { timeout: 20_000 });
  await exchange.close();
  expect(close).toHaveBeenCalledTimes(1);
});

test("who claims while it is closed keeps the file open no longer than needed", async () => {
  const { handle, freeBytes } = await openFile();
  const close = vi.fn(() => handle.close());
  const exchange = new Exchange(async () => ({ handle: { ...bound(handle), close }, freeBytes }));
  const claiming = exchange.claim();
  await exchange.close();
  const slot = await claiming;
  await slot?.fill(0, [Buffer.from("content")]);
  slot?.release(true);
  await vi.waitFor(() => expect(close).toHaveBeenCalledTimes(1), { timeout: 20_000 });
});

test("closing what was never used opens nothing", async () => {
  const opening = vi.fn(openFile);
  await new Exchange(opening).close();
  expect(opening).not.toHaveBeenCalled();
});

test("a disk of the host that is full is said to be", async () => {
  const full = await open("/dev/full", "r+");
  const exchange = new Exchange(async () => ({ handle: full, freeBytes: async () => exchangeBytes }));
  const slot = await claimed(exchange);
  const filling = slot.fill(0, [Buffer.alloc(10)]);
  await expect(filling).rejects.toMatchObject({ code: "DiskFull", message: expect.stringMatching(/host is full/) });
  await full.close();
});

test("a write that is cut short goes on, or says why it cannot", async () => {
  const { handle, freeBytes } = await openFile();
  const errors: Error[] = [];
  const short: ExchangeHandle["writev"] = async (pieces, position) => {
    const error = errors.shift();
    if (error !== undefined) throw error;
    const whole = Buffer.concat(pieces);
    return handle.writev([whole.subarray(0, Math.min(7, whole.length))], position);
  };
  const exchange = new Exchange(async () => ({ handle: { ...bound(handle), writev: short }, freeBytes }));
  const slot = await claimed(exchange);
  const content = randomBytes(100);
  await slot.fill(1, [content.subarray(0, 5), content.subarray(5, 6), content.subarray(6)]);
  expect(await slot.fetch(1, 0, 100)).toEqual(content);
  for (const [code, told] of [
    ["ENOSPC", { code: "DiskFull" }],
    ["EDQUOT", { code: "DiskFull" }],
    ["EIO", { code: "EIO" }],
  ] as const) {
    errors.push(Object.assign(new Error(code), { code }));
    await expect(slot.fill(1, [content])).rejects.toMatchObject(told);
  }
});

test("a file that takes or gives less than it should is an error, and no endless try", async () => {
  const { handle, freeBytes } = await openFile();
  const writev = async () => ({ bytesWritten: 0 });
  const exchange = new Exchange(async () => ({ handle: { ...bound(handle), writev }, freeBytes }));
  const slot = await claimed(exchange);
  await expect(slot.fill(0, [Buffer.alloc(10)])).rejects.toThrow("takes nothing");
  await handle.truncate(slot.number * placesPerSlot * placeBytes + 10);
  await expect(slot.fetch(0, 5, 10)).rejects.toThrow("gave 5 of 10 bytes");
});

async function openFile() {
  const handle = await open(path, "r+");
  opened.push(handle);
  return { handle, freeBytes: async () => exchangeBytes };
}

function bound(handle: ExchangeHandle): ExchangeHandle {
  return {
    writev: (pieces, position) => handle.writev(pieces, position),
    read: (into, offset, bytes, position) => handle.read(into, offset, bytes, position),
    truncate: (bytes) => handle.truncate(bytes),
    close: () => handle.close(),
  };
}

async function claimed(exchange: Exchange): Promise<Slot> {
  const slot = await exchange.claim();
  if (slot === undefined) throw new Error("there is no slot");
  return slot;
}

function claimAll(exchange: Exchange): Promise<Slot[]> {
  return Promise.all(Array.from({ length: 4 }, () => claimed(exchange)));
}

test("what went through the channel all the same costs the file nothing, and what lay in it is still cleared away", async () => {
  await using handle = await open(path, "r+");
  let truncated = 0;
  const truncate = async (bytes: number) => {
    truncated++;
    await handle.truncate(bytes);
  };
  const exchange = new Exchange(async () => ({ handle: { ...bound(handle), truncate }, freeBytes: async () => 1e12 }));
  for (let round = 0; round < 5; round++) (await claimed(exchange)).leave();
  await claimed(exchange).then((slot) => slot.leave());
  expect(truncated).toBe(0);
  const [small, large] = [await claimed(exchange), await claimed(exchange)];
  large.release(true);
  small.leave();
  (await claimed(exchange)).leave();
  expect(truncated).toBe(2);
});
