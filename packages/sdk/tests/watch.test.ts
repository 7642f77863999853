import { Alcove, type FileEvent, type Sandbox } from "alcove";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Served, serve } from "../../server/src/http/serve-for-tests.js";

let served: Served;
let alcove: Alcove;
let sandbox: Sandbox;

beforeAll(async () => {
  served = await serve();
  alcove = new Alcove({ socketPath: served.socketPath });
  sandbox = await alcove.sandboxes.create({ image: "debian" });
  await sandbox.files.mkdir("/srv/watched/below", { createParents: true });
});
afterAll(async () => {
  alcove[Symbol.dispose]();
  await served[Symbol.asyncDispose]();
});

async function first(events: AsyncIterable<FileEvent>, count: number): Promise<FileEvent[]> {
  const seen: FileEvent[] = [];
  for await (const event of events) {
    seen.push(event);
    if (seen.length === count) break;
  }
  return seen;
}

test("what changes is told from the moment that the watch is there, whoever changes it", async () => {
  const events = await sandbox.files.watch("/srv/watched");
  await sandbox.files.write("/srv/watched/below/unseen", "");
  await sandbox.files.write("/srv/watched/a", "1");
  await sandbox.exec("rm /srv/watched/a");
  expect(await first(events, 2)).toEqual([
    { type: "created", path: "/srv/watched/a", isDir: false },
    { type: "deleted", path: "/srv/watched/a", isDir: false },
  ]);
});

test("with recursive all below is watched", async () => {
  const events = await sandbox.files.watch("/srv/watched", { recursive: true });
  await sandbox.files.write("/srv/watched/below/seen", "");
  expect(await first(events, 1)).toEqual([{ type: "created", path: "/srv/watched/below/seen", isDir: false }]);
});

test("a watch of nothing is refused, 16 are open at once at most, and those that were left make room", async () => {
  await expect(sandbox.files.watch("/srv/nothing")).rejects.toMatchObject({ code: "FileNotFound" });
  await using other = await alcove.sandboxes.create({ image: "debian" });
  const open = await Promise.all(Array.from({ length: 16 }, () => other.files.watch("/tmp")));
  await expect(other.files.watch("/tmp")).rejects.toMatchObject({ code: "TooManyRequests" });
  await other.files.write("/tmp/x", "");
  for (const events of open) await first(events, 1);
  await expect
    .poll(
      () =>
        other.files.watch("/tmp").then(
          () => "open",
          () => "refused",
        ),
      { timeout: 10_000 },
    )
    .toBe("open");
});
