import { mkdtemp, open, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { run } from "../host/run.js";
import { type DiskBuilder, makeLayeredDisk } from "./disk-builder.js";

const fileSystemId = "6f1c1a3e-5d5e-4a39-9d6c-1f2f3a4b5c6d";
const { signal } = new AbortController();
let place: string;
let path: string;
beforeEach(async () => {
  place = await mkdtemp(join(tmpdir(), "alcove-disk-"));
  path = join(place, "disk.raw");
});
afterEach(() => rm(place, { recursive: true, force: true }));

/** Notes what is done with it. */
function noting(done: string[], refuse?: Error) {
  return async (diskPath: string): Promise<DiskBuilder> => {
    done.push(`open ${diskPath === path}`);
    return {
      async apply(layer) {
        const pieces: Uint8Array[] = [];
        for await (const piece of layer) pieces.push(piece);
        done.push(`apply ${Buffer.concat(pieces)}`);
        if (refuse !== undefined) throw refuse;
        return { entries: pieces.length, bytes: 1 };
      },
      async finish() {
        done.push("finish");
        return { files: 2, bytes: 3 };
      },
      async [Symbol.asyncDispose]() {
        done.push("dispose");
      },
    };
  };
}

async function* layer(text: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(text);
}

test("a builder gets an empty file system and the layers from the lowest up, and is ended", async () => {
  const done: string[] = [];
  const told: number[] = [];
  const options = { signal, onLayer: (index: number) => told.push(index) };
  const used = await makeLayeredDisk({ path, fileSystemId }, [layer("a"), layer("b")], noting(done), options);
  expect(done).toEqual(["open true", "apply a", "apply b", "finish", "dispose"]);
  expect(told).toEqual([0, 1]);
  expect(used).toEqual({ files: 2, bytes: 3 });
  const environment = { PATH: `${process.env.PATH}:/usr/sbin:/sbin`, LC_ALL: "C" };
  expect((await run("e2fsck", ["-fn", path], { environment })).stdout).toContain("11/");
  expect((await head(path)).subarray(1_024 + 0x68, 1_024 + 0x78).toString("hex")).toBe(
    fileSystemId.replaceAll("-", ""),
  );
  expect((await stat(path)).blocks * 512).toBeLessThan(100 * 1024 * 1024);
});

test("a layer that is refused ends the builder, and nothing is finished", async () => {
  const done: string[] = [];
  const refusal = new Error("no tar");
  await expect(
    makeLayeredDisk({ path, fileSystemId }, [layer("a"), layer("b")], noting(done, refusal), { signal }),
  ).rejects.toBe(refusal);
  expect(done).toEqual(["open true", "apply a", "dispose"]);
});

/** The disk is gigabytes of holes. */
async function head(disk: string): Promise<Buffer> {
  await using file = await open(disk);
  return (await file.read(Buffer.alloc(2_048), 0, 2_048, 0)).buffer;
}
