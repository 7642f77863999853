import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { request } from "node:http";
import { Readable } from "node:stream";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import type { Control } from "../control/control.js";
import { ask, createSandbox, type Served, serve } from "./serve-for-tests.js";

let served: Served;
let sandbox: { id: string; path: string };
let produced = 0;
let isContentGone = false;

/** `/endless` is a file whose bytes never end, `/shrunken` one that ends before its size, `/grown` one that ends behind it. */
function withOddFiles(control: Control): Control {
  const read: Control["files"]["read"] = async (ref, path, range, signal) => {
    if (path === "/shrunken") return { sizeBytes: 100, version: "1", content: Readable.from([Buffer.alloc(50)]) };
    if (path === "/grown")
      return {
        sizeBytes: 100,
        version: "1",
        content: Readable.from(["x".repeat(80), "x".repeat(80)].map(Buffer.from)),
      };
    if (path !== "/endless") return control.files.read(ref, path, range, signal);
    const content = new Readable({
      read() {
        produced += 65_536;
        this.push(Buffer.alloc(65_536));
      },
    });
    content.on("close", () => {
      isContentGone = true;
    });
    return { sizeBytes: 0, version: "1", content };
  };
  return { ...control, files: { ...control.files, read } };
}

beforeAll(async () => {
  served = await serve(withOddFiles);
  sandbox = await createSandbox(served.socketPath);
});
afterAll(() => served[Symbol.asyncDispose]());

const file = (path: string, query = "") => `${sandbox.path}/files?path=${encodeURIComponent(path)}${query}`;
const upload = (path: string, body: Buffer, query = "") =>
  ask(served.socketPath, file(path, query), { method: "POST", body });

test("bytes go in and come out as they were, with their length", async () => {
  const content = randomBytes(3_000_000);
  expect((await upload("/tmp/blob", content)).json).toEqual({ bytesWritten: content.length });
  const [hash, length] = await download(file("/tmp/blob"));
  expect(hash).toBe(sha256(content));
  expect(length).toBe("3000000");
});

test("a part of a file has the length of the part", async () => {
  await upload("/tmp/digits", Buffer.from("0123456789"));
  const part = await ask(served.socketPath, file("/tmp/digits", "&offset=3&length=4"));
  expect([part.text, part.headers["content-length"]]).toEqual(["3456", "4"]);
  const end = await ask(served.socketPath, file("/tmp/digits", "&offset=8&length=100"));
  expect([end.text, end.headers["content-length"]]).toEqual(["89", "2"]);
  const behind = await ask(served.socketPath, file("/tmp/digits", "&offset=50"));
  expect([behind.status, behind.text]).toEqual([200, ""]);
});

test("an upload that breaks off leaves the old file", async () => {
  await upload("/tmp/kept", Buffer.from("old"));
  const outgoing = request({
    socketPath: served.socketPath,
    path: file("/tmp/kept"),
    method: "POST",
    headers: { "content-length": 1_000_000 },
  });
  outgoing.on("error", () => undefined);
  outgoing.write("x".repeat(200_000));
  await vi.waitFor(() => expect(outgoing.socket?.bytesWritten).toBeGreaterThan(200_000), { timeout: 20_000 });
  outgoing.destroy();
  await new Promise((resolve) => outgoing.once("close", resolve));
  await vi.waitFor(async () => expect((await ask(served.socketPath, file("/tmp/kept"))).text.slice(0, 9)).toBe("old"), {
    timeout: 20_000,
  });
  const { json } = await ask(served.socketPath, `${sandbox.path}/files/list?path=/tmp`);
  expect((json.entries as { name: string }[]).filter(({ name }) => name.includes("kept"))).toHaveLength(1);
});

test("a refused upload is answered without being read to its end", async () => {
  const nowhere = file("/tmp/x").replace(sandbox.id, "00000000-0000-4000-8000-000000000000");
  const outgoing = request({ socketPath: served.socketPath, path: nowhere, method: "POST" });
  outgoing.on("error", () => undefined);
  const answered = once(outgoing, "response");
  let sent = 0;
  const pump = () => {
    while (!outgoing.destroyed && sent < 1e9 && outgoing.write(Buffer.alloc(65_536))) sent += 65_536;
  };
  outgoing.on("drain", pump);
  pump();
  const [incoming] = await answered;
  expect(incoming.statusCode).toBe(404);
  outgoing.destroy();
  expect(sent).toBeLessThan(100_000_000);
});

test("a client that goes away stops the reading", async () => {
  const outgoing = request({ socketPath: served.socketPath, path: file("/endless"), agent: false });
  outgoing.on("error", () => undefined).end();
  const [incoming] = await once(outgoing, "response");
  await once(incoming, "data");
  outgoing.destroy();
  await vi.waitFor(() => expect(isContentGone).toBe(true), { timeout: 20_000 });
});

test("a client that does not read holds the reading back", async () => {
  produced = 0;
  const outgoing = request({ socketPath: served.socketPath, path: file("/endless"), agent: false });
  outgoing.on("error", () => undefined).end();
  const [incoming] = await once(outgoing, "response");
  incoming.pause();
  let before = -1;
  await vi.waitFor(
    () => {
      const isStill = produced === before;
      before = produced;
      expect(isStill).toBe(true);
    },
    { timeout: 20_000 },
  );
  expect(produced).toBeLessThan(8_000_000);
  outgoing.destroy();
});

test("of a file that grows while it is read, as a log does, comes what it had when it was opened", async () => {
  const grown = await ask(served.socketPath, file("/grown"));
  expect([grown.status, grown.text, grown.headers["content-length"]]).toEqual([200, "x".repeat(100), "100"]);
});

test("a file that shrinks while it is read breaks the answer off", async () => {
  await expect(ask(served.socketPath, file("/shrunken"))).rejects.toThrow();
  expect((await ask(served.socketPath, "/v1/version")).status).toBe(200);
});

test("HEAD of a file tells its length and reads nothing", async () => {
  await upload("/tmp/five", Buffer.from("12345"));
  const head = await ask(served.socketPath, file("/tmp/five"), { method: "HEAD" });
  expect([head.status, head.headers["content-length"], head.text]).toEqual([200, "5", ""]);
});

test("a directory goes out and in as tar", async () => {
  await upload("/tmp/from/a/b.txt", Buffer.from("deep"), "&createDirs=true");
  const tar = await raw(`${sandbox.path}/files/archive?path=/tmp/from`);
  const { status } = await ask(served.socketPath, `${sandbox.path}/files/archive?path=/tmp/to`, {
    method: "POST",
    headers: { "content-type": "application/x-tar" },
    body: tar,
  });
  expect(status).toBe(201);
  expect((await ask(served.socketPath, file("/tmp/to/a/b.txt"))).text).toBe("deep");
});

async function download(path: string): Promise<[hash: string, length: string | undefined]> {
  const outgoing = request({ socketPath: served.socketPath, path, agent: false }).end();
  const [incoming] = await once(outgoing, "response");
  const hash = createHash("sha256");
  for await (const chunk of incoming) hash.update(chunk);
  return [hash.digest("hex"), incoming.headers["content-length"]];
}

async function raw(path: string): Promise<Buffer> {
  const outgoing = request({ socketPath: served.socketPath, path, agent: false }).end();
  const [incoming] = await once(outgoing, "response");
  return Buffer.concat(await incoming.toArray());
}

function sha256(bytes: Buffer): string {
  return createHash("sha256").update(bytes).digest("hex");
}
