/** Guests that lie about what lies in the exchange: callers get GuestUnresponsive, nothing hangs, and no slot is lost. */
import { mkdtemp, open, rm } from "node:fs/promises";
import type { ServerHttp2Stream } from "node:http2";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { waitFor } from "../../lib/backoff.js";
import type { Guest } from "../guest.js";
import { exchangeBytes, placeBytes } from "./exchange.js";
import {
  afterHead,
  announceForEver,
  exchangedHead,
  expectAllSlots,
  type Lie,
  lengths,
  plainHead,
  pour,
  slotsNamed,
  startLiar,
  withoutWindow,
} from "./liar-test-kit.js";
import { Gate, WatchedFile } from "./watched-file-test-kit.js";

const unresponsive = { code: "GuestUnresponsive" };
const file = new WatchedFile();
let folder: string;
/** Whatever a guest does, it is over soon. */
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

const start = (lie: Lie, play?: typeof withoutWindow) =>
  startLiar(lie, { signal, openExchange: () => file.open(join(folder, "exchange")), play });

const downloads: [string, Lie][] = [
  ["announces more than a place holds", (stream) => stream.end(lengths(placeBytes + 1))],
  ["announces as much as it can", (stream) => stream.write(lengths(0xffff_ffff))],
  ["ends without saying that it was all", (stream) => stream.end(lengths(placeBytes))],
  ["ends at once", (stream) => stream.end()],
  ["ends in the middle of a length", (stream) => stream.end(Buffer.of(0, 0))],
  ["ends in the middle of the last length", (stream) => stream.end(Buffer.concat([lengths(5), Buffer.of(0, 0, 0)]))],
  ["goes on after a part that is not whole", (stream) => stream.write(lengths(5, 7))],
  ["has more parts than places", (stream) => stream.write(lengths(...Array(6).fill(placeBytes)))],
  ["never ends to announce", (stream) => pour(stream, lengths(...Array(1_000).fill(placeBytes)))],
  ["never ends to announce tiny parts", (stream) => pour(stream, lengths(...Array(1_000).fill(1)))],
  ["resets it with an error", (stream) => stream.close(2)],
  ["resets it without an error", (stream) => stream.close(0)],
  ["cancels it", (stream) => stream.close(8)],
  ["cancels it in the middle", (stream) => stream.write(lengths(placeBytes), () => stream.close(8))],
  ["hangs up", (stream) => stream.session?.destroy()],
  ["hangs up in the middle", (stream) => stream.write(lengths(placeBytes), () => stream.session?.destroy())],
];

test.each(downloads)("a guest that %s in a download is unresponsive", async (_, lie) => {
  await using liar = await start(afterHead(exchangedHead, lie));
  await expect(download(liar.guest)).rejects.toMatchObject(unresponsive);
  await expectAllSlots(liar);
});

test.each(["x-alcove-size", "x-alcove-mode"])(
  "a download without %s is refused, and leaves no slot taken",
  async (missing) => {
    const { [missing]: _, ...head } = exchangedHead as Record<string, number | string>;
    await using liar = await start(afterHead(head, (begun) => begun.end()));
    await expect(download(liar.guest)).rejects.toMatchObject(unresponsive);
    await expectAllSlots(liar);
  },
);

test("a download that a guest breaks off while the host's disk is full is told as that", async () => {
  await using liar = await start(
    afterHead(exchangedHead, (stream) => {
      file.freeBytes = 1_000_000;
      stream.write(lengths(placeBytes), () => stream.close(2));
    }),
  );
  await expect(download(liar.guest)).rejects.toMatchObject({
    code: "DiskFull",
    message: "The disk of the host is full: the content could not be passed from the sandbox.",
  });
  file.reset();
  await expectAllSlots(liar);
  expect(liar.opened.agent).toBe(1);
});

test("a guest that breaks the protocol is told as that, full as the host's disk may be", async () => {
  await using liar = await start(
    afterHead(exchangedHead, (stream) => {
      file.freeBytes = 0;
      stream.end(lengths(placeBytes + 1));
    }),
  );
  await expect(download(liar.guest)).rejects.toMatchObject(unresponsive);
});

test("a download gets no more than it asked for, however many parts there are", async () => {
  await using liar = await start(afterHead(exchangedHead, announceForEver));
  await expect(download(liar.guest, 2 * placeBytes + 1)).rejects.toMatchObject(unresponsive);
  await expectAllSlots(liar);
});

test("a guest that does not hear which of its parts were fetched gets no further than its places", async () => {
  let announced = 0;
  const deaf = afterHead(exchangedHead, (stream) => {
    const more = () => {
      if (stream.destroyed) return;
      announced++;
      stream.write(lengths(placeBytes), () => setTimeout(more, 5));
    };
    more();
  });
  await using liar = await start(deaf, withoutWindow);
  await expect(download(liar.guest)).rejects.toMatchObject(unresponsive);
  expect(announced).toBeLessThan(50);
  await expectAllSlots(liar);
});

const done = Buffer.from('\u0002{"bytesWritten":1}');
const uploads: [string, Lie][] = [
  ["has more places free than there are", (stream) => stream.write(Buffer.alloc(5, 1))],
  ["never ends to free places", (stream) => pour(stream, Buffer.alloc(60_000, 1))],
  ["says nothing known, as its first word", (stream) => stream.write(Buffer.of(0))],
  ["says nothing known, after its places", (stream) => stream.write(Buffer.of(1, 1, 1, 1, 4))],
  ["says nothing known, and ends", (stream) => stream.end(Buffer.of(1, 255))],
  ["answers before the end", (stream) => stream.write(done)],
  ["answers before the end, and ends", (stream) => stream.end(done)],
  ["answers before the end, after its places", (stream) => stream.write(Buffer.concat([Buffer.of(1, 1, 1, 1), done]))],
  ["refuses with no JSON", (stream) => stream.end("\u0003no")],
  ["refuses without end", (stream) => pour(stream, Buffer.alloc(60_000, 3))],
  ["refuses with an error that nobody knows", (stream) => stream.end('\u0003{"code":"Gotcha","message":""}')],
  ["refuses with an error of another call", (stream) => stream.end('\u0003{"code":"ExecNotFound","message":""}')],
  ["ends at once", (stream) => stream.end()],
  ["ends after its places", (stream) => stream.end(Buffer.of(1, 1, 1, 1))],
  ["resets it with an error", (stream) => stream.close(2)],
  ["resets it without an error", (stream) => stream.close(0)],
  ["cancels it", (stream) => stream.close(8)],
  ["cancels it after its places", (stream) => stream.write(Buffer.of(1, 1, 1, 1), () => stream.close(8))],
  ["hangs up", (stream) => stream.session?.destroy()],
  ["hangs up after its places", (stream) => stream.write(Buffer.of(1, 1, 1, 1), () => stream.session?.destroy())],
];

test.each(uploads)("a guest that %s in an upload is unresponsive", async (_, lie) => {
  await using liar = await start(afterHead(plainHead, lie));
  await expect(upload(liar.guest, stalling())).rejects.toMatchObject(unresponsive);
  await expectAllSlots(liar);
});

const answers: [string, Lie][] = [
  ["no JSON", (stream) => stream.end("\u0002no")],
  ["JSON of another shape", (stream) => stream.end('\u0002{"bytesWritten":-1}')],
  ["JSON and more", (stream) => stream.end(Buffer.concat([done, Buffer.of(1)]))],
  ["an answer without end", (stream) => pour(stream, Buffer.alloc(60_000, 2))],
  ["a word that nobody knows", (stream) => stream.write(Buffer.of(7))],
];

test.each(answers)("a guest that answers an upload with %s is unresponsive", async (_, lie) => {
  const answer = afterHead(plainHead, (stream) => {
    stream.write(Buffer.of(1, 1, 1, 1));
    stream.once("end", () => lie(stream));
  });
  await using liar = await start(answer);
  await expect(upload(liar.guest, pieces(12))).rejects.toMatchObject(unresponsive);
  await expectAllSlots(liar);
});

type Call = (guest: Guest, within: AbortSignal) => Promise<unknown>;
const downloading: Call = (guest, within) => download(guest, undefined, within);
const uploading: Call = (guest, within) => upload(guest, pieces(24), within);
const silences: [string, Call, Lie][] = [
  ["before the head of a download", downloading, () => {}],
  ["after the head of a download", downloading, afterHead(exchangedHead, () => {})],
  ["after a part", downloading, afterHead(exchangedHead, (stream) => stream.write(lengths(placeBytes)))],
  ["in the middle of a length", downloading, afterHead(exchangedHead, (stream) => stream.write(Buffer.of(0, 0)))],
  ["before the head of an upload", uploading, () => {}],
  ["after the head of an upload", uploading, afterHead(plainHead, () => {})],
  ["when a place is free", uploading, afterHead(plainHead, (stream) => stream.write(Buffer.of(1)))],
  ["when all places are free", uploading, afterHead(plainHead, (stream) => stream.write(Buffer.of(1, 1, 1, 1)))],
  ["in the middle of a refusal", uploading, afterHead(plainHead, (stream) => stream.write(Buffer.of(1, 3)))],
];

test.each(silences)("a guest that falls silent %s costs no more than the caller's patience", async (_, call, lie) => {
  await using liar = await start(lie);
  for (let attempt = 1; attempt <= 6; attempt++) {
    const patience = new AbortController();
    const calling = call(liar.guest, patience.signal);
    calling.catch(() => {});
    await waitFor(() => liar.asked() === attempt || undefined, signal);
    setTimeout(() => patience.abort(new Error("enough")), 20);
    await expect(calling).rejects.toThrow("enough");
  }
  await expectAllSlots(liar);
  expect(liar.opened.agent).toBe(1);
});

test.each([
  ["a download", downloading, afterHead(exchangedHead, (stream) => stream.write(lengths(placeBytes)))],
  ["an upload", uploading, afterHead(plainHead, (stream) => stream.write(Buffer.of(1, 1, 1, 1)))],
] as [string, Call, Lie][])(
  "a slot stays claimed until the file is left alone, when %s is given up",
  async (_, call, lie) => {
    let stream: ServerHttp2Stream | undefined;
    await using liar = await start((begun) => {
      stream = begun;
      lie(begun);
    });
    const gate = new Gate();
    file.gate = gate;
    const patience = new AbortController();
    const calling = call(liar.guest, patience.signal);
    calling.catch(() => {});
    await gate.reached;
    stream?.close(2);
    patience.abort(new Error("enough"));
    await new Promise((resolve) => stream?.once("close", resolve));
    for (let attempt = 0; attempt < 3; attempt++) expect(await slotsNamed(liar)).toContain("none");
    gate.open();
    await expect(calling).rejects.toThrow();
    await expectAllSlots(liar);
  },
);

async function download(guest: Guest, length?: number, within: AbortSignal = signal): Promise<void> {
  const { content } = await guest.files.read("/lie", length === undefined ? {} : { length }, within);
  for await (const _ of content);
}

function upload(guest: Guest, content: AsyncIterable<Uint8Array>, within: AbortSignal = signal): Promise<number> {
  return guest.files.write("/lie", content, { createDirs: false }, within);
}

async function* pieces(count: number): AsyncGenerator<Uint8Array> {
  for (let index = 0; index < count; index++) yield Buffer.alloc(1024 * 1024);
}

/** More than is sent through the channel, and no end. */
async function* stalling(): AsyncGenerator<Uint8Array> {
  yield* pieces(1);
  await new Promise(() => {});
}
