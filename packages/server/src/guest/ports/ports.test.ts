/** Connections to ports, with the real agent and the real relay: what listens here stands for the guest's programs. */
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { buffer, text } from "node:stream/consumers";
import { AlcoveError } from "@alcove/contract";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { connectGuest } from "../connect.js";
import type { Guest } from "../guest.js";
import { type RealAgent, startRealAgent } from "../real-agent-test-kit.js";
import { startRelay, type TestRelay } from "../relay/relay-test-kit.js";
import { connectPort } from "./connect-port.js";
import { portSession } from "./ports.js";

const { signal } = new AbortController();

async function listen(handle: (socket: Socket) => void, host = "127.0.0.1"): Promise<number> {
  const open = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    open.add(socket.on("error", () => {}));
    handle(socket);
  });
  server.listen(0, host);
  await once(server, "listening");
  onTestFinished(() => {
    for (const socket of open) socket.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

const echo = (socket: Socket) => void socket.pipe(socket);

async function failureOf(promise: Promise<unknown>): Promise<string> {
  return await promise.then(
    () => "none",
    (error) => (error instanceof AlcoveError ? error.code : String(error)),
  );
}

describe.each(["direct", "relay"] as const)("through the %s", (way) => {
  let agent: RealAgent;
  let relay: TestRelay | undefined;
  let guest: Guest;

  beforeAll(async () => {
    agent = await startRealAgent(AbortSignal.timeout(120_000));
    relay = way === "relay" ? startRelay() : undefined;
    guest = await connectGuest(agent.open, { signal: AbortSignal.timeout(60_000), relay: relay?.relay });
  }, 180_000);

  afterAll(async () => {
    await guest?.close();
    await relay?.[Symbol.asyncDispose]();
    await agent?.[Symbol.asyncDispose]();
  });

  async function connect(port: number): Promise<Duplex> {
    const stream = await guest.ports.connect(port, signal);
    onTestFinished(() => void stream.on("error", () => {}).destroy());
    return stream;
  }

  test("what is sent comes back whole, however large, and an end in either direction is told", async () => {
    const stream = await connect(await listen(echo));
    const sent = randomBytes(3 * 1024 * 1024 + 17);
    stream.end(sent);
    const back = await buffer(stream);
    expect(hashOf(back)).toBe(hashOf(sent));
  });

  test("a program may end its direction first", async () => {
    const heard: Promise<string>[] = [];
    const port = await listen((socket) => {
      socket.end("first");
      heard.push(text(socket));
    });
    const stream = await connect(port);
    const [first] = await once(stream, "data");
    expect(String(first)).toBe("first");
    if (!stream.readableEnded) await once(stream, "end");
    stream.end("then");
    expect(await heard[0]).toBe("then");
  });

  test("a program that does not read stops the writer, and nobody else", async () => {
    const stuck = await connect(await listen((socket) => void socket.pause()));
    const piece = Buffer.alloc(64 * 1024);
    // Its window, the kernel's buffers of the program's connection, and the stream's own.
    let written = 0;
    const stop = AbortSignal.timeout(30_000);
    while (!stop.aborted) {
      if (!stuck.write(piece)) {
        const isTaken = await Promise.race([once(stuck, "drain").then(() => true), pause(400)]);
        if (isTaken !== true) break;
      }
      written += piece.length;
    }
    expect(written).toBeLessThan(64 * 1024 * 1024);
    const other = await connect(await listen(echo));
    other.end("still");
    expect(await text(other)).toBe("still");
  }, 60_000);

  test("nobody listening is told as such", async () => {
    expect(await failureOf(guest.ports.connect(1, signal))).toBe("PortRefused");
  });

  test("a connection that breaks off never looks whole", async () => {
    const port = await listen((socket) => {
      socket.once("data", () => socket.resetAndDestroy());
    });
    const stream = await connect(port);
    stream.write("x");
    await expect(text(stream)).rejects.toThrow();
  });

  test("one that is given up is reset for the program", async () => {
    const ends: string[] = [];
    const port = await listen((socket) => {
      socket.on("error", () => ends.push("reset")).on("end", () => ends.push("end"));
      socket.on("data", (chunk: Buffer) => ends.push(String(chunk)));
    });
    const stream = await guest.ports.connect(port, signal);
    stream.on("error", () => {});
    stream.write("half");
    await expect.poll(() => ends, { timeout: 10_000 }).toEqual(["half"]);
    stream.destroy(new Error("given up"));
    await expect.poll(() => ends, { timeout: 10_000 }).toEqual(["half", "reset"]);
  });

  test("hundreds at once take nothing from execs", async () => {
    const port = await listen(echo);
    const streams = await Promise.all(Array.from({ length: 400 }, () => connect(port)));
    expect((await guest.health(signal)).version).not.toBe("");
    const answers = streams.map(async (stream, at) => {
      stream.end(`number ${at}`);
      return (await text(stream)) === `number ${at}`;
    });
    expect((await Promise.all(answers)).every(Boolean)).toBe(true);
  }, 60_000);

  test("a line for ports is for nothing else", async () => {
    const line = await guest.ports.openLine(signal);
    const session = portSession(line);
    onTestFinished(() => session.end(new Error("over")));
    const stream = session.request({ ":method": "GET", ":path": "/health" }, false);
    await expect(once(stream, "response")).rejects.toThrow();
    const port = await listen(echo);
    const connection = await connectPort(session, port, signal);
    connection.end("mine");
    expect(await text(connection)).toBe("mine");
  });
});

function hashOf(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
