import { expect, test } from "vitest";
import { freeSpace } from "./free-space.js";

test("a path that does not exist yet has the room of the file system it will be on", async () => {
  const here = await freeSpace("/tmp");
  const future = await freeSpace("/tmp/no/such/directory");
  expect(here.freeBytes).toBeGreaterThan(0);
  expect(here.freeBytes).toBeLessThanOrEqual(here.totalBytes);
  expect(future.totalBytes).toBe(here.totalBytes);
});

test("a path below a file is an error, not a guess", async () => {
  await expect(freeSpace("/etc/passwd/below")).rejects.toThrow("ENOTDIR");
});
