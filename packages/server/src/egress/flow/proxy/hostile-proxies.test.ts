/** Proxies that refuse, lie, flood, or say nothing. */
import type { Socket } from "node:net";
import { expect, test } from "vitest";
import { listen } from "../../gateway-test-kit.js";
import { Resolution } from "../resolution.js";
import { dialByProxy } from "./dial-by-proxy.js";

const dialling = { host: "far.test", port: 443, resolution: new Resolution(), overrides: {}, mayReach: () => false };
const credentials = { username: "ann", password: "s3cret" };

async function outcome(url: string, serve: (socket: Socket) => void, withCredentials = false): Promise<unknown> {
  let closed = () => {};
  const over = new Promise<void>((resolve) => {
    closed = resolve;
  });
  const port = await listen((socket) => {
    socket.once("end", closed).once("close", closed).resume();
    serve(socket);
  });
  const route = { type: "Proxy", url: `${url}://127.0.0.1:${port}`, certificates: "" } as const;
  const failure = await dialByProxy(
    dialling,
    withCredentials ? { ...route, credentials } : route,
    AbortSignal.timeout(3_000),
  ).catch((error: unknown) => error);
  // Nothing of it stays open.
  await over;
  return failure;
}

const why = (sentence: string) =>
  expect.objectContaining({
    ...{ rule: "unreachable" },
    message: `far.test:443 could not be reached by the proxy of its route: ${sentence}`,
  });

test.each([
  ["wants other credentials", "HTTP/1.1 407 Give me more\r\n\r\n", "it wants other credentials (407)"],
  ["refuses", "HTTP/1.1 403 <script>\r\n\r\n", "it refused (403)"],
  ["speaks no HTTP", "220 mail.test ESMTP\r\n\r\n", "it answered something that is no HTTP"],
  ["hangs up", undefined, "it hung up"],
])("an HTTP proxy that %s", async (_what, answer, sentence) => {
  expect(await outcome("http", (socket) => void (answer === undefined ? socket.end() : socket.write(answer)))).toEqual(
    why(sentence),
  );
});

test.each([
  ["http", Buffer.from(`HTTP/1.1 200 OK\r\nX: ${"x".repeat(900)}\r\n`)],
  ["http", Buffer.alloc(1_000)],
])("one that floods the head of its answer is not listened to for long: %s", async (scheme, chunk) => {
  let sent = 0;
  const failure = await outcome(scheme, (socket) => {
    const more = () => {
      while (socket.writable && sent < 64_000_000) {
        sent += chunk.length;
        if (!socket.write(chunk)) break;
      }
    };
    socket.on("drain", more);
    more();
  });
  expect(failure).toEqual(why("its answer was too long"));
  expect(sent).toBeLessThan(32_000_000);
});

test.each([
  ["speaks no SOCKS", [72, 84], "it answered something that is no SOCKS 5", false],
  ["wants credentials", [5, 255], "it wants credentials", false],
  ["takes no password", [5, 0], "it takes no password", true],
  ["does not take the credentials", [5, 2, 1, 1], "it did not take the credentials", true],
  ["refuses", [5, 0, 5, 2, 0, 1, 0, 0, 0, 0, 0, 0], "it refused: its rules do not allow it", false],
  ["answers with an unknown kind of address", [5, 0, 5, 0, 0, 9, 0], "it answered something that is no SOCKS 5", false],
])("a SOCKS proxy that %s", async (_what, bytes, sentence, withCredentials) => {
  expect(await outcome("socks5", (socket) => void socket.write(Buffer.from(bytes)), withCredentials)).toEqual(
    why(sentence),
  );
});

test.each(["http", "https", "socks5"])("one that says nothing is left when the time is over: %s", async (scheme) => {
  expect(await outcome(scheme, () => {})).toMatchObject({ name: "TimeoutError" });
});

test("what the server says first, in the same packet as the proxy's answer, is not lost", async () => {
  const port = await listen((socket) => void socket.write("HTTP/1.0 200 \r\n\r\n220 ready\r\n"));
  const route = { type: "Proxy", url: `http://127.0.0.1:${port}`, certificates: "" } as const;
  const { socket } = await dialByProxy(dialling, route, AbortSignal.timeout(3_000));
  expect(await new Promise((resolve) => socket.once("data", (chunk) => resolve(String(chunk))))).toBe("220 ready\r\n");
  socket.destroy();
});
