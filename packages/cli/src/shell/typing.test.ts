import { expect, test } from "vitest";
import { typeInto } from "./typing.js";

async function* typed(...chunks: readonly string[]) {
  for (const chunk of chunks) yield Buffer.from(chunk);
}

/** Leaves as the session does; tells what was written. */
async function typeTo(write: () => Promise<void>, keys: AsyncIterable<Uint8Array>) {
  const written: string[] = [];
  let hasLeft = false;
  const handle = {
    write: (bytes: string | Uint8Array) => {
      written.push(Buffer.from(bytes as Uint8Array).toString());
      return write();
    },
  };
  await typeInto(handle, keys, () => {
    hasLeft = true;
  });
  return { written, hasLeft };
}

test("the way out is found while nothing that is typed can be sent", async () => {
  const { written, hasLeft } = await typeTo(() => new Promise(() => undefined), typed("ls\r", "pwd\r", "~", "."));
  expect(hasLeft).toBe(true);
  expect(written).toEqual(["ls\r"]);
});

test("what is typed meanwhile goes with the next write, in its order", async () => {
  let letGo: () => void = () => undefined;
  const sent = new Promise<void>((resolve) => (letGo = resolve));
  async function* keys() {
    yield* typed("a", "b", "c");
    letGo();
    await new Promise(setImmediate);
    yield* typed("d");
  }
  expect((await typeTo(() => sent, keys())).written).toEqual(["a", "bc", "d"]);
});

test("what cannot be typed is told, though no more keys come", async () => {
  async function* keys() {
    yield* typed("a");
    await new Promise(() => undefined);
  }
  await expect(typeTo(() => Promise.reject(new Error("it is over")), keys())).rejects.toThrow("it is over");
});

test("more than a mebibyte waits until some of it is sent", async () => {
  let read = 0;
  async function* keys() {
    for (; read < 10; read++) yield Buffer.alloc(512 * 1024, "x");
  }
  void typeTo(() => new Promise(() => undefined), keys());
  await new Promise(setImmediate);
  expect(read).toBeLessThan(5);
});
