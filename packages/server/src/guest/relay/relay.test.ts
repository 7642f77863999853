/** Agents behind the relay's process: what comes through it, what does not, and what becomes of it all when the process dies. */
import { randomUUID } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import http2 from "node:http2";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { collect, textOf } from "../../engines/suite/subject.js";
import { waitFor } from "../../lib/backoff.js";
import { testTrace } from "../../lib/span-test-kit.js";
import { type Answer, answering, json, playAgent } from "../agent-test-kit.js";
import { connectGuest } from "../connect.js";
import { ProtocolBreak } from "../fault.js";
import { usualPatience } from "../hello.js";
import { startRealAgent } from "../real-agent-test-kit.js";
import { startRelay, type TestRelay } from "./relay-test-kit.js";

const signal = AbortSignal.timeout(240_000);
const soon = () => AbortSignal.timeout(30_000);
const health = { version: "1", generation: 3, bootId: "00ff", uptimeMs: 12 };
const hello = { name: "agent", generation: 1, patience: usualPatience } as const;
let kit: TestRelay;

beforeAll(() => {
  kit = startRelay();
});
afterAll(() => kit[Symbol.asyncDispose]());

const killWorker = () => process.kill(kit.workers.at(-1)?.pid ?? 0, "SIGKILL");

async function sessionWith(answer: Answer) {
  const agent = await playAgent({ agent: answering(answer) });
  return { agent, session: await kit.relay.openSession(agent.open, hello, soon()) };
}

test("only the headers that an agent has come on", async () => {
  const { agent, session } = await sessionWith((stream) => {
    stream.respond({ ":status": 200, "x-alcove-mode": "644", "x-evil": "1", "set-cookie": ["a=1", "b=2"] });
    stream.end("body");
  });
  const stream = session.request({ ":method": "GET", ":path": "/x" }, false);
  const head = await new Promise<http2.IncomingHttpHeaders>((resolve) => stream.once("response", resolve));
  expect(Object.keys(head).filter((name) => name !== "date")).toEqual([":status", "x-alcove-mode"]);
  expect(String(Buffer.concat(await stream.toArray()))).toBe("body");
  session.end(new Error("done"));
  await agent[Symbol.asyncDispose]();
});

test.each([
  ["a header with bytes that none has", { "x-alcove-mode": "6\u00e944" }],
  ["a header without measure", { "x-alcove-mode": "6".repeat(2_000) }],
])("an agent that sends %s has broken the protocol, and the daemon hears of that", async (_name, headers) => {
  const { agent, session } = await sessionWith((stream) => {
    stream.respond({ ":status": 200, ...headers });
    stream.end();
  });
  session.request({ ":method": "GET", ":path": "/x" }, false).resume();
  expect(await session.ended).toBeInstanceOf(ProtocolBreak);
  await agent[Symbol.asyncDispose]();
});

test("a request that is given up in the middle of its body never looks whole", async () => {
  let outcome = "";
  const { agent, session } = await sessionWith((stream) => {
    stream.resume().once("end", () => {
      outcome = stream.rstCode === http2.constants.NGHTTP2_NO_ERROR && !stream.aborted ? "whole" : "cut off";
    });
    stream.once("close", () => {
      outcome ||= "cut off";
    });
  });
  const stream = session.request({ ":method": "PUT", ":path": "/x" }, true);
  stream.write("half");
  await sleep(100);
  stream.destroy(new Error("given up"));
  expect(await waitFor(() => outcome || undefined, soon())).toBe("cut off");
  session.end(new Error("done"));
  await agent[Symbol.asyncDispose]();
});

test("an answer that is cut off in the middle of its body never looks whole", async () => {
  const { agent, session } = await sessionWith((stream) => {
    stream.respond({ ":status": 200 });
    stream.write("half", () => setTimeout(() => stream.destroy(new Error("gone")), 100));
  });
  const stream = session.request({ ":method": "GET", ":path": "/x" }, false);
  stream.resume();
  await new Promise((resolve) => stream.once("close", resolve));
  expect(stream.rstCode).not.toBe(http2.constants.NGHTTP2_NO_ERROR);
  expect(session.isOver).toBe(false);
  session.end(new Error("done"));
  await agent[Symbol.asyncDispose]();
});

test("an agent that answers nothing to the hello is given up, and its socket is closed", async () => {
  let open = 0;
  await using agent = await playAgent({
    agent: (socket) => {
      open++;
      socket.resume().on("close", () => open--);
    },
  });
  const patience = { answerTimeoutMs: 200, tries: 2 };
  await expect(kit.relay.openSession(agent.open, { ...hello, patience }, soon())).rejects.toThrow(
    "no answer to 2 hellos",
  );
  await waitFor(() => open === 0 || undefined, soon());
});

test("sessions that fail and sessions that end leave nothing open in the process", async () => {
  const descriptors = () => readdirSync(`/proc/${kit.workers.at(-1)?.pid}/fd`).length;
  await using silent = await playAgent({ agent: (socket) => void socket.resume() });
  await using agent = await playAgent({ agent: answering((stream) => json(stream, health)) });
  const patience = { answerTimeoutMs: 200, tries: 1 };
  const before = descriptors();
  for (let round = 0; round < 10; round++) {
    await expect(kit.relay.openSession(silent.open, { ...hello, patience }, soon())).rejects.toThrow("no answer");
    (await kit.relay.openSession(agent.open, hello, soon())).end(new Error("done"));
  }
  await waitFor(() => descriptors() <= before || undefined, soon());
});

test("an exec goes on, and a download breaks off, when the relay is killed", async () => {
  await using agent = await startRealAgent(signal);
  const guest = await connectGuest(agent.open, { signal, relay: kit.relay });
  const argv = ["sh", "-c", "for i in 1 2 3 4 5 6 7 8; do echo $i; sleep 0.2; done"];
  const spec = { id: randomUUID(), argv, environment: {}, stdin: false };
  const frames = collect(guest.execs.run(spec, signal));
  await waitFor(async () => {
    const { stdoutBytes } = await guest.execs.get(spec.id, 0, signal).catch(() => ({ stdoutBytes: 0 }));
    return stdoutBytes >= 4 || undefined;
  }, soon());
  const path = join(agent.folder, "large");
  await writeFile(path, Buffer.alloc(64 * 1024 * 1024));
  const { content } = await guest.files.read(path, {}, signal);
  await new Promise((resolve) => content.once("readable", resolve));
  killWorker();
  await expect(content.toArray()).rejects.toMatchObject({ code: "GuestUnresponsive" });
  expect(textOf((await frames).frames, "stdout")).toBe("1\n2\n3\n4\n5\n6\n7\n8\n");
  expect(await guest.health(signal)).toMatchObject({ generation: expect.any(Number) });
  await guest.close();
});

test("a call of a trace is one for the agent behind it too, which says how long its share took", async () => {
  await using agent = await startRealAgent(signal);
  const guest = await connectGuest(agent.open, { signal, relay: kit.relay });
  const { span, spans } = testTrace();
  await guest.health(signal);
  const spec = { id: randomUUID(), argv: ["true"], environment: {}, stdin: false };
  await span.run(async () => {
    await guest.health(signal);
    await collect(guest.execs.run(spec, signal));
    await guest.files.stat("/nowhere", signal).catch(() => undefined);
  });
  await waitFor(() => spans.slice(1).every(({ isOver }) => isOver) || undefined, soon());
  const lines = spans.map(({ name, parent, failed, attributes }) => [
    parent?.name,
    name,
    failed,
    attributes["alcove.told_by"],
  ]);
  expect(lines).toEqual([
    [undefined, "request", undefined, undefined],
    ["request", "agent GET /health", undefined, undefined],
    ["agent GET /health", "GET /health", undefined, "guest"],
    ["request", "agent POST /execs", undefined, undefined],
    ["agent POST /execs", "POST /execs", undefined, "guest"],
    ["request", "agent GET /files/stat", "404", undefined],
    ["agent GET /files/stat", "GET /files/stat", undefined, "guest"],
  ]);
  await guest.close();
});

test("a session that is opened while the process dies waits for the next one", async () => {
  await using agent = await playAgent({ agent: answering((stream) => json(stream, health)) });
  killWorker();
  const guest = await connectGuest(agent.open, { signal: soon(), relay: kit.relay });
  expect(await guest.health(signal)).toEqual(health);
  await guest.close();
});

test("a process that stands still is ended, and calls go on with the next", async () => {
  await using own = startRelay({ silenceMs: 1_000 });
  await using agent = await playAgent({ agent: answering((stream) => json(stream, health)) });
  const guest = await connectGuest(agent.open, { signal, relay: own.relay });
  process.kill(own.workers[0]?.pid ?? 0, "SIGSTOP");
  await waitFor(() => own.workers.length > 1 || undefined, soon());
  expect(await waitFor(() => guest.health(signal).catch(() => undefined), soon())).toEqual(health);
  await guest.close();
});

test.skipIf(process.getuid?.() !== 0)("the process is a user of its own", async () => {
  const uid = () => /^Uid:\s+(\d+)/m.exec(readFileSync(`/proc/${kit.workers.at(-1)?.pid}/status`, "utf8"))?.[1];
  await waitFor(() => Number(uid()) >= 0x7100_0000 || undefined, soon());
});
