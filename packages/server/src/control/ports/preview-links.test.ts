/** Links that end, and what came by them. */
import { once } from "node:events";
import { createServer } from "node:http";
import { afterAll, beforeAll, expect, test } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import { visit } from "../../ingress/ingress-test-kit.js";
import { signPass } from "../../ingress/signed-pass.js";
import { startPreviews, type TestPreviews, type TestSandbox } from "./previews-test-kit.js";

let previews: TestPreviews;
beforeAll(async () => {
  previews = await startPreviews();
}, 60_000);
afterAll(() => previews[Symbol.asyncDispose]());

/** Long enough to come by it where the machine is busy. */
const shortly = 5;

async function linkTo(sandbox: TestSandbox, expiresInSeconds = shortly): Promise<string> {
  return (await previews.daemon.control.ports.link(sandbox.ref, { port: 3000, expiresInSeconds })).url;
}

function cookieOf(setCookie: readonly string[] | undefined): string {
  return setCookie?.[0]?.split(";")[0] ?? "";
}

/** At the gateway's address, whatever the resolver makes of names below localhost. */
function openSocket(url: string, headers: Record<string, string> = {}): WebSocket {
  const { host, port, pathname, search } = new URL(url);
  return new WebSocket(`ws://127.0.0.1:${port}${pathname}${search}`, { headers: { host, ...headers } });
}

const page = { accept: "text/html", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document" };

test("WebSockets and answers that came by a link, or by its cookie, are cut when the link ends; what came by a longer link stays", async () => {
  const sandbox = await previews.sandboxWith({ port: 3000 });
  const server = createServer((_request, response) => void response.write("on and on"));
  new WebSocketServer({ server }).on("connection", (socket) => socket.on("message", (data) => socket.send(data)));
  previews.serve(sandbox.id, 3000, server);
  const link = await linkTo(sandbox);
  const { headers } = await visit(link, { headers: page });
  const answer = visit(link).then(
    () => "whole",
    () => "cut",
  );
  const sockets = [
    openSocket(link),
    openSocket(sandbox.url, { cookie: cookieOf(headers["set-cookie"]) }),
    openSocket(await linkTo(sandbox, 604_800)),
  ];
  const said = sockets.map(async (socket) => {
    await once(socket, "open");
    socket.send("hello");
    return String((await once(socket, "message"))[0]);
  });
  expect(await Promise.all(said)).toEqual(["hello", "hello", "hello"]);
  const [byLink, byCookie, byLongLink] = sockets;
  await expect.poll(() => [byLink?.readyState, byCookie?.readyState], { timeout: 30_000 }).toEqual([3, 3]);
  expect(await answer).toBe("cut");
  expect(byLongLink?.readyState).toBe(WebSocket.OPEN);
  byLongLink?.terminate();
});

test("what came by a link is cut too when its sandbox's links end with a port; what came without one stays", async () => {
  const anonymous = { anonymous: true };
  const sandbox = await previews.sandboxWith({ port: 3000 }, { port: 4000 }, { port: 5000, auth: anonymous });
  const server = createServer();
  new WebSocketServer({ server }).on("connection", (socket) => void socket.send("hello"));
  for (const port of [3000, 5000]) previews.serve(sandbox.id, port, server);
  const byLink = openSocket(await linkTo(sandbox, 600));
  const without = openSocket(sandbox.url.replace("3000-", "5000-"));
  await Promise.all([once(byLink, "message"), once(without, "message")]);
  await previews.daemon.control.ports.remove(sandbox.ref, { port: 4000 });
  await expect.poll(() => byLink.readyState, { timeout: 30_000 }).toBe(WebSocket.CLOSED);
  expect(without.readyState).toBe(WebSocket.OPEN);
  without.terminate();
});

test("a link that ended says so, in words for people; what is no link of ours is told nothing of the kind", async () => {
  const sandbox = await previews.sandboxWith({ port: 3000 });
  const { linkKey = Buffer.alloc(0) } = previews.daemon.store.sandboxPorts.find(sandbox.id) ?? {};
  const about = {
    kind: "link",
    sandboxId: sandbox.id,
    port: 3000,
    expiresAt: Math.floor(Date.now() / 1_000) - 60,
  } as const;
  const pass = signPass(about, linkKey);
  const ended = await visit(`${sandbox.url}?alcove-pass=${pass}`, { headers: page });
  expect([ended.status, ended.headers["content-type"]]).toEqual([401, "text/html; charset=utf-8"]);
  expect(ended.text).toContain("This link has ended");
  expect(ended.text).toContain("Ask whom you have it from for a new one");
  expect(ended.text).toContain("`alcove port link SANDBOX PORT`");
  const forged = signPass(about, Buffer.alloc(32));
  const other = await visit(`${sandbox.url}?alcove-pass=${forged}`, { headers: page });
  expect([other.status, other.text.includes("has ended")]).toEqual([401, false]);
});

test("a page that the port names may show the preview in a frame, with a cookie for that place alone; others may not", async () => {
  const cors = { allowOrigins: ["https://app.example.com"] };
  const sandbox = await previews.sandboxWith({ port: 3000, cors }, { port: 4000 });
  for (const port of [3000, 4000]) previews.serve(sandbox.id, port, (_request, response) => void response.end("hi"));
  const frame = { ...page, "sec-fetch-dest": "iframe", "sec-fetch-site": "cross-site" };
  const exchanged = await visit(await linkTo(sandbox, 60), { headers: frame });
  expect(exchanged.status).toBe(303);
  expect(exchanged.headers["set-cookie"]?.[0]).toMatch(/; HttpOnly; SameSite=None; Secure; Partitioned$/);
  const cookie = cookieOf(exchanged.headers["set-cookie"]);
  const shown = await visit(sandbox.url, { headers: { ...frame, cookie } });
  expect([shown.status, shown.text]).toEqual([200, "hi"]);
  expect(shown.headers["content-security-policy"]).toBe("frame-ancestors 'self' https://app.example.com");
  const { url: link } = await previews.daemon.control.ports.link(sandbox.ref, { port: 4000 });
  const unnamed = await visit(link, { headers: frame });
  expect(unnamed.headers["set-cookie"]?.[0]).toMatch(/; HttpOnly; SameSite=Lax$/);
  const refused = await visit(sandbox.url.replace("3000-", "4000-"), {
    headers: { ...frame, cookie: cookieOf(unnamed.headers["set-cookie"]) },
  });
  expect(refused.status).toBe(403);
});
