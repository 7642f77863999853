/** The listener, before programs that take a request and say nothing. */
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { afterEach, expect, onTestFinished, test } from "vitest";
import { say, visit } from "../ingress-test-kit.js";
import { Connections } from "./connections.js";
import { Daemon } from "./daemon.js";
import type { Lines } from "./lines.js";
import { Routes } from "./routes.js";
import { listenForVisitors } from "./server.js";

/** With the connecting. */
const littleMs = 1_000;
const patiently = { timeout: 30_000 };
const left: Socket[] = [];
afterEach(() => {
  for (const socket of left.splice(0)) socket.destroy();
});

/** A preview of a program that takes connections; what it says on them is the test's. */
async function previewOf(program: (connection: Socket) => void, patienceMs = littleMs) {
  const server = createServer((connection) => void program(connection.on("error", () => {}))).listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  const connected = async () => {
    const socket = connect((server.address() as AddressInfo).port, "127.0.0.1");
    left.push(socket);
    await once(socket, "connect");
    return socket;
  };
  let visits = 0;
  const visit = () => {
    visits++;
    return () => void visits--;
  };
  const lines: Pick<Lines, "connect" | "visit"> = { connect: connected, visit };
  const routes = new Routes();
  const sandboxId = randomUUID();
  routes.put(sandboxId, { ports: [{ port: 3000, auth: { anonymous: true } }], linkKey: "" });
  const port = await listenForVisitors({
    ...{ host: "127.0.0.1", port: 0, domain: "localhost", trustedProxies: [], patienceMs },
    ...{ routes, lines, connections: new Connections(lines), daemon: new Daemon(() => {}) },
  });
  return { url: `http://3000-${sandboxId}.localhost:${port}/`, port, visits: () => visits };
}

test("a program that takes a request and says nothing: 504 with a page that says so, and its connection is given up", async () => {
  const taken: Socket[] = [];
  const { url, visits } = await previewOf((connection) => void taken.push(connection.resume()));
  const seen = await visit(url, { headers: { accept: "text/html" } });
  expect(seen.status).toBe(504);
  expect(seen.text).toContain("It took the request on port 3000, and said nothing in time.");
  await expect.poll(() => taken.map(({ destroyed }) => destroyed), patiently).toEqual([true]);
  await expect.poll(visits, patiently).toBe(0);
});

test("half a head is no answer: 504, to a WebSocket too", async () => {
  const { url, port } = await previewOf((connection) => void connection.write("HTTP/1.1 200 OK\r\ncontent-type: te"));
  expect((await visit(url)).status).toBe(504);
  const handshake = `GET / HTTP/1.1\r\nHost: ${new URL(url).host}\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n`;
  expect(await say(port, handshake)).toMatch(/^HTTP\/1\.1 504 The program does not answer\r\n/);
});

test("an answer that has begun has all the time that it wants", async () => {
  const { url } = await previewOf((connection) => {
    connection.write("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nslow");
    // Longer than the patience, which has run since before the connection.
    setTimeout(() => connection.end("ly"), littleMs);
  });
  expect((await visit(url)).text).toBe("slowly");
});
