/** Guests that lie: none of it may cost the daemon more than a bound, and callers get GuestUnresponsive. */
import type { ServerHttp2Stream } from "node:http2";
import type { Socket } from "node:net";
import { setImmediate as immediately } from "node:timers/promises";
import { expect, onTestFinished, test, vi } from "vitest";
import { waitFor } from "../lib/backoff.js";
import { type Answer, answerHello, answering, json, playAgent } from "./agent-test-kit.js";
import { connectGuest } from "./connect.js";
import type { Guest, OpenStream } from "./guest.js";
import { frame } from "./http2-frame-test-kit.js";

const signal = AbortSignal.timeout(120_000);
const health = { version: "1", generation: 3, bootId: "00ff", uptimeMs: 12 };
const MiB = 1024 * 1024;

const lies: [string, Answer][] = [
  ["JSON without end", (stream) => pour(stream, Buffer.from(`{"version":"${"x".repeat(100_000)}`))],
  ["no JSON", (stream) => bytes(stream, "hello")],
  ["JSON of another shape", (stream) => json(stream, { ...health, uptimeMs: "soon" })],
  ["a negative count", (stream) => json(stream, { ...health, generation: -1 })],
  ["a redirect", (stream) => json(stream, {}, 302)],
  ["an error that nobody knows", (stream) => json(stream, { code: "Gotcha", message: "" }, 400)],
  ["an error of another call", (stream) => json(stream, { code: "FileNotFound", message: "x" }, 404)],
  ["an error that is not JSON", (stream) => bytes(stream, "<html>", 500)],
  ["an error without end", (stream) => pour(stream, Buffer.alloc(65_536, "x"), 500)],
  ["a wrong length", (stream) => bytes(stream, JSON.stringify(health), 200, { "content-length": "3" })],
  ["more headers than anyone needs", (stream) => manyHeaders(stream)],
  ["a head before the head", (stream) => heraldedBy(103, stream)],
  ["a reset", (stream) => stream.close(2)],
  ["an end without an answer", (stream) => stream.session?.destroy()],
];

test.each(lies)("an agent that answers with %s is unresponsive, and the daemon stays well", async (_, answer) => {
  await using agent = await playAgent({ agent: answering(answer) });
  const guest = await connectGuest(agent.open, { signal });
  await expect(guest.health(signal)).rejects.toMatchObject({ code: "GuestUnresponsive" });
  await guest.close();
});

test("messages of a guest are made fit to print", async () => {
  const message = `gone\u001b[2J\n${"x".repeat(5_000)}`;
  await using agent = await playAgent({
    agent: answering((stream) => json(stream, { code: "FileNotFound", message }, 404)),
  });
  const guest = await connectGuest(agent.open, { signal });
  const error = (await guest.files.stat("/x", signal).catch((thrown: unknown) => thrown)) as Error;
  expect(error.message).toMatch(/^gone\\u\{1b\}\[2J\\u\{a\}x+…$/);
  expect(error.message.length).toBeLessThan(400);
  await guest.close();
});

test("a silent agent costs a call its deadline, no more and no less", async () => {
  await using agent = await playAgent({ agent: answering(() => {}) });
  const guest = await connectGuest(agent.open, { signal });
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  onTestFinished(() => void vi.useRealTimers());
  let refusal: unknown;
  const call = guest.freeze(1, signal).catch((error: unknown) => {
    refusal = error;
  });
  for (let elapsedMs = 0; elapsedMs < 5_000; elapsedMs += 100) {
    expect(refusal).toBeUndefined();
    vi.advanceTimersByTime(100);
    // What the agent's side says by itself, that it is alive, comes in turns of the real loop.
    for (let turn = 0; turn < 10; turn++) await immediately();
  }
  vi.advanceTimersByTime(1);
  await call;
  expect(refusal).toMatchObject({ code: "GuestUnresponsive", cause: { message: expect.stringContaining("5001 ms") } });
  vi.useRealTimers();
  expect(agent.opened.agent).toBe(1);
  await guest.close();
});

test("a guest that breaks the protocol again and again is not talked to for a while", async () => {
  await using agent = await playAgent({ agent: answering((stream) => bytes(stream, "no")) });
  const guest = await connectGuest(agent.open, { signal });
  const opened = await waitFor(async () => {
    const began = performance.now();
    await expect(guest.health(signal)).rejects.toMatchObject({ code: "GuestUnresponsive" });
    return performance.now() - began < 2 && agent.opened.agent >= 5 ? agent.opened.agent : undefined;
  }, signal);
  for (let call = 0; call < 100; call++) await guest.health(signal).catch(() => {});
  expect(agent.opened.agent).toBe(opened);
  expect(opened).toBeLessThan(10);
  await guest.close();
});

test("a reader that does not read holds the guest back", async () => {
  let sent = 0;
  const chunk = Buffer.alloc(65_536);
  await using agent = await playAgent({
    agent: answering((stream) => {
      stream.respond({ ":status": 200, "x-alcove-size": "1", "x-alcove-mode": "644" });
      const more = () => {
        if (stream.destroyed) return;
        sent += chunk.length;
        stream.write(chunk, more);
      };
      more();
    }),
  });
  const guest = await connectGuest(agent.open, { signal });
  const { content } = await guest.files.read("/x", {}, signal);
  let last = -1;
  await waitFor(
    () => {
      const isSettled = sent === last;
      last = sent;
      return isSettled || undefined;
    },
    signal,
    { firstMs: 200, lastMs: 200 },
  );
  expect(sent).toBeLessThan(4 * MiB);
  content.destroy();
  await guest.close();
});

test("a read gets no more than it asked for", async () => {
  await using agent = await playAgent({
    agent: answering((stream) => bytes(stream, "0123456789", 200, { "x-alcove-size": "10", "x-alcove-mode": "644" })),
  });
  const guest = await connectGuest(agent.open, { signal });
  const { content } = await guest.files.read("/x", { length: 4 }, signal);
  await expect(content.toArray()).rejects.toMatchObject({ code: "GuestUnresponsive" });
  await guest.close();
});

const settings = frame(4, 0, 0);
const floods: [string, Buffer][] = [
  ["pings", frame(6, 0, 0, Buffer.alloc(8))],
  ["answers to pings that nobody sent", frame(6, 1, 0, Buffer.alloc(8))],
  ["settings", frame(4, 0, 0, Buffer.from([0, 3, 0, 0, 0, 9]))],
  ["resets of streams that never were", frame(3, 0, 1, Buffer.alloc(4))],
  ["window updates", frame(8, 0, 0, Buffer.from([0, 0, 0, 1]))],
  ["priorities", frame(2, 0, 1, Buffer.alloc(5))],
  ["frames of unknown kinds", frame(99, 0, 0, Buffer.alloc(1_000))],
  ["empty data", frame(0, 0, 1)],
  ["data on no stream", frame(0, 0, 1, Buffer.alloc(1_000))],
  ["headers without end", frame(9, 0, 1, Buffer.alloc(16_000, 0x40))],
  ["pushed streams", frame(5, 4, 1, Buffer.from([0, 0, 0, 2, 0x82]))],
];

/** Floods that HTTP/2 itself takes for the end: the session is dead without a word, and the next call finds it out. */
const silentEnds = /empty data|data on no stream|headers without end/;

test.each(floods.filter(([name]) => !silentEnds.test(name)))(
  "a flood of %s on the agent's stream ends the session before any call is made",
  async (_, flood) => {
    await using agent = await playAgent({ agent: (socket) => answerHello(socket, () => pourRaw(socket, flood)) });
    await expectFloodEnds(
      () => agent.opened.agent >= 2,
      agent.open,
      async () => {},
    );
  },
);

test.each(floods.filter(([name]) => silentEnds.test(name)))(
  "a flood of %s on the agent's stream costs one call, and the session is replaced",
  async (_, flood) => {
    await using agent = await playAgent({ agent: (socket) => answerHello(socket, () => pourRaw(socket, flood)) });
    await expectFloodEnds(
      () => agent.opened.agent >= 2,
      agent.open,
      async (guest) => {
        await expect(guest.health(signal)).rejects.toMatchObject({ code: "GuestUnresponsive" });
      },
    );
  },
  30_000,
);

test.each([...floods, ["requests", request()] as [string, Buffer]])(
  "a flood of %s on the host's stream ends the session within bounds, and calls go on",
  async (_, flood) => {
    let socket: Socket | undefined;
    let before = -1;
    await using agent = await playAgent({
      agent: answering((stream) => json(stream, health)),
      host: (opened) => {
        socket = opened;
        answerHello(opened, () => pourRaw(opened, flood, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"));
      },
    });
    // Either the session is given up, or nothing more is read from it.
    const isOver = () => {
      const taken = (socket?.bytesWritten ?? 0) - (socket?.writableLength ?? 0);
      const isStill = taken === before && taken > 0;
      before = taken;
      return agent.opened.host >= 2 || isStill;
    };
    await expectFloodEnds(isOver, agent.open, async (guest) => {
      expect(await guest.health(signal)).toEqual(health);
    });
  },
);

/** It is over soon, with little memory spent, and meanwhile calls do what they should. */
async function expectFloodEnds(
  isOver: () => boolean,
  open: OpenStream,
  call: (guest: Guest) => Promise<void>,
): Promise<void> {
  const before = process.memoryUsage.rss();
  const guest = await connectGuest(open, { signal });
  const calling = call(guest);
  const began = performance.now();
  await waitFor(() => isOver() || undefined, signal, { firstMs: 300, lastMs: 300 });
  expect(performance.now() - began).toBeLessThan(8_000);
  expect(process.memoryUsage.rss() - before).toBeLessThan(100 * MiB);
  await calling;
  await guest.close();
}

/** Sends the same again and again, as fast as it is taken; requests get ascending stream ids. */
function pourRaw(socket: Socket, flood: Buffer, preface = ""): void {
  let streamId = 1;
  const isRequest = flood.readUInt8(3) === 1;
  const batch = () => {
    const frames = Array.from({ length: Math.ceil(65_536 / flood.length) }, () => {
      if (!isRequest) return flood;
      const copy = Buffer.from(flood);
      copy.writeUInt32BE(streamId, 5);
      streamId += 2;
      return copy;
    });
    return Buffer.concat(frames);
  };
  socket.write(Buffer.concat([Buffer.from(preface), settings]));
  socket.resume();
  const more = () => {
    if (!socket.destroyed) socket.write(batch(), () => setImmediate(more));
  };
  more();
}

/** GET /x, with indexed headers. */
function request(): Buffer {
  return frame(1, 5, 1, Buffer.from([0x82, 0x86, 0x84, 0x01, 0x01, 0x78]));
}

function bytes(stream: ServerHttp2Stream, body: string, status = 200, headers: Record<string, string> = {}): void {
  stream.respond({ ":status": status, ...headers });
  stream.end(body);
}

function heraldedBy(status: number, stream: ServerHttp2Stream): void {
  stream.additionalHeaders({ ":status": status });
  json(stream, health);
}

function pour(stream: ServerHttp2Stream, chunk: Buffer, status = 200): void {
  stream.respond({ ":status": status });
  const more = () => {
    if (!stream.destroyed) stream.write(chunk, more);
  };
  more();
}

function manyHeaders(stream: ServerHttp2Stream): void {
  const headers = Object.fromEntries(Array.from({ length: 500 }, (_, index) => [`x-${index}`, "v".repeat(100)]));
  stream.respond({ ":status": 200, ...headers });
  stream.end(JSON.stringify(health));
}
