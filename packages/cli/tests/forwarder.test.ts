/** Forwarded connections with the real server and SDK over the fake engine: what listens in the sandbox is the test's. */
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { buffer, text } from "node:stream/consumers";
import { Alcove, type Sandbox } from "alcove";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { type Served, serve } from "../../server/src/http/serve-for-tests.js";
import { type Forwarder, openForwarder } from "../src/ports/forwarder.js";

const remotePort = 5432;
let served: Served;
let alcove: Alcove;
let sandbox: Sandbox;
let forwarder: Forwarder;
let failures: unknown[];

beforeAll(async () => {
  served = await serve();
  alcove = new Alcove({ socketPath: served.socketPath });
  sandbox = await alcove.sandboxes.create({ image: "debian" });
});
afterAll(async () => {
  alcove[Symbol.dispose]();
  await served[Symbol.asyncDispose]();
});
beforeEach(async () => {
  failures = [];
  forwarder = await openForwarder({
    address: "127.0.0.1",
    localPort: 0,
    remotePort,
    connect: (signal) => sandbox.ports.connect(remotePort, { signal }),
    onFailure: (failure) => void failures.push(failure),
  });
});
afterEach(() => forwarder.close());

function listen(accept: ((connection: Duplex) => void) | undefined): void {
  const listeners = served.machines.get(sandbox.id)?.listeners;
  if (accept === undefined) listeners?.delete(remotePort);
  else listeners?.set(remotePort, accept);
}

const dial = (): Socket => connect({ port: forwarder.port, host: "127.0.0.1", allowHalfOpen: true });
const echo = (connection: Duplex) => void connection.pipe(connection);

test("several connections at once carry what is large in both directions", async () => {
  listen(echo);
  const sent = Array.from({ length: 4 }, () => randomBytes(2_000_003));
  const back = sent.map((bytes) => {
    const socket = dial();
    socket.end(bytes);
    return buffer(socket);
  });
  const same = (await Promise.all(back)).map((bytes, at) => Buffer.compare(bytes, sent[at] as Buffer));
  expect(same).toEqual([0, 0, 0, 0]);
  expect(failures).toEqual([]);
});

/** Until its end; unlike the consumers of `node:stream` it leaves the other direction open. */
async function heardOf(stream: Duplex): Promise<string> {
  let heard = "";
  stream.on("data", (chunk) => (heard += chunk));
  await once(stream, "end");
  return heard;
}

test("either side may end its direction first", async () => {
  listen((connection) => void heardOf(connection).then((heard) => connection.end(`heard ${heard}`)));
  const first = dial();
  first.end("all");
  expect(await heardOf(first)).toBe("heard all");
  const last = new Promise<string>((resolve) =>
    listen((connection) => {
      connection.end("bye");
      heardOf(connection).then(resolve, () => undefined);
    }),
  );
  const second = dial();
  expect(await heardOf(second)).toBe("bye");
  second.end("still here");
  expect(await last).toBe("still here");
  expect(failures).toEqual([]);
});

test("where nothing listens, or the program breaks off, that connection is reset and told, and others go on", async () => {
  listen(echo);
  const stays = dial();
  stays.write("one");
  await once(stays, "data");
  listen(undefined);
  const [refused] = (await once(dial().resume(), "error")) as [NodeJS.ErrnoException];
  expect(refused.code).toBe("ECONNRESET");
  listen((connection) => connection.write("half", () => connection.destroy()));
  const [broken] = (await once(dial().resume(), "error")) as [NodeJS.ErrnoException];
  expect(broken.code).toBe("ECONNRESET");
  const both = [{ code: "PortRefused" }, { code: "PortReset" }];
  await vi.waitFor(() => expect(failures).toMatchObject(both), { timeout: 20_000 });
  stays.end("two");
  expect(await text(stays)).toBe("two");
});

test("a client that goes away is no failure, and its program hears of it", async () => {
  const accepted = new Promise<Duplex>((resolve) => listen(resolve));
  const socket = dial();
  socket.write("hello");
  const program = await accepted;
  await once(program, "data");
  const closed = once(program, "close");
  socket.resetAndDestroy();
  await closed;
  expect(failures).toEqual([]);
});

test("what cannot be listened on is told with the address", async () => {
  const taken = openForwarder({
    ...{ address: "127.0.0.1", localPort: forwarder.port, remotePort, onFailure: () => undefined },
    connect: () => Promise.reject(new Error("not asked")),
  });
  await expect(taken).rejects.toMatchObject({
    message: `127.0.0.1:${forwarder.port} cannot be listened on: something else listens there.`,
    hint: expect.stringContaining(`0:${remotePort} takes any`),
  });
});
