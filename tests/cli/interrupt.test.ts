/** Ctrl-C while a sandbox is being created: a real daemon, with something between that holds creations back. */
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { TestDaemon } from "../harness/daemon.js";
import { type Entry, runCli } from "./run-cli.js";

const scratch = mkdtempSync(join(tmpdir(), "alcove-int-"));
const socketPath = join(scratch, "held.sock");
let daemon: TestDaemon;
let proxy: Server;
let held: { readonly see: () => void; readonly freed: Promise<void> };

beforeAll(async () => {
  daemon = await TestDaemon.start({ environment: { ALCOVE_ENGINE: "fake" } });
  proxy = createServer((incoming, outgoing) => {
    forward(incoming, outgoing).catch((failure: unknown) => outgoing.destroy(failure as Error));
  });
  await new Promise<void>((resolve) => proxy.listen(socketPath, resolve));
}, 600_000);
afterAll(async () => {
  proxy.closeAllConnections();
  proxy.close();
  await daemon[Symbol.asyncDispose]();
  rmSync(scratch, { recursive: true });
});

async function forward(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
  const { method, url: path, headers } = incoming;
  const body = await buffer(incoming);
  if (method === "POST" && /\/sandboxes(?:\?|$)/.test(path ?? "")) {
    held.see();
    await held.freed;
  }
  const onward = request({ socketPath: `${daemon.runtimeDirectory}/alcoved.sock`, method, path, headers });
  onward.end(body);
  const [answer] = (await once(onward, "response")) as [IncomingMessage];
  outgoing.writeHead(answer.statusCode ?? 0, answer.headers);
  outgoing.end(await buffer(answer));
}

function opened(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  let resolve: () => void = () => undefined;
  const promise = new Promise<void>((fulfil) => (resolve = fulfil));
  return { promise, resolve };
}

afterEach(() => daemon.deleteAll());

/** Runs the CLI up to where its creation is held, and gives it signals there. */
async function interrupted(entry: Entry, words: readonly string[], signals: number) {
  const { promise: seen, resolve: see } = opened();
  const { promise: freed, resolve: free } = opened();
  held = { see, freed };
  let child: ChildProcess | undefined;
  const ending = runCli(words, {
    entry,
    environment: { ALCOVE_SOCKET: socketPath },
    onStart: (started) => (child = started),
  });
  await seen;
  const said = new Promise((resolve) => child?.stderr?.once("data", resolve));
  child?.kill("SIGINT");
  await said;
  if (signals > 1) child?.kill("SIGINT");
  else free();
  const outcome = await ending;
  free();
  return outcome;
}

const ids = async () => {
  const found: string[] = [];
  for await (const { id } of daemon.alcove.sandboxes.list()) found.push(id);
  return found;
};

describe.each<Entry>(["launcher", "node"])("by the %s", (entry) => {
  test("create says that the sandbox comes all the same, and prints its id", async () => {
    const outcome = await interrupted(entry, ["create", "debian"], 1);
    expect(outcome).toMatchObject({ code: 130, stdout: expect.stringMatching(/^[0-9a-f-]{36}\n$/) });
    expect(outcome.stderr).toContain("The sandbox is created all the same; its id follows.");
    expect(await ids()).toEqual([outcome.stdout.trim()]);
  });

  test("run deletes its sandbox, and does not start the program", async () => {
    const outcome = await interrupted(entry, ["run", "debian", "echo", "started"], 1);
    expect(outcome).toMatchObject({ code: 130, stdout: "" });
    expect(outcome.stderr).toContain("The sandbox is deleted as soon as it is there.");
    expect(await ids()).toEqual([]);
  });

  test("a second Ctrl-C leaves at once", async () => {
    expect(await interrupted(entry, ["run", "debian", "true"], 2)).toMatchObject({ code: 130, stdout: "" });
    await expect.poll(ids).toHaveLength(1);
  });
});
