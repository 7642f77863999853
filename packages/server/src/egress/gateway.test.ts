/** The gateway with its real process: what passes, what does not, and what becomes of it when something ends. */
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { waitFor } from "../lib/backoff.js";
import {
  closeOf,
  echo,
  listen,
  loopback,
  settingsOf,
  soon,
  startGateway,
  type TestGateway,
} from "./gateway-test-kit.js";

const open = settingsOf({ defaultAction: "Deny", transportRules: loopback });
const closed = settingsOf({ defaultAction: "Deny" });
const MiB = 1024 * 1024;
let kit: TestGateway;
let last = 0;

beforeAll(async () => {
  kit = await startGateway();
});
afterAll(() => kit[Symbol.asyncDispose]());

/** A sandbox of the test's own. */
async function sandbox(settings = open) {
  const id = `sandbox-${++last}`;
  await kit.gateway.apply(id, settings);
  return { id, agent: await kit.agent(id) };
}

test("bytes go both ways, each direction ends by itself, and the decision tells how many there were", async () => {
  const port = await listen((socket) => {
    let bytes = 0;
    socket.on("data", (chunk) => {
      bytes += chunk.length;
    });
    socket.once("end", () => socket.end(`got ${bytes}`));
  });
  const { id, agent } = await sandbox();
  const stream = await agent.connect(`127.0.0.1:${port}`);
  stream.end(Buffer.alloc(1_000_000, 1));
  expect(await text(stream)).toBe("got 1000000");
  expect(await kit.decision(id, { protocol: "tcp" })).toMatchObject({
    ...{ verdict: "Allow", rule: "transportRules[0]", host: "127.0.0.1", port, address: "127.0.0.1" },
    ...{ bytesSent: 1_000_000, bytesReceived: 11, isEnforced: true },
  });
});

test("the server may end first, and the program goes on sending", async () => {
  let got = "";
  const port = await listen((socket) => {
    socket.end("bye");
    socket.on("data", (chunk) => {
      got += chunk;
    });
  });
  const { agent } = await sandbox();
  const stream = await agent.connect(`127.0.0.1:${port}`);
  stream.write("\0one");
  expect(await text(stream)).toBe("bye");
  stream.end("two");
  await waitFor(() => got === "\0onetwo" || undefined, soon());
});

test("requests over one connection are decided one by one, and the server's answers come back whole", async () => {
  const port = await listen((socket) => {
    socket.on("data", () => socket.write("HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nanswer\n"));
  });
  const rule = {
    name: "api",
    match: { host: "web.test", path: "/api", scheme: "any" },
    action: { type: "Allow" },
  } as const;
  const policy = { defaultAction: "Deny", rules: [rule], transportRules: loopback } as const;
  const { agent } = await sandbox(
    settingsOf({ ...policy, rules: [rule] }, { resolverOverrides: { "web.test": "127.0.0.1" } }),
  );
  const stream = await agent.connect(`${await agent.resolve("web.test")}:${port}`);
  for (const path of ["/api", "/other", "/api"]) stream.write(`GET ${path} HTTP/1.1\r\nHost: web.test:${port}\r\n\r\n`);
  stream.end();
  const heads = (await text(stream))
    .split(/(?=HTTP\/1\.1 )/)
    .map((each) => `${each.slice(9, 12)} ${each.split("\r\n\r\n")[1]}`);
  const denied = expect.stringMatching(/^403 Alcove denied GET .*\/other by rule/);
  expect(heads).toEqual(["200 answer\n", denied, "200 answer\n"]);
});

test("what no rule allows is reset", async () => {
  const port = await listen(echo);
  const { id, agent } = await sandbox(closed);
  const stream = await agent.connect(`127.0.0.1:${port}`);
  const ends: string[] = [];
  stream.on("end", () => ends.push("end")).on("aborted", () => ends.push("aborted"));
  stream.resume();
  stream.write("\0hello");
  await closeOf(stream);
  expect(stream.rstCode).not.toBe(0);
  expect(ends[0]).toBe("aborted");
  expect(await kit.decision(id, { protocol: "tcp" })).toMatchObject({ verdict: "Deny", rule: "default", port });
});

test("a reset goes through in both directions", async () => {
  let serverSaw = "";
  const port = await listen((socket) => {
    socket.on("error", (error) => {
      serverSaw = String(error);
    });
    socket.on("data", (chunk) => {
      if (chunk.includes("reset me")) socket.resetAndDestroy();
    });
  });
  const { agent } = await sandbox();
  const one = await agent.connect(`127.0.0.1:${port}`);
  one.write("\0hello");
  await sleep(200);
  one.destroy(new Error("reset"));
  await waitFor(() => serverSaw.includes("ECONNRESET") || undefined, soon());
  const other = await agent.connect(`127.0.0.1:${port}`);
  other.resume();
  other.write("\0reset me");
  await closeOf(other);
  expect(other.rstCode).not.toBe(0);
});

test("a server that speaks first is heard when the program is silent, and one that is not allowed is never connected to", async () => {
  let connections = 0;
  const port = await listen((socket) => {
    connections++;
    socket.write("220 ready\r\n");
    echo(socket);
  });
  const { agent } = await sandbox();
  const stream = await agent.connect(`127.0.0.1:${port}`);
  expect(String((await once(stream, "data"))[0])).toBe("220 ready\r\n");
  stream.write("EHLO me");
  expect(String((await once(stream, "data"))[0])).toBe("EHLO me");
  stream.close();
  const other = await sandbox(closed);
  const denied = await other.agent.connect(`127.0.0.1:${port}`);
  await sleep(600);
  expect(connections).toBe(1);
  denied.close();
});

test("1,000 connections at once each get their own bytes back", { timeout: 60_000 }, async () => {
  const port = await listen(echo);
  const { agent } = await sandbox();
  const streams = await Promise.all(Array.from({ length: 1_000 }, () => agent.connect(`127.0.0.1:${port}`)));
  const answers = await Promise.all(
    streams.map((stream, at) => {
      stream.end(`\0number ${at}`);
      return text(stream);
    }),
  );
  expect(answers).toEqual(streams.map((_, at) => `\0number ${at}`));
});

test("a change of the policy closes what it does not allow any more, and nothing else", async () => {
  const [port, other] = [await listen(echo), await listen(echo)];
  const { id, agent } = await sandbox();
  const [stays, goes] = [await agent.connect(`127.0.0.1:${port}`), await agent.connect(`127.0.0.1:${other}`)];
  for (const stream of [stays, goes]) {
    stream.write("\0hello");
    await once(stream, "data");
  }
  const only = [{ action: "Allow" as const, protocol: "Tcp" as const, destination: "127.0.0.0/8", port }];
  goes.resume();
  await Promise.all([
    closeOf(goes),
    kit.gateway.apply(id, settingsOf({ defaultAction: "Deny", transportRules: { rules: only } })),
  ]);
  expect(goes.rstCode).not.toBe(0);
  stays.write("still there");
  expect(String((await once(stays, "data"))[0])).toBe("still there");
  stays.close();
  expect(await kit.decision(id, { port: other })).toMatchObject({ verdict: "Deny", isEnforced: true });
});

test("in Audit mode what would be denied goes through and is told as that, but forbidden addresses stay forbidden", async () => {
  const port = await listen(echo);
  const rules = [{ action: "Allow" as const, protocol: "Tcp" as const, destination: "127.0.0.1/32" }];
  const { id, agent } = await sandbox(
    settingsOf(
      { defaultAction: "Deny", enforcementMode: "Audit", transportRules: { rules } },
      { resolverOverrides: { "inside.example": "127.0.0.1", "cloud.example": "169.254.169.254" } },
    ),
  );
  const inside = await agent.connect(`${await agent.resolve("inside.example")}:${port}`);
  inside.write("\0hello");
  expect(String((await once(inside, "data"))[0])).toBe("\0hello");
  inside.end();
  expect(await kit.decision(id, { host: "inside.example" })).toMatchObject({ verdict: "Deny", isEnforced: false });
  const cloud = await agent.connect(`${await agent.resolve("cloud.example")}:80`);
  cloud.end("\0hello");
  expect(await kit.decision(id, { host: "cloud.example" })).toMatchObject({
    ...{ verdict: "Deny", isEnforced: true, rule: "forbidden-address" },
  });
});

test("a slow reader holds the server back, and the gateway keeps little of what is on its way", {
  timeout: 60_000,
}, async () => {
  let sent = 0;
  const port = await listen((socket) => {
    const chunk = Buffer.alloc(65_536);
    const more = () => {
      while (!socket.destroyed && socket.write(chunk)) sent += chunk.length;
    };
    socket.on("drain", more);
    more();
  });
  const { agent } = await sandbox();
  const streams = await Promise.all(Array.from({ length: 20 }, () => agent.connect(`127.0.0.1:${port}`)));
  for (const stream of streams) stream.write("\0give");
  let before = -1;
  await waitFor(
    () => {
      const isSettled = sent > 0 && sent === before;
      before = sent;
      return isSettled || undefined;
    },
    soon(),
    { firstMs: 500, lastMs: 500 },
  );
  // Kernels keep some MiB of each loopback connection, and the test's own side a window.
  expect(sent / 20).toBeLessThan(12 * MiB);
  for (const stream of streams) stream.close();
});

test("a process that is killed in the middle is followed by another, and only connections were lost", async () => {
  const port = await listen(echo);
  const { id, agent } = await sandbox();
  await expect(agent.resolve("denied.example")).rejects.toThrow("no address");
  await kit.decision(id, { protocol: "dns" });
  const stream = await agent.connect(`127.0.0.1:${port}`);
  stream.write("\0hello");
  await once(stream, "data");
  const sessions = agent.sessions;
  process.kill(kit.workers.at(-1)?.pid ?? 0, "SIGKILL");
  await closeOf(stream);
  await waitFor(() => agent.sessions > sessions || undefined, soon());
  const again = await agent.connect(`127.0.0.1:${port}`);
  again.write("\0again");
  expect(String((await once(again, "data"))[0])).toBe("\0again");
  again.close();
  expect(kit.logged.join()).toContain("signal SIGKILL");
});

test("a sandbox that nothing was said about reaches nothing", async () => {
  const port = await listen(echo);
  const agent = await kit.agent("unknown");
  const stream = await agent.connect(`127.0.0.1:${port}`);
  stream.resume().write("\0hello");
  await closeOf(stream);
  expect(stream.rstCode).not.toBe(0);
});

test("settings that are refused close a sandbox off: what is under way is cut, and nothing new is let through", async () => {
  const port = await listen(echo);
  const { id, agent } = await sandbox();
  const stream = await agent.connect(`127.0.0.1:${port}`);
  stream.write("\0hello");
  await once(stream, "data");
  const cut = closeOf(stream);
  const names = [{ index: 0, name: "" }];
  await expect(kit.gateway.apply(id, { ...open, names })).rejects.toThrow("were not taken");
  await cut;
  await waitFor(() => agent.sessions > 1 || undefined, soon());
  const next = await agent.connect(`127.0.0.1:${port}`);
  next.write("\0hello");
  await closeOf(next.resume());
  await kit.decision(id, { verdict: "Deny", port });
});

test("what passes is counted outside of the sandbox, by sandbox", async () => {
  const port = await listen((socket) => socket.once("data", () => socket.end(Buffer.alloc(MiB))).on("error", () => {}));
  const one = await sandbox();
  const other = await sandbox();
  const total = { sentBytes: 0, receivedBytes: 0, connections: 0 };
  const stop = kit.gateway.onTraffic((id, { sentBytes, receivedBytes, connections }) => {
    if (id === other.id) throw new Error("nothing passed of it");
    if (id !== one.id) return;
    total.sentBytes += sentBytes;
    total.receivedBytes += receivedBytes;
    total.connections += connections;
  });
  const connection = await one.agent.connect(`127.0.0.1:${port}`);
  connection.end("hello");
  expect(await text(connection)).toHaveLength(MiB);
  await waitFor(() => total.receivedBytes >= MiB || undefined, AbortSignal.timeout(20_000));
  stop();
  expect(total).toEqual({ sentBytes: 5, receivedBytes: MiB, connections: 1 });
});
