/** What a server may send back on HTTP/1, byte by byte: a program gets what it means, or sees that it is broken. */
import net, { type Socket } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { closed, type Gate, listening, rawExchange, startGate } from "./flow-test-kit.js";

const request = "GET /x HTTP/1.1\r\nHost: example.com\r\nConnection: close\r\n\r\n";
const opened = new Set<net.Server>();

afterEach(async () => {
  await Promise.all([...opened].map(closed));
  opened.clear();
});

/** A server that plays this for each connection, once something has been asked. */
async function playing(play: (socket: Socket) => void): Promise<net.Server> {
  const server = net.createServer((socket) => {
    socket.on("error", () => {});
    socket.once("data", () => play(socket));
  });
  opened.add(server);
  return listening(server);
}

async function through<T>(play: (socket: Socket) => void, use: (gate: Gate) => Promise<T>): Promise<T> {
  await using gate = await startGate({ scheme: "http", servers: { "example.com:80": await playing(play) } });
  const result = await use(gate);
  await expect.poll(() => gate.programs.size + gate.upstreams.size, { timeout: 10_000 }).toBe(0);
  expect(gate.decisions).toHaveLength(1);
  return result;
}

const answering = (bytes: string) => (socket: Socket) => void socket.end(Buffer.from(bytes, "latin1"));

test.each([
  ["no HTTP", "SSH-2.0-OpenSSH_9.2\r\n"],
  ["a status that is none", "HTTP/1.1 abc OK\r\n\r\n"],
  ["a length and chunks", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"],
  ["two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd"],
  ["a space before a colon", "HTTP/1.1 200 OK\r\nContent-Length : 3\r\n\r\nabc"],
  ["a bare CR in a header", "HTTP/1.1 200 OK\r\nX: a\rSet-Cookie: b\r\nContent-Length: 0\r\n\r\n"],
  ["a NUL in a header", "HTTP/1.1 200 OK\r\nX: a\0b\r\nContent-Length: 0\r\n\r\n"],
  ["a head without end", `HTTP/1.1 200 OK\r\n${"X: y\r\n".repeat(100_000)}`],
])("%s: is a 502 for the program", async (_, bytes) => {
  await through(answering(bytes), async (gate) => {
    const seen = await rawExchange(gate.port, request);
    expect(seen).toMatch(/^HTTP\/1\.1 502 Bad Gateway\r\n/);
    expect(seen).toContain('by rule "upstream-answer"');
    expect(seen).not.toContain("Set-Cookie");
    expect(gate.decisions).toMatchObject([{ verdict: "Deny", rule: "upstream-answer" }]);
  });
});

test.each([
  ["nothing", ""],
  ["half a head", "HTTP/1.1 200 OK\r\nX: y"],
  [
    "another protocol, which nobody asked for",
    "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n",
  ],
])("%s and the end: ends the program's connection too", async (_, bytes) => {
  await through(answering(bytes), async (gate) => {
    expect(await rawExchange(gate.port, request)).toBe("");
    expect(gate.decisions[0]?.reason).toMatch(/it broke off/);
  });
});

describe("an answer that is not whole", () => {
  test.each([
    ["less than its length", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc"],
    ["chunks without the last", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"],
    ["chunks that break", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nzz\r\n"],
  ])("%s: is seen not to be whole", async (_, bytes) => {
    await through(answering(bytes), async (gate) => {
      const seen = await rawExchange(gate.port, request);
      expect(seen).toContain("abc");
      expect(seen).not.toMatch(/\r\n0\r\n\r\n$/);
      expect(gate.decisions[0]?.reason).toMatch(/it broke off/);
    });
  });
});

describe("an answer that is more than it says", () => {
  test.each([
    [
      "a second answer behind it",
      "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil",
    ],
    ["bytes behind it", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcevil"],
    ["a body behind 204", "HTTP/1.1 204 No Content\r\nContent-Length: 4\r\n\r\nevil"],
    ["a body behind 304", "HTTP/1.1 304 Not Modified\r\nContent-Length: 4\r\n\r\nevil"],
  ])("%s: is cut at what it says", async (_, bytes) => {
    await through(answering(bytes), async (gate) => {
      const seen = await rawExchange(gate.port, request);
      expect(seen).not.toContain("evil");
      expect(seen.match(/HTTP\/1\.1/g)).toHaveLength(1);
    });
  });

  test("what it sends before it is asked again is nobody's answer", async () => {
    const play = (socket: Socket) => {
      socket.write("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc");
      setTimeout(() => socket.write("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"), 20);
    };
    await using gate = await startGate({ scheme: "http", servers: { "example.com:80": await playing(play) } });
    const socket = net.connect(gate.port, "127.0.0.1");
    let seen = "";
    socket.on("data", (chunk) => (seen += chunk));
    socket.write("GET /a HTTP/1.1\r\nHost: example.com\r\n\r\n");
    await expect.poll(() => seen).toContain("abc");
    await expect.poll(() => gate.upstreams.size).toBe(0);
    socket.write("GET /b HTTP/1.1\r\nHost: example.com\r\n\r\n");
    await expect.poll(() => seen.match(/abc/g)).toHaveLength(2);
    expect(seen).not.toContain("evil");
    socket.destroy();
  });
});

test("of answers ahead of the answer only some are passed on, so that they cannot pile up", async () => {
  const hint = "HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n";
  const bytes = `${hint.repeat(1_000)}HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n`;
  await through(answering(bytes), async (gate) => {
    const seen = await rawExchange(gate.port, request);
    expect(seen.match(/HTTP\/1\.1 103/g)?.length).toBeLessThan(50);
    expect(seen).toContain("HTTP/1.1 200 OK");
  });
});

test("headers of the connection stay on it", async () => {
  const bytes =
    "HTTP/1.1 200 OK\r\nConnection: X-Own, keep-alive\r\nX-Own: 1\r\nKeep-Alive: timeout=7\r\nProxy-Authenticate: Basic\r\nUpgrade: h2c\r\nX-Kept: 1\r\nContent-Length: 0\r\n\r\n";
  await through(answering(bytes), async (gate) => {
    const seen = await rawExchange(gate.port, request);
    expect(seen).toBe("HTTP/1.1 200 OK\r\nX-Kept: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
  });
});

test("an answer until the connection's end arrives whole", async () => {
  await through(answering(`HTTP/1.0 200 OK\r\n\r\n${"abc".repeat(1_000)}`), async (gate) => {
    const seen = await rawExchange(gate.port, request);
    expect(seen.match(/abc/g)).toHaveLength(1_000);
    expect(seen).toMatch(/\r\n0\r\n\r\n$/);
  });
});

test("an answer before the body has come is passed on, and the rest of the body is nobody's", async () => {
  const answer = "HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\nConnection: close\r\n\r\nbig";
  await through(
    (socket) => socket.end(answer),
    async (gate) => {
      const socket = net.connect(gate.port, "127.0.0.1");
      let seen = "";
      socket.on("data", (chunk) => (seen += chunk));
      socket.on("error", () => {});
      socket.write("POST / HTTP/1.1\r\nHost: example.com\r\nContent-Length: 1000000\r\n\r\nsome");
      await expect.poll(() => seen).toContain("big");
      socket.destroy();
    },
  );
});

test("a server that never answers is let go when the program goes", async () => {
  await through(
    () => {},
    async (gate) => {
      const socket = net.connect(gate.port, "127.0.0.1");
      socket.write(request);
      await expect.poll(() => gate.upstreams.size).toBe(1);
      socket.resetAndDestroy();
      await expect.poll(() => gate.upstreams.size).toBe(0);
      await expect.poll(() => gate.decisions.at(0)?.reason).toMatch(/the program was gone/);
    },
  );
});
