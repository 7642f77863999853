/** Servers that are far away: what a download takes is how many times somebody waits for the other end, whatever the line could carry. */
import { once } from "node:events";
import http2, { type ClientHttp2Session, type ClientHttp2Stream } from "node:http2";
import net, { type Socket } from "node:net";
import { finished } from "node:stream/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Gate, type GateOptions, listening, portOf, startGate } from "./flow-test-kit.js";

const bodyBytes = 8 * 1024 * 1024;
const narrowBytes = 64 * 1024;
const chunk = Buffer.alloc(narrowBytes, "x");
const accepted = new Set<Socket>();
/** What the server has written of bodies. */
let written = 0;
let server: http2.Http2Server;

beforeAll(async () => {
  server = await listening(http2.createServer());
  server.on("connection", (socket: Socket) => accepted.add(socket));
  server.on("stream", (stream, headers) => {
    stream.on("error", () => {}).respond();
    let left = Number(headers[":path"]?.slice(1));
    const more = () => {
      while (left > 0 && stream.writable) {
        written += chunk.length;
        left -= chunk.length;
        if (!stream.write(chunk)) return;
      }
      stream.end();
    };
    stream.on("drain", more);
    more();
  });
});

afterAll(() => {
  for (const socket of accepted) socket.destroy();
  server.close();
});

const holdMs = 25;

/** A line to the server that holds what either side says until that has been silent for a while; and how often the server had its turn. */
class FarLine {
  roundTrips = 0;

  async dial(): Promise<Socket> {
    const relay = await listening(
      net.createServer((near) => {
        relay.close();
        const far = net.connect(portOf(server), "127.0.0.1");
        this.#hold(near, far, () => {});
        this.#hold(far, near, () => this.roundTrips++);
      }),
    );
    const socket = net.connect(portOf(relay), "127.0.0.1");
    await once(socket, "connect");
    return socket;
  }

  #hold(from: Socket, to: Socket, passed: () => void): void {
    let held: Buffer[] = [];
    const pass = () => {
      to.write(Buffer.concat(held));
      held = [];
      passed();
    };
    let timer: NodeJS.Timeout | undefined;
    from.on("data", (bytes) => {
      held.push(bytes);
      clearTimeout(timer);
      timer = setTimeout(pass, holdMs);
    });
    from.on("error", () => {}).on("close", () => to.destroy());
  }
}

interface Program extends AsyncDisposable {
  readonly gate: Gate;
  readonly session: ClientHttp2Session;
  get(bytes: number): ClientHttp2Stream;
}

async function program(options: Partial<GateOptions> = {}): Promise<Program> {
  const gate = await startGate({ scheme: "http", servers: { "example.com:80": server }, ...options });
  const settings = { initialWindowSize: narrowBytes };
  const session = http2.connect(`http://127.0.0.1:${gate.port}`, { settings });
  session.on("error", () => {});
  return {
    ...{ gate, session },
    get: (bytes) => session.request({ ":authority": "example.com", ":path": `/${bytes}` }).on("error", () => {}),
    [Symbol.asyncDispose]: async () => {
      session.destroy();
      await gate[Symbol.asyncDispose]();
    },
  };
}

async function download(stream: ClientHttp2Stream): Promise<number> {
  let bytes = 0;
  stream.on("data", (data) => (bytes += data.length));
  await finished(stream);
  return bytes;
}

describe("a download of 8 MiB over a line that holds what is said for 25 ms each way", () => {
  test("waits a few times for its server, and gives its windows back", { timeout: 60_000 }, async () => {
    const line = new FarLine();
    await using far = await program({ dial: () => line.dial() });
    const before = far.gate.windows.freeBytes;
    expect(await download(far.get(bodyBytes))).toBe(bodyBytes);
    // With one narrow window each it would be 128.
    expect(line.roundTrips).toBeLessThan(40);
    await expect.poll(() => far.gate.windows.freeBytes).toBe(before);
  });

  test("waits for every window where the budget is used up", { timeout: 60_000 }, async () => {
    const line = new FarLine();
    await using far = await program({ dial: () => line.dial(), windowBytes: 0 });
    expect(await download(far.get(bodyBytes / 8))).toBe(bodyBytes / 8);
    expect(line.roundTrips).toBeGreaterThanOrEqual(16);
  });
});

test("streams that nobody reads are held in narrow windows and the budget, on as many connections as it takes", async () => {
  const windowBytes = 2 * 1024 * 1024;
  await using far = await program({ windowBytes });
  await download(far.get(bodyBytes));
  written = 0;
  // The first has read enough to be wide; the others come then.
  const first = far.get(64 * bodyBytes);
  await new Promise<void>((resolve) => {
    let bytes = 0;
    first.on("data", (data) => {
      bytes += data.length;
      if (bytes > bodyBytes) resolve();
    });
  });
  first.pause();
  const unread = Array.from({ length: 60 }, () => far.get(bodyBytes));
  await Promise.all(unread.map((each) => new Promise((resolve) => each.once("response", resolve))));
  expect(far.gate.windows.freeBytes).toBeGreaterThanOrEqual(0);
  expect(far.gate.dialled.length).toBeGreaterThan(1);
  for (let before = -1; written !== before; ) {
    before = written;
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
  // Of each stream: its window, the program's, and what lies in between.
  expect(written - bodyBytes).toBeLessThan(windowBytes + 61 * 4 * narrowBytes + 8 * 1024 * 1024);
  for (const each of [first, ...unread]) each.close(http2.constants.NGHTTP2_CANCEL);
  await expect.poll(() => far.gate.windows.freeBytes).toBe(windowBytes);
});
