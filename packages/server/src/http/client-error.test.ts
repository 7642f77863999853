import { once } from "node:events";
import { createConnection } from "node:net";
import { Duplex } from "node:stream";
import { text } from "node:stream/consumers";
import { expect, test, vi } from "vitest";
import { answerClientError } from "./client-error.js";
import { ask, serve } from "./serve-for-tests.js";

async function sendRaw(socketPath: string, bytes: string): Promise<string> {
  const socket = createConnection(socketPath);
  await once(socket, "connect");
  socket.write(bytes);
  return text(socket);
}

test("a request line or headers above the limit are told as a problem", async () => {
  await using served = await serve();
  const { status, headers, json } = await ask(served.socketPath, `/v1/health?a=${"x".repeat(20_000)}`);
  expect(status).toBe(431);
  expect(headers["content-type"]).toBe("application/problem+json");
  expect(json).toMatchObject({ code: "HeadersTooLarge", status: 431 });
});

test("what is not HTTP is told as a problem, and the connection ends", async () => {
  await using served = await serve();
  const answer = await sendRaw(served.socketPath, "hello there\r\n\r\n");
  expect(answer).toMatch(/^HTTP\/1\.1 400 Bad Request\r\ncontent-type: application\/problem\+json\r\n/);
  expect(JSON.parse(answer.split("\r\n\r\n")[1] ?? "")).toMatchObject({ code: "InvalidRequest" });
});

test("rubbish behind a request does not get into the answer that is under way", async () => {
  await using served = await serve();
  const answer = await sendRaw(served.socketPath, "GET /v1/version HTTP/1.1\r\nhost: x\r\n\r\nrubbish\r\n\r\n");
  const heads = answer.split("HTTP/1.1 ").slice(1);
  for (const part of heads) {
    const [head = "", body = ""] = part.split("\r\n\r\n");
    expect(body).toHaveLength(Number(/content-length: (\d+)/i.exec(head)?.[1]));
  }
});

test.each(["ERR_TLS_HANDSHAKE_TIMEOUT", "ECONNRESET"])(
  "after %s, where nothing can be sent, nothing is kept",
  (code) => {
    const socket = new Duplex({ read: () => undefined, write: () => undefined });
    answerClientError(Object.assign(new Error("no"), { code }), socket);
    expect(socket.destroyed).toBe(true);
  },
);

test("a client that neither reads nor closes does not keep its connection by a refusal", async () => {
  const socket = new Duplex({ read: () => undefined, write: () => undefined });
  answerClientError(Object.assign(new Error("no"), { code: "HPE_INVALID_METHOD" }), socket);
  await vi.waitFor(() => expect(socket.destroyed).toBe(true), { timeout: 20_000 });
});
