import http from "node:http";
import https from "node:https";
import net from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import { issue } from "../certificates/authority.js";
import {
  closed,
  type Gate,
  type GateOptions,
  groupAuthority,
  listening,
  noLoopback,
  rawExchange,
  serverAuthority,
  startGate,
} from "./flow-test-kit.js";

let plain: http.Server;
let secure: https.Server;

beforeAll(async () => {
  const { certificate, key } = await issue(serverAuthority, "example.com");
  plain = await listening(http.createServer());
  secure = await listening(https.createServer({ cert: certificate, key }));
  for (const server of [plain, secure]) {
    const sockets = new WebSocketServer({ noServer: true, handleProtocols: () => "chat" });
    server.on("request", (_request, response) => response.writeHead(426, { "X-Why": "not here" }).end("upgrade!"));
    server.on("upgrade", (request, socket, head) => {
      if (request.url === "/refused") {
        socket.end("HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno");
        return;
      }
      sockets.handleUpgrade(request, socket, head, (webSocket) => {
        webSocket.send(`hello, ${request.headers["x-team"]}`);
        webSocket.on("message", (data, isBinary) => webSocket.send(data, { binary: isBinary }));
      });
    });
  }
});

afterAll(async () => {
  plain.closeAllConnections();
  secure.closeAllConnections();
  await Promise.all([closed(plain), closed(secure)]);
});

function connect(gate: Gate, scheme: "http" | "https", path = "/chat"): WebSocket {
  const url = `${scheme === "http" ? "ws" : "wss"}://example.com${path}`;
  const trust = { ca: groupAuthority.certificate, servername: "example.com" };
  const agent = scheme === "http" ? new http.Agent() : new https.Agent(trust);
  const createConnection = (options: object) =>
    agent.createConnection({ ...options, ...trust, host: "127.0.0.1", port: gate.port } as never);
  const socket = new WebSocket(url, ["chat"], { createConnection: createConnection as never });
  socket.on("error", () => {});
  return socket;
}

describe.each([
  ["http", false],
  ["http", true],
  ["https", false],
  ["https", true],
] as const)("a WebSocket over %s, from a stream that is no socket: %s", (scheme, isPlainStream) => {
  const servers = () => ({ "example.com:80": plain, "example.com:443": secure });
  const open = (options: Partial<GateOptions> = {}) =>
    startGate({ scheme, isPlainStream, servers: servers(), ...options });

  test("speaks both ways, and is recorded when it is over, with its bytes", async () => {
    const action = { type: "Transform", headers: [{ operation: "Set", name: "X-Team", value: "blue" }] } as const;
    const rule = { name: "team", match: { host: "example.com", scheme: "any" as const }, action };
    const policy = { defaultAction: "Deny", rules: [rule] } as unknown as NonNullable<GateOptions["policy"]>;
    await using gate = await open({ policy });
    const socket = connect(gate, scheme);
    const messages: string[] = [];
    socket.on("message", (data) => messages.push(String(data)));
    await expect.poll(() => messages).toEqual(["hello, blue"]);
    expect(socket.protocol).toBe("chat");
    const large = "x".repeat(1_000_000);
    socket.send(large);
    await expect.poll(() => messages.at(1)?.length, { timeout: 10_000 }).toBe(large.length);
    expect(gate.decisions).toEqual([]);
    socket.close();
    await expect.poll(() => gate.decisions).toMatchObject([{ verdict: "Allow", rule: "team", path: "/chat" }]);
    expect(gate.decisions[0]?.bytesSent).toBeGreaterThan(1_000_000);
    expect(gate.decisions[0]?.bytesReceived).toBeGreaterThan(1_000_000);
    await expect.poll(() => gate.programs.size + gate.upstreams.size).toBe(0);
  });

  test("that the policy denies, or the server refuses, is answered like any request", async () => {
    const rule = { name: "no", match: { host: "*", path: "/no" }, action: { type: "Deny" as const } };
    await using gate = await open({ policy: { defaultAction: "Allow", rules: [rule] } });
    const answered = (path: string) =>
      new Promise((resolve) => {
        connect(gate, scheme, path).once("unexpected-response", (_request, response) => resolve(response.statusCode));
      });
    expect(await answered("/no")).toBe(403);
    expect(gate.dialled).toEqual([]);
    expect(await answered("/refused")).toBe(401);
    await expect.poll(() => gate.programs.size + gate.upstreams.size, { timeout: 10_000 }).toBe(0);
    expect(gate.decisions.map(({ verdict }) => verdict)).toEqual(["Deny", "Allow"]);
  });

  test("ends when the policy changes and does not let it go on, and not otherwise", async () => {
    await using gate = await open();
    const socket = connect(gate, scheme);
    await new Promise((resolve) => socket.once("message", resolve));
    gate.setPolicy({ defaultAction: "Allow", hostRules: [{ pattern: "other.example", action: "Deny" }] });
    const echoed = new Promise((resolve) => socket.once("message", (data) => resolve(String(data))));
    socket.send("still there");
    expect(await echoed).toBe("still there");
    gate.setPolicy({ defaultAction: "Deny", enforcementMode: "Audit" });
    expect(gate.decisions).toEqual([]);
    const closing = new Promise((resolve) => socket.once("close", resolve));
    gate.setPolicy({ defaultAction: "Deny" });
    await closing;
    await expect.poll(() => gate.programs.size + gate.upstreams.size).toBe(0);
    expect(gate.decisions).toMatchObject([{ verdict: "Deny", rule: "default", isEnforced: true }]);
  });

  test("ends when its server's address may not be reached any more", async () => {
    await using gate = await open();
    const socket = connect(gate, scheme);
    await new Promise((resolve) => socket.once("message", resolve));
    const closing = new Promise((resolve) => socket.once("close", resolve));
    gate.setPolicy(noLoopback);
    await closing;
    await expect.poll(() => gate.programs.size + gate.upstreams.size).toBe(0);
    expect(gate.decisions).toMatchObject([{ verdict: "Deny", rule: "forbidden-address", address: "127.0.0.1" }]);
  });

  test("ends for both when one of them is gone", async () => {
    await using gate = await open();
    const socket = connect(gate, scheme);
    await new Promise((resolve) => socket.once("message", resolve));
    for (const upstream of gate.upstreams) upstream.destroy();
    await new Promise((resolve) => socket.once("close", resolve));
    await expect.poll(() => gate.programs.size).toBe(0);
    const other = connect(gate, scheme);
    await new Promise((resolve) => other.once("message", resolve));
    other.terminate();
    await expect.poll(() => gate.upstreams.size).toBe(0);
    expect(gate.decisions).toHaveLength(2);
  });
});

test("a server that has another protocol in mind is not followed", async () => {
  const server = net.createServer((socket) => {
    socket.on("error", () => {});
    socket.once("data", () => {
      socket.write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n");
    });
  });
  await listening(server);
  await using gate = await startGate({ scheme: "http", servers: { "example.com:80": server } });
  const wish = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x\r\nSec-WebSocket-Version: 13\r\n";
  expect(await rawExchange(gate.port, `GET / HTTP/1.1\r\nHost: example.com\r\n${wish}\r\n`)).toBe("");
  await expect.poll(() => gate.upstreams.size).toBe(0);
  await closed(server);
});
