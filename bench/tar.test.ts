import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { expect, onTestFinished, test } from "vitest";
import { fileAsTar, fileFromTar } from "./tar.js";

test("tar reads what we write, and we read it back, whatever the chunks", async () => {
  const directory = mkdtempSync(join(tmpdir(), "alcove-tar-"));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const content = randomBytes(70_001);
  writeFileSync(join(directory, "in"), content);

  const tar = await buffer(fileAsTar({ path: join(directory, "in"), sizeBytes: content.length }, "payload"));
  writeFileSync(join(directory, "tar"), tar);
  expect(execFileSync("tar", ["-xOf", join(directory, "tar"), "payload"])).toEqual(content);

  const pieces = Array.from({ length: Math.ceil(tar.length / 300) }, (_, at) => tar.subarray(at * 300, at * 300 + 300));
  expect(await fileFromTar(Readable.from(pieces), join(directory, "out"))).toBe(content.length);
  expect(readFileSync(join(directory, "out"))).toEqual(content);
});
