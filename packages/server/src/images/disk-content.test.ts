import { mkdtemp, open, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Contents } from "./contents.js";
import { takeDisk } from "./disk-content.js";
import { type BuildOptions, emptyConfig } from "./image.js";

let directory = "";
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "alcove-disk-content-"));
});
afterEach(() => rm(directory, { recursive: true }));

const mebibyte = 1_048_576;
const options: BuildOptions = {
  ...{ signal: new AbortController().signal, onStep: () => undefined },
  ...{ onLine: () => undefined, onContent: () => undefined },
};

function take(marks: Readonly<Record<number, string>>, { sizeBytes = 64 * mebibyte, signal = options.signal } = {}) {
  let isReleased = false;
  const order = {
    ...{ kind: "disk" as const, sandboxId: "box", config: emptyConfig },
    async write(path: string) {
      await using file = await open(path, "wx");
      await file.truncate(sizeBytes);
      for (const [position, text] of Object.entries(marks))
        await file.write(Buffer.from(text), 0, text.length, Number(position));
    },
    async [Symbol.asyncDispose]() {
      isReleased = true;
    },
  };
  const taken = takeDisk({ contents: new Contents(directory), openDisk: undefined, spareBytes: 0 }, order, {
    ...options,
    signal,
  });
  return taken.finally(() => expect(isReleased).toBe(true));
}

test("a disk is named by what is on it, where it is and how large it is", async () => {
  const first = await take({ 5: "a", 40000000: "b" });
  expect(first).toMatchObject({ config: { minimumDiskMiB: 64 }, source: { kind: "commit", sandboxId: "box" } });
  expect(first.content.sizeBytes).toBeLessThan(4 * mebibyte);
  expect((await take({ 5: "a", 40000000: "b" })).content).toEqual(first.content);
  expect(await readdir(directory)).toEqual([first.content.key]);
  const others = [
    await take({ 5: "a", 40000001: "b" }),
    await take({ 5: "a", [41_000_000 + mebibyte]: "b" }),
    await take({ 5: "a", 40000000: "b" }, { sizeBytes: 65 * mebibyte }),
  ];
  expect(new Set([first, ...others].map(({ content }) => content.key)).size).toBe(4);
});

test("a build that is aborted leaves nothing", async () => {
  const controller = new AbortController();
  controller.abort(new Error("enough"));
  await expect(take({ 0: "x" }, { signal: controller.signal })).rejects.toThrow("enough");
  expect(await readdir(directory)).toEqual([]);
});
