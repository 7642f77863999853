import { once } from "node:events";
import { stat, writeFile } from "node:fs/promises";
import { request } from "node:http";
import { createConnection, createServer } from "node:net";
import { createInterface } from "node:readline";
import { expect, test, vi } from "vitest";
import { WebSocket } from "ws";
import { ask, createSandbox, serve } from "./serve-for-tests.js";
import { listenOnSocket } from "./unix-socket.js";

test("only the owner can open the socket", async () => {
  await using served = await serve();
  expect((await stat(served.socketPath)).mode & 0o777).toBe(0o600);
});

test("a socket that nobody listens behind is replaced, a living one is not", async () => {
  await using served = await serve();
  await expect(listenOnSocket(createServer(), served.socketPath)).rejects.toThrow("Another daemon listens");
  const stale = `${served.socketPath}.stale`;
  await writeFile(stale, "");
  const server = createServer();
  await listenOnSocket(server, stale);
  server.close();
});

test("a path that is too long for a socket is refused before anything is made", async () => {
  await expect(listenOnSocket(createServer(), `/tmp/${"x".repeat(95)}`)).rejects.toThrow("fewer than 100 work");
});

test("closing lets an answer under way finish, and takes no more requests", async () => {
  let finish = () => {};
  let begun = () => {};
  const hasBegun = new Promise<void>((resolve) => (begun = resolve));
  await using served = await serve((control) => ({
    ...control,
    system: {
      ...control.system,
      doctor: async () => {
        begun();
        await new Promise<void>((resolve) => (finish = resolve));
        return { findings: [] };
      },
    },
  }));
  const answer = ask(served.socketPath, "/v1/doctor");
  await hasBegun;
  const closed = served.server.close({ deadlineMs: 10_000 });
  await expect(ask(served.socketPath, "/v1/version")).rejects.toThrow(/ENOENT|ECONNREFUSED/);
  finish();
  expect((await answer).status).toBe(200);
  await closed;
});

test("what is not done at the deadline is told that the daemon is stopping", async () => {
  await using served = await serve();
  const sandbox = await createSandbox(served.socketPath);
  const body = { command: "sleep", args: ["60"] };
  const answer = ask(served.socketPath, `${sandbox.path}/executeCommand`, { method: "POST", body });
  await vi.waitFor(
    async () => {
      const { text } = await ask(served.socketPath, `${sandbox.path}/execs`);
      expect(text).toContain("Running");
    },
    { timeout: 20_000 },
  );
  await served.server.close({ deadlineMs: 10 });
  const { json, headers } = await answer;
  expect(json).toMatchObject({ code: "DaemonStopping", status: 503 });
  expect(headers["retry-after"]).toBe("1");
});

test("streams end at once when the daemon stops, with the code for going away", async () => {
  await using served = await serve();
  const sandbox = await createSandbox(served.socketPath);
  const socket = new WebSocket(`ws+unix:${served.socketPath}:${sandbox.path}/exec/stream`);
  socket.on("open", () => socket.send(JSON.stringify({ type: "start", start: { args: ["sleep", "60"] } })));
  await once(socket, "message");
  const closing = once(socket, "close");
  await served.server.close({ deadlineMs: 10_000 });
  expect((await closing)[0]).toBe(1001);
});

test("events come as lines, as they happen", async () => {
  await using served = await serve();
  const outgoing = request({ socketPath: served.socketPath, path: "/v1/groups/default/events", agent: false }).end();
  const [incoming] = await once(outgoing, "response");
  expect(incoming.headers["content-type"]).toBe("application/x-ndjson");
  const lines = createInterface(incoming)[Symbol.asyncIterator]();
  const { id } = await createSandbox(served.socketPath);
  const first = JSON.parse((await lines.next()).value);
  expect(first).toMatchObject({ type: "sandbox.changed", sandbox: { id } });
  const second = JSON.parse((await lines.next()).value);
  expect(second.sequence).toBe(first.sequence + 1);
  outgoing.destroy();
});

test("a client that never finishes its headers is sent away", async () => {
  await using served = await serve(undefined, { headersTimeout: 100, connectionsCheckingInterval: 50 });
  const socket = createConnection(served.socketPath);
  socket.write("GET /v1/version HTTP/1.1\r\nhost: x\r\n");
  const [data] = await once(socket, "data");
  expect(data.toString()).toMatch(/^HTTP\/1.1 408/);
});
