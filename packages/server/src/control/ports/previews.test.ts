/** Previews from end to end: control over the fake engine, the gateway's real process, real sockets, and real servers as the programs. */
import { createServer, type IncomingMessage, type RequestListener } from "node:http";
import type { AddPort, Sandbox } from "@alcove/contract";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import type { Worker } from "../../host/worker.js";
import type { IngressGateway } from "../../ingress/ingress.js";
import { say, startIngress, visit } from "../../ingress/ingress-test-kit.js";
import { debian, group, never, type TestDaemon, TestHost } from "../test-daemon.js";

let host: TestHost;
let ingress: IngressGateway;
let daemon: TestDaemon;
const workers: Worker[] = [];

beforeAll(async () => {
  host = new TestHost();
  ingress = startIngress({ trustedProxies: ["127.0.0.2/32"] }, (worker) => workers.push(worker));
  daemon = await host.daemon({ options: { ingress } });
}, 60_000);
afterAll(async () => {
  await host[Symbol.asyncDispose]();
  await ingress.close();
});

const anonymous = { anonymous: true };

async function sandboxWith(
  ...ports: AddPort[]
): Promise<Sandbox & { url: string; ref: { group: string; id: string } }> {
  const sandbox = await daemon.control.sandboxes.create(group, { ...debian, ports }, never);
  return { ...sandbox, url: sandbox.ports?.[0]?.url ?? "", ref: { group, id: sandbox.id } };
}

function listen(sandboxId: string, port: number, answer: RequestListener): void {
  const server = createServer(answer);
  serveOn(sandboxId, port, server);
}

function serveOn(sandboxId: string, port: number, server: ReturnType<typeof createServer>): void {
  host.fake.machines.get(sandboxId)?.listeners.set(port, (connection) => void server.emit("connection", connection));
}

/** Byte for byte, whatever it is asked. */
function sayOn(sandboxId: string, answer: string): void {
  host.fake.machines
    .get(sandboxId)
    ?.listeners.set(3000, (connection) => connection.once("data", () => connection.end(answer, "latin1")));
}

const tell: RequestListener = (request, response) => {
  response.setHeader("content-type", "application/json");
  response.end(JSON.stringify({ url: request.url, headers: request.headers }));
};

async function anonymousPreview(answer: RequestListener = tell) {
  const sandbox = await sandboxWith({ port: 3000, auth: anonymous });
  listen(sandbox.id, 3000, answer);
  return sandbox;
}

test("its address is in the answer of the create, and answers what the program does", async () => {
  const { id, url, ports } = await anonymousPreview();
  const address = await ingress.address();
  expect(url).toBe(`http://3000-${id}.localhost:${address?.port}/`);
  expect(ports?.[0]?.pathUrl).toBe(`http://localhost:${address?.port}/preview/${id}/3000/`);
  const seen = await visit(`${url}hello`);
  expect([seen.status, JSON.parse(seen.text).url]).toEqual([200, "/hello"]);
});

test("the program sees its host, who comes, and a path byte for byte", async () => {
  const { id, url } = await anonymousPreview();
  const path = "/a%2Fb%20c/..%2f//x;y?q=%41&q=2&%5B%5D=";
  const seen = await visit(url, { path, headers: { "x-forwarded-for": "6.6.6.6", forwarded: "for=6.6.6.6" } });
  const { url: target, headers } = JSON.parse(seen.text);
  expect(target).toBe(path);
  expect(headers).toMatchObject({
    host: new URL(url).host,
    "x-forwarded-host": new URL(url).host,
    "x-forwarded-proto": "http",
    "x-forwarded-for": "127.0.0.1",
  });
  expect(headers.forwarded).toBeUndefined();
  expect(id).toBeTruthy();
});

describe("who may come", () => {
  test("nobody without a key or a link; a WebSocket is answered with 401 too", async () => {
    const { id, url } = await sandboxWith({ port: 3000 });
    listen(id, 3000, tell);
    const seen = await visit(url, { headers: { accept: "text/html" } });
    expect(seen.status).toBe(401);
    expect(seen.text).toContain("Ask its owner for a link");
    const socket = new WebSocket(url.replace("http", "ws").replace(/[^/]*localhost/, "127.0.0.1"), {
      headers: { host: new URL(url).host },
    });
    const refused = await new Promise<IncomingMessage>((resolve) =>
      socket.on("unexpected-response", (_r, answer) => resolve(answer)).on("error", () => {}),
    );
    expect([refused.statusCode, refused.headers.location]).toEqual([401, undefined]);
  });

  test("a key of the group's, which the program does not see", async () => {
    const { id, url, ref } = await sandboxWith({ port: 3000 });
    listen(id, 3000, tell);
    const key = await daemon.control.keys.createForGroup(
      ref.group,
      { name: "k", role: "user" },
      daemon.control.access.owner,
    );
    const reader = await daemon.control.keys.createForGroup(
      ref.group,
      { name: "r", role: "reader" },
      daemon.control.access.owner,
    );
    for (const headers of [{ "x-alcove-key": key.key }, { authorization: `Bearer ${key.key}` }]) {
      const seen = await visit(url, { headers });
      expect(seen.status).toBe(200);
      expect(seen.text).not.toContain(key.key);
    }
    expect((await visit(url, { headers: { "x-alcove-key": reader.key } })).status).toBe(401);
    expect((await visit(url, { headers: { "x-alcove-key": "alc_no" } })).status).toBe(401);
  });

  test("a signed link: a browser gets a cookie for it, and the program sees neither", async () => {
    const { id, url, ref } = await sandboxWith({ port: 3000 }, { port: 4000 });
    listen(id, 3000, tell);
    listen(id, 4000, tell);
    const { url: link } = await daemon.control.ports.link(ref, { port: 3000 });
    const direct = await visit(`${link}&a=1`);
    expect([direct.status, JSON.parse(direct.text).url]).toEqual([200, "/?a=1"]);
    const exchanged = await visit(`${link}&a=1`, { headers: { accept: "text/html", "sec-fetch-mode": "navigate" } });
    expect([exchanged.status, exchanged.headers.location]).toEqual([303, `${url}?a=1`]);
    const setCookie = exchanged.headers["set-cookie"]?.[0] ?? "";
    expect(setCookie).toMatch(/HttpOnly; SameSite=Lax$/);
    expect(setCookie).not.toMatch(/domain/i);
    const cookie = setCookie.split(";")[0] ?? "";
    const seen = await visit(url, { headers: { cookie: `theirs=1; ${cookie}` } });
    expect([seen.status, JSON.parse(seen.text).headers.cookie]).toEqual([200, "theirs=1"]);
    const elsewhere = new URL(link);
    const away = await visit(link, {
      path: `//evil.example/${elsewhere.search}`,
      headers: { accept: "text/html", "sec-fetch-mode": "navigate" },
    });
    expect(away.headers.location).toBe(`${url}/evil.example/`);
    // Neither is of any use at another port, nor is one as the other.
    const other = url.replace("3000-", "4000-");
    expect((await visit(other, { headers: { cookie } })).status).toBe(401);
    expect((await visit(link.replace("3000-", "4000-"))).status).toBe(401);
    expect((await visit(`${url}?alcove-pass=${cookie.split("=")[1]}`)).status).toBe(401);
    expect((await visit(`${link.slice(0, -1)}${link.endsWith("A") ? "E" : "A"}`)).status).toBe(401);
  });

  test("the cookie lets in who comes from this preview, or from where the port says, and from no other page", async () => {
    const cors = { allowOrigins: ["https://app.example.com"] };
    const { id, url, ref } = await sandboxWith({ port: 3000, cors }, { port: 4000 });
    listen(id, 3000, tell);
    const { url: link } = await daemon.control.ports.link(ref, { port: 3000 });
    const { headers } = await visit(link, { headers: { accept: "text/html" } });
    const cookie = headers["set-cookie"]?.[0]?.split(";")[0] ?? "";
    const from = async (sent: Record<string, string>, method = "GET") =>
      (await visit(url, { method, headers: { cookie, ...sent } })).status;
    const own = new URL(url).origin;
    const sibling = own.replace("3000-", "4000-");
    const navigation = { "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document" };
    expect(await from({})).toBe(200);
    // In the clear browsers say no more than this.
    const inTheClear = { "user-agent": "Mozilla/5.0" };
    expect(await from(inTheClear)).toBe(403);
    expect(await from({ ...inTheClear, referer: `${sibling}/` })).toBe(403);
    expect(await from({ ...inTheClear, referer: `${own}/page` })).toBe(200);
    expect(await from({ ...inTheClear, accept: "text/html" })).toBe(200);
    expect(await from({ ...inTheClear, accept: "text/html" }, "POST")).toBe(403);
    expect(await from({ origin: own }, "POST")).toBe(200);
    expect(await from({ origin: "https://app.example.com", "sec-fetch-site": "cross-site" }, "POST")).toBe(200);
    expect(await from({ origin: "null", "sec-fetch-site": "same-origin" }, "POST")).toBe(200);
    expect(await from({ "sec-fetch-site": "none", "sec-fetch-mode": "navigate" })).toBe(200);
    expect(await from(navigation)).toBe(200);
    expect(await from({ ...navigation, origin: sibling }, "POST")).toBe(403);
    expect(await from({ origin: sibling })).toBe(403);
    expect(await from({ origin: sibling, "sec-fetch-site": "same-site" }, "POST")).toBe(403);
    expect(await from({ "sec-fetch-site": "same-site", "sec-fetch-mode": "no-cors" })).toBe(403);
    const handshake = `GET / HTTP/1.1\r\nHost: ${new URL(url).host}\r\nConnection: upgrade\r\nUpgrade: websocket\r\n`;
    const answer = await say(Number(new URL(url).port), `${handshake}Cookie: ${cookie}\r\nOrigin: ${sibling}\r\n\r\n`);
    expect(answer).toMatch(/^HTTP\/1\.1 403 [\s\S]*allowOrigins/);
  });

  test("from where the rules of the port let somebody come, behind a proxy that is trusted too", async () => {
    const ipAccessControl = {
      defaultAction: "Deny" as const,
      rules: [{ name: "office", action: "Allow" as const, priority: 1, sourceCidrs: ["10.0.0.0/8"] }],
    };
    const { id, url } = await sandboxWith({ port: 3000, auth: anonymous, ipAccessControl });
    listen(id, 3000, tell);
    const from = (address: string, localAddress: string) =>
      visit(url, { localAddress, headers: { "x-forwarded-for": address } });
    expect((await from("10.1.2.3", "127.0.0.1")).status).toBe(403);
    expect((await from("10.1.2.3", "127.0.0.2")).status).toBe(200);
    expect((await from("10.1.2.3, 11.0.0.1", "127.0.0.2")).status).toBe(403);
  });
});

test("a WebSocket passes in both directions", async () => {
  const { id, url } = await sandboxWith({ port: 3000, auth: anonymous });
  const server = createServer();
  new WebSocketServer({ server }).on("connection", (socket) =>
    socket.on("message", (data) => socket.send(`echo ${data}`)),
  );
  serveOn(id, 3000, server);
  const socket = new WebSocket(url.replace("http", "ws").replace(/[^/]*localhost/, "127.0.0.1"), {
    headers: { host: new URL(url).host },
  });
  const answer = new Promise((resolve, reject) =>
    socket.on("message", (data) => resolve(String(data))).on("error", reject),
  );
  socket.on("open", () => socket.send("hello"));
  expect(await answer).toBe("echo hello");
  socket.terminate();
});

test("a large body passes whole, and events come one by one", async () => {
  const size = 5 * 1024 * 1024;
  const { id, url } = await anonymousPreview((request, response) => {
    if (request.method === "POST") {
      request.pipe(response);
      return;
    }
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write("data: 1\n\n");
    request.socket.once("close", () => {});
    setTimeout(() => response.end("data: 2\n\n"), 100);
  });
  const body = "x".repeat(size);
  expect((await visit(url, { method: "POST", body })).text).toBe(body);
  expect((await visit(url)).text).toBe("data: 1\n\ndata: 2\n\n");
  expect(id).toBeTruthy();
});

test("cookies are of the preview's host alone, and redirects stay in it", async () => {
  const { url, ports } = await anonymousPreview((_request, response) => {
    response.setHeader("set-cookie", [
      "a=1; Domain=localhost; Path=/x",
      "b=1; Domain =localhost",
      "alcove-preview=stolen",
    ]);
    response.writeHead(302, { location: "http://localhost:3000/next?q=%2F", connection: "close, x-hop", "x-hop": "1" });
    response.end();
  });
  const seen = await visit(url);
  expect(seen.headers["set-cookie"]).toEqual(["a=1; Path=/x", "b=1"]);
  expect(seen.headers.location).toBe(`${url}next?q=%2F`);
  expect(seen.headers["x-hop"]).toBeUndefined();
  const pathUrl = ports?.[0]?.pathUrl ?? "";
  const byPath = await visit(pathUrl);
  const prefix = new URL(pathUrl).pathname.slice(0, -1);
  expect(byPath.headers["set-cookie"]).toEqual([`a=1; Path=${prefix}/x`, `b=1; Path=${prefix}/`]);
  expect(byPath.headers.location).toBe(`${pathUrl}next?q=%2F`);
  expect(byPath.headers["content-security-policy"]).toMatch(/^sandbox /);
  expect(byPath.headers["content-security-policy"]).not.toContain("allow-same-origin");
});

test("pages of other origins may call where the port says so, and not where it does not", async () => {
  const cors = { allowOrigins: ["https://app.example.com"], allowMethods: ["PUT"], allowCredentials: true };
  const { id, url } = await sandboxWith({ port: 3000, cors, auth: anonymous });
  listen(id, 3000, (_request, response) => void response.writeHead(200, { "access-control-allow-origin": "*" }).end());
  const preflight = (origin: string) =>
    visit(url, { method: "OPTIONS", headers: { origin, "access-control-request-method": "PUT" } });
  expect((await preflight("https://app.example.com")).headers).toMatchObject({
    "access-control-allow-origin": "https://app.example.com",
    "access-control-allow-methods": "PUT",
    "access-control-allow-credentials": "true",
  });
  expect((await preflight("https://evil.example")).headers["access-control-allow-origin"]).toBeUndefined();
  const headers = { origin: "https://evil.example" };
  expect((await visit(url, { headers })).headers["access-control-allow-origin"]).toBeUndefined();
});

describe("a program that does not answer as it should", () => {
  test("nothing listens: 502 with a page that says what to do", async () => {
    const { url } = await sandboxWith({ port: 3000, auth: anonymous });
    const seen = await visit(url, { headers: { accept: "text/html" } });
    expect(seen.status).toBe(502);
    expect(seen.text).toContain("Nothing listens on port 3000");
  });

  test.each([
    ["garbage", "\x00\x01nothing like HTTP\r\n\r\n"],
    ["an early end", ""],
    ["two lengths", "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab"],
    ["a length and chunks", "HTTP/1.1 200 OK\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"],
    ["a reason with a control character", "HTTP/1.1 200 O\x01K\r\ncontent-length: 0\r\n\r\n"],
    ["a status below 100", "HTTP/1.1 099 x\r\ncontent-length: 0\r\n\r\n"],
    ["a switch of protocols", "HTTP/1.1 101 x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n"],
  ])("%s: 502", async (_what, answer) => {
    const { id, url } = await sandboxWith({ port: 3000, auth: anonymous });
    sayOn(id, answer);
    expect((await visit(url)).status).toBe(502);
  });

  test("as a WebSocket, with a status line that is none: 502", async () => {
    const { id, url } = await sandboxWith({ port: 3000, auth: anonymous });
    sayOn(id, "HTTP/1.1 200 O\x01K\r\ncontent-length: 0\r\n\r\n");
    const { host: name, port } = new URL(url);
    const handshake = `GET / HTTP/1.1\r\nHost: ${name}\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n`;
    expect(await say(Number(port), handshake)).toMatch(/^HTTP\/1\.1 502 /);
  });

  test("trailers that it announces, and has no place for, do not pass", async () => {
    const { id, url } = await sandboxWith({ port: 3000, auth: anonymous });
    sayOn(id, "HTTP/1.1 200 OK\r\ntrailer: x\r\ncontent-length: 2\r\n\r\nhi");
    const seen = await visit(url);
    expect([seen.status, seen.text, seen.headers.trailer]).toEqual([200, "hi", undefined]);
  });

  test("an answer that breaks off never looks whole", async () => {
    const { id, url } = await sandboxWith({ port: 3000, auth: anonymous });
    sayOn(id, "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf");
    await expect(visit(url)).rejects.toThrow();
  });
});

test("requests that two readers could take for different ones are refused, and nothing of them reaches the program", async () => {
  const heard: string[] = [];
  const { url } = await anonymousPreview((request, response) => {
    heard.push(request.url ?? "");
    response.end();
  });
  const { host: name, port } = new URL(url);
  const start = `POST /smuggled HTTP/1.1\r\nHost: ${name}\r\n`;
  const attempts = [
    `${start}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    `${start}Content-Length: 4\r\nContent-Length: 5\r\n\r\nabcde`,
    `${start}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n`,
    `${start}Host: other.localhost\r\n\r\n`,
    `${start}Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n`,
    `GET http://${name}/smuggled HTTP/1.1\r\nHost: ${name}\r\nConnection: close\r\n\r\n`,
    `CONNECT 127.0.0.1:22 HTTP/1.1\r\nHost: ${name}\r\n\r\n`,
    `GET /smuggled HTTP/1.1\r\n\r\n`,
    `GET /smuggled HTTP/1.1\r\nHost: ${name}\r\nConnection: close, content-length\r\nContent-Length: 4\r\n\r\nabcd`,
    `GET /smuggled HTTP/1.1\r\nHost: ${name}\r\nConnection: close, Host\r\n\r\n`,
    `GET /smuggled HTTP/1.1\r\nHost: ${name}\r\nConnection: upgrade\r\nUpgrade: websocket\r\nContent-Length: 4\r\n\r\nabcd`,
  ];
  for (const attempt of attempts) expect(await say(Number(port), attempt)).toMatch(/^(?:HTTP\/1\.1 4\d\d |$)/);
  expect(heard).toEqual([]);
});

test("a port that is removed answers nothing more, and who is there is sent away", async () => {
  const { url, ref } = await anonymousPreview((_request, response) => void response.write("on and on"));
  const there = visit(url);
  there.catch(() => {});
  await expect.poll(async () => (await visit(url.replace("3000-", "3001-"))).status).toBe(404);
  await new Promise((resolve) => setTimeout(resolve, 200));
  expect(await daemon.control.ports.remove(ref, { port: 3000 })).toEqual([]);
  await expect(there).rejects.toThrow();
  expect((await visit(url)).status).toBe(404);
});

test("a link ends with its port, though the port is opened again; a change of ports that all stay ends none", async () => {
  const { url, ref, id } = await sandboxWith({ port: 3000 }, { port: 4000 });
  listen(id, 3000, tell);
  const { ports } = daemon.control;
  const { url: link } = await ports.link(ref, { port: 3000 });
  await ports.change(ref, { port: 4000, name: "api" });
  await ports.add(ref, { port: 5000 });
  expect((await visit(link)).status).toBe(200);
  await ports.remove(ref, { port: 3000 });
  await ports.add(ref, { port: 3000 });
  await expect.poll(async () => (await visit(link)).status).toBe(401);
  const { url: newer } = await ports.link(ref, { port: 3000 });
  expect(newer.startsWith(url)).toBe(true);
  expect((await visit(newer)).status).toBe(200);
});

test("who comes wakes a sandbox that sleeps, and waits; where it is Manual it is told so", async () => {
  const { id, url, ref } = await sandboxWith(
    { port: 3000, auth: anonymous },
    { port: 3001, auth: anonymous, activationMode: "Manual" },
  );
  await daemon.control.sandboxes.stop(ref, {}, never);
  const manual = await visit(url.replace("3000-", "3001-"));
  expect([manual.status, manual.text]).toEqual([503, expect.stringContaining("does not run")]);
  const woken = visit(url);
  await expect.poll(() => host.fake.machines.has(id)).toBe(true);
  expect((await woken).status).toBe(502);
  listen(id, 3000, tell);
  expect((await visit(url)).status).toBe(200);
  expect((await daemon.control.sandboxes.get(ref)).state).toBe("Running");
});

test("the gateway's process dies: the next one serves at the same address", async () => {
  const { url } = await anonymousPreview();
  expect((await visit(url)).status).toBe(200);
  process.kill(workers.at(-1)?.pid ?? 0, "SIGKILL");
  const again = () =>
    visit(url).then(
      ({ status }) => status,
      () => 0,
    );
  await expect.poll(again, { timeout: 30_000 }).toBe(200);
  expect(workers.length).toBeGreaterThan(1);
}, 60_000);
