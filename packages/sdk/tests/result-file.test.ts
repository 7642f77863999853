import { expect, test } from "vitest";
import { ByteStream } from "../src/byte-stream.js";
import { takeResult } from "../src/code/result-file.js";
import { ConnectionError } from "../src/errors.js";

const brokenOff = () => new ConnectionError("The daemon broke its answer off.", { isUnsent: false });

async function* shortened() {
  yield Buffer.from('{"kind":');
  throw brokenOff();
}

test("a result that is shortened while it is read is none", async () => {
  const files = { readStream: async () => new ByteStream(shortened()) };
  expect(await takeResult(files, "/tmp/result", { limit: 10 })).toBeUndefined();
});

test("a daemon that does not answer is told", async () => {
  const files = { readStream: () => Promise.reject(brokenOff()) };
  await expect(takeResult(files, "/tmp/result", { limit: 10 })).rejects.toThrow(ConnectionError);
});
