/** Large contents against the real agent: they go past the channel, and come out as they went in, whatever happens meanwhile. */
import { createHash, randomBytes, randomUUID } from "node:crypto";
import { appendFile, mkdir, readdir, readFile, stat, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { waitFor } from "../../lib/backoff.js";
import { connectGuest } from "../connect.js";
import type { Guest } from "../guest.js";
import { type RealAgent, startRealAgent } from "../real-agent-test-kit.js";
import { placeBytes } from "./exchange.js";
import { WatchedFile } from "./watched-file-test-kit.js";

const MiB = 1024 * 1024;
const signal = AbortSignal.timeout(120_000);
const large = randomBytes(5 * placeBytes + 7);
const sessions = { agent: 0, host: 0 };
const file = new WatchedFile();
let agent: RealAgent;
let guest: Guest;

beforeAll(async () => {
  agent = await startRealAgent(signal);
  const openStream: RealAgent["open"] = (name, within) => {
    sessions[name]++;
    return agent.open(name, within);
  };
  guest = await connectGuest(openStream, { signal, openExchange: () => file.open(agent.exchange) });
}, 180_000);

afterAll(async () => {
  await guest?.close();
  await agent?.[Symbol.asyncDispose]();
});

beforeEach(() => {
  sessions.agent = 0;
  file.reset();
});

test("a large content goes up and down whole", async () => {
  const path = fresh();
  expect(await write(path, large)).toBe(large.length);
  expect(hashOf(await readFile(path))).toBe(hashOf(large));
  const { sizeBytes, content } = await guest.files.read(path, {}, signal);
  expect(sizeBytes).toBe(large.length);
  expect(hashOf(await all(content))).toBe(hashOf(large));
});

test.each([1, 256 * 1024 - 1, 256 * 1024, placeBytes - 1, placeBytes, placeBytes + 1, 4 * placeBytes])(
  "%i bytes go up and down whole",
  async (size) => {
    const path = fresh();
    const content = large.subarray(0, size);
    expect(await write(path, content)).toBe(size);
    expect((await read(path)).equals(content)).toBe(true);
  },
);

test.each([
  [1, 300_001],
  [4_097, 5 * MiB + 3],
  [placeBytes - 1, 2 * placeBytes + 2],
  [large.length - 300_000, 400_000],
  [4_096, undefined],
])("a part of a file from byte %i on, %s bytes of it, comes whole", async (offset, length) => {
  const path = fresh();
  await writeFile(path, large);
  const wanted = large.subarray(offset, offset + (length ?? large.length));
  const range = length === undefined ? { offset } : { offset, length };
  expect((await read(path, range)).equals(wanted)).toBe(true);
});

test("pieces of any size make the same file", async () => {
  const path = fresh();
  const sizes = [1, 3, 65_536, 0, 5 * MiB, 7, 100_000];
  async function* pieces() {
    for (let at = 0, index = 0; at < large.length; index++) {
      const size = sizes[index % sizes.length] ?? 1;
      yield large.subarray(at, at + size);
      at += size;
    }
  }
  expect(await guest.files.write(path, pieces(), { createDirs: false }, signal)).toBe(large.length);
  expect(hashOf(await readFile(path))).toBe(hashOf(large));
});

test("a content of single bytes costs no more than what it holds", async () => {
  const path = fresh();
  const content = large.subarray(0, 600_000);
  async function* bytes() {
    for (let at = 0; at < content.length; at++) yield content.subarray(at, at + 1);
  }
  expect(await guest.files.write(path, bytes(), { createDirs: false }, signal)).toBe(content.length);
  expect((await readFile(path)).equals(content)).toBe(true);
  expect(file.used.size).toBe(1);
  expect(file.mostPieces).toBeLessThan(50);
});

test("a disk of the host that becomes full is said to be, leaves the old file, and costs no session", async () => {
  const path = fresh();
  await writeFile(path, "old");
  file.fault = Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" });
  for (let attempt = 0; attempt < 5; attempt++) {
    await expect(write(path, large)).rejects.toMatchObject({
      code: "DiskFull",
      message: "The disk of the host is full: the content could not be passed to the sandbox.",
    });
  }
  file.fault = undefined;
  await waitFor(async () => ((await partsOf(agent.folder)) === 0 ? true : undefined), signal);
  expect(await readFile(path, "utf8")).toBe("old");
  expect(sessions.agent).toBe(0);
  await expectAllSlots();
});

test("where the host's disk is all but full, contents go through the channel", async () => {
  file.freeBytes = 1_000_000;
  const path = fresh();
  expect(await write(path, large)).toBe(large.length);
  expect(hashOf(await read(path))).toBe(hashOf(large));
  expect(file.used.size).toBe(0);
});

test("a directory with a large file comes back as it was", async () => {
  const [from, to] = [fresh(), fresh()];
  await mkdir(join(from, "deep"), { recursive: true });
  await writeFile(join(from, "deep/large"), large);
  await writeFile(join(from, "small"), "content");
  const archive = await guest.files.readArchive(from, signal);
  expect(await guest.files.writeArchive(to, archive, {}, signal)).toBe(3);
  expect(hashOf(await readFile(join(to, "deep/large")))).toBe(hashOf(large));
  expect(await readFile(join(to, "small"), "utf8")).toBe("content");
});

test("more uploads at once than there are slots are all whole, and so are downloads", async () => {
  const files = Array.from({ length: 6 }, () => ({ path: fresh(), content: randomBytes(2 * placeBytes + 11) }));
  await Promise.all(files.map(({ path, content }) => write(path, content)));
  const came = await Promise.all(files.map(({ path }) => read(path)));
  expect(came.map(hashOf)).toEqual(files.map(({ content }) => hashOf(content)));
});

test("uploads that their source breaks off leave the old file, and all slots", async () => {
  const path = fresh();
  await writeFile(path, "old");
  for (let attempt = 0; attempt < 5; attempt++) {
    const writing = guest.files.write(path, breaking(placeBytes + 5), { createDirs: false }, signal);
    await expect(writing).rejects.toMatchObject({ message: "the source broke" });
  }
  expect(await readFile(path, "utf8")).toBe("old");
  await expectAllSlots();
});

test("what is refused in the middle is refused with its sentence, again and again, and the session goes on", async () => {
  for (let attempt = 0; attempt < 10; attempt++) {
    const writing = guest.files.writeArchive(fresh(), pieces(large), {}, signal);
    await expect(writing).rejects.toMatchObject({
      code: "InvalidRequest",
      message: expect.stringContaining("not a tar"),
    });
    await expect(
      guest.files.write("/no/directory/here", pieces(large), { createDirs: false }, signal),
    ).rejects.toMatchObject({
      code: "FileNotFound",
    });
    await expect(guest.files.read(agent.folder, {}, signal)).rejects.toMatchObject({ code: "IsADirectory" });
  }
  expect(sessions.agent).toBe(0);
  await expectAllSlots();
});

test.each(["at once", "after its first piece", "while nobody reads"])(
  "a download that is given up %s gives its slot back, and the session goes on",
  async (when) => {
    const path = fresh();
    await writeFile(path, large);
    for (let attempt = 0; attempt < 6; attempt++) {
      const giveUp = new AbortController();
      const { content } = await guest.files.read(path, {}, giveUp.signal);
      content.on("error", () => {});
      if (when !== "at once") await new Promise((resolve) => content.once("readable", resolve));
      if (when === "after its first piece") content.read();
      if (attempt % 2 === 0) giveUp.abort(new Error("enough"));
      else content.destroy();
      await new Promise((resolve) => (content.closed ? resolve(undefined) : content.once("close", resolve)));
    }
    await expectAllSlots();
    expect(sessions.agent).toBe(0);
  },
);

test("an upload that is given up while its source stalls leaves the old file and its slot", async () => {
  const path = fresh();
  await writeFile(path, "old");
  for (let attempt = 0; attempt < 5; attempt++) {
    const giveUp = new AbortController();
    const writing = guest.files.write(path, stalling(placeBytes + 5), { createDirs: false }, giveUp.signal);
    await waitFor(async () => ((await partsOf(agent.folder)) > 0 ? true : undefined), signal);
    giveUp.abort(new Error("enough"));
    await expect(writing).rejects.toThrow("enough");
    await waitFor(async () => ((await partsOf(agent.folder)) === 0 ? true : undefined), signal);
  }
  expect(await readFile(path, "utf8")).toBe("old");
  await expectAllSlots();
  expect(sessions.agent).toBe(0);
});

test("a daemon that hangs up in the middle can use the same slots again", async () => {
  const path = fresh();
  await writeFile(path, large);
  for (let attempt = 0; attempt < 5; attempt++) {
    const { content } = await guest.files.read(path, {}, signal);
    const reading = all(content);
    const writing = guest.files.write(fresh(), stalling(placeBytes + 5), { createDirs: false }, signal);
    const outcomes = Promise.allSettled([reading, writing]);
    await waitFor(async () => ((await partsOf(agent.folder)) > 0 ? true : undefined), signal);
    agent.hangUp();
    expect((await outcomes)[1]).toMatchObject({ status: "rejected", reason: { code: "GuestUnresponsive" } });
  }
  await expectAllSlots();
});

test("a file that grows or shrinks while it is read ends", async () => {
  for (const change of [(path: string) => appendFile(path, large), (path: string) => truncate(path, placeBytes + 1)]) {
    const path = fresh();
    await writeFile(path, Buffer.concat([large, large]));
    const { content } = await guest.files.read(path, {}, signal);
    await change(path);
    const came = await all(content);
    expect(came.length).toBeGreaterThan(placeBytes);
    expect(came.subarray(0, placeBytes).equals(large.subarray(0, placeBytes))).toBe(true);
  }
  await expectAllSlots();
});

test("a file that shrinks below what an archive has promised breaks the archive off", async () => {
  const from = fresh();
  await mkdir(from);
  await writeFile(join(from, "large"), Buffer.concat([large, large]));
  const archive = await guest.files.readArchive(from, signal);
  await truncate(join(from, "large"), 10);
  await expect(all(archive)).rejects.toMatchObject({ code: "GuestUnresponsive" });
  await expectAllSlots();
});

test("what was carried is not kept", async () => {
  await write(fresh(), large);
  await waitFor(async () => {
    return (await stat(agent.exchange)).blocks === 0 || undefined;
  }, signal);
});

/** Four at once use every slot, up and down: one that is lost or held would not be noticed but by its number. */
async function expectAllSlots(): Promise<void> {
  const files = Array.from({ length: 4 }, () => ({ path: fresh(), content: randomBytes(placeBytes + 11) }));
  await waitFor(() => usesAllSlots(() => Promise.all(files.map(({ path, content }) => write(path, content)))), signal);
  await waitFor(() => usesAllSlots(() => Promise.all(files.map(({ path }) => read(path)))), signal);
  for (const { path, content } of files) expect(hashOf(await readFile(path))).toBe(hashOf(content));
}

/** A transfer that was given up may still have its slot for a moment. */
async function usesAllSlots(transfers: () => Promise<unknown>): Promise<true | undefined> {
  file.used.clear();
  await transfers();
  return file.used.size === 4 || undefined;
}

function fresh(): string {
  return join(agent.folder, randomUUID());
}

function write(path: string, content: Buffer): Promise<number> {
  return guest.files.write(path, pieces(content), { createDirs: false }, signal);
}

async function* pieces(content: Buffer): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < content.length; at += 65_536) yield content.subarray(at, at + 65_536);
}

async function* breaking(bytes: number): AsyncGenerator<Uint8Array> {
  yield* pieces(large.subarray(0, bytes));
  throw new Error("the source broke");
}

async function* stalling(bytes: number): AsyncGenerator<Uint8Array> {
  yield* pieces(large.subarray(0, bytes));
  await new Promise(() => {});
}

async function read(path: string, range: { offset?: number; length?: number } = {}): Promise<Buffer> {
  return all((await guest.files.read(path, range, signal)).content);
}

async function all(content: Readable): Promise<Buffer> {
  return Buffer.concat((await content.toArray()) as Buffer[]);
}

function hashOf(content: Buffer): string {
  return createHash("sha256").update(content).digest("hex");
}

/** Files that are being written. */
async function partsOf(folder: string): Promise<number> {
  return (await readdir(folder)).filter((name) => name.endsWith(".part")).length;
}
