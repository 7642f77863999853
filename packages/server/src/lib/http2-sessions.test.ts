import { once } from "node:events";
import type { ClientHttp2Session, Http2Session, Http2Stream, ServerHttp2Session, ServerHttp2Stream } from "node:http2";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { setImmediate as nextTurn } from "node:timers/promises";
import { expect, onTestFinished, test } from "vitest";
import { betweenReads, connectHttp2, serveHttp2 } from "./http2-sessions.js";

const path = { ":path": "/" };

const givingUp: [string, (stream: Http2Stream) => void][] = [
  ["destroyed", (stream) => stream.destroy(new Error("enough"))],
  ["closed", (stream) => stream.close(2)],
  ["destroyed with its session", (stream) => stream.session?.destroy()],
];

test.each(givingUp)("a stream that is %s while it is read is so in the next turn", async (_, giveUp) => {
  const { client } = await sessions(answerWhole);
  const stream = watched(client.request(path));
  const seen: string[] = [];
  stream.on("data", () => {
    giveUp(stream);
    seen.push(stateOf(stream));
    process.nextTick(() => seen.push(stateOf(stream)));
  });
  await once(stream, "data");
  await nextTurn();
  seen.push(stateOf(stream));
  expect(seen.slice(0, 2)).toEqual(["open", "open"]);
  expect(seen.at(-1)).toBe("over");
});

test("the server's side waits as well, where it ends a session over its first stream", async () => {
  const seen: string[] = [];
  const { client } = await sessions((stream, session) => {
    session.destroy();
    seen.push(stateOf(stream), session.destroyed ? "destroyed" : "living");
  });
  const stream = watched(client.request(path, { endStream: false }));
  stream.write("a body");
  await once(stream, "close");
  expect(seen).toEqual(["open", "living"]);
});

test("nothing is read any more of what was given up, and its first error is the one that it tells", async () => {
  const { client } = await sessions(answerWhole);
  const stream = client.request(path);
  const errors: string[] = [];
  let reads = 0;
  stream.on("error", (error) => errors.push(error.message));
  stream.on("data", () => {
    reads++;
    stream.destroy(new Error("enough"));
    stream.destroy(new Error("again"));
  });
  stream.on("end", () => errors.push("ended"));
  await closeOf(stream);
  expect(reads).toBe(1);
  expect(errors).toEqual(["enough"]);
});

test("the peer's own end that is read right after leaves the error", async () => {
  const { client } = await sessions((stream) => {
    stream.respond();
    stream.write("a beginning", () => stream.close(8));
  });
  const stream = client.request(path);
  const errors: string[] = [];
  stream.on("error", (error) => errors.push(error.message));
  stream.on("data", () => stream.destroy(new Error("cut off")));
  await closeOf(stream);
  expect(errors).toEqual(["cut off"]);
});

test("with its socket a session ends, and all its streams", async () => {
  const { client, socket } = await sessions(() => {});
  const streams = [1, 2, 3].map(() => watched(client.request(path)));
  await nextTurn();
  const closed = Promise.all(streams.map((stream) => once(stream, "close")));
  socket.destroy();
  await closed;
  await expect.poll(() => client.destroyed).toBe(true);
});

test("what is to happen between reads keeps its order", async () => {
  const { client } = await sessions(() => {});
  const done: string[] = [];
  betweenReads(client, () => {
    done.push("first");
    betweenReads(client, () => done.push("inside"));
    done.push("then");
  });
  betweenReads(client, () => done.push("last"));
  expect(done).toEqual([]);
  await nextTurn();
  expect(done).toEqual(["first", "inside", "then", "last"]);
});

async function sessions(answer: (stream: ServerHttp2Stream, session: ServerHttp2Session) => void): Promise<{
  readonly client: ClientHttp2Session;
  readonly socket: Socket;
}> {
  const server = createServer((accepted) => {
    const session = serveHttp2(accepted, {});
    quiet(session).on("stream", (stream) => answer(watched(stream), session));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const socket = connect((server.address() as AddressInfo).port, "127.0.0.1");
  const client = quiet(connectHttp2("http://server", socket, {}));
  onTestFinished(() => {
    client.destroy();
    server.close();
  });
  await once(client, "remoteSettings");
  return { client, socket };
}

/** Whatever its errors. */
function closeOf(stream: Http2Stream): Promise<void> {
  return new Promise((resolve) => stream.once("close", resolve));
}

/** Several frames in one write, the last of which ends it. */
function answerWhole(stream: ServerHttp2Stream): void {
  stream.respond();
  stream.end(Buffer.alloc(40_000));
}

function stateOf(stream: Http2Stream): string {
  return stream.destroyed || stream.closed ? "over" : "open";
}

function watched<S extends Http2Stream>(stream: S): S {
  stream.on("error", () => {});
  return stream;
}

function quiet<S extends Http2Session>(session: S): S {
  session.on("error", () => {});
  return session;
}
