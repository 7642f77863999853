/** The daemon is killed again and again at random moments while clients create, use and delete: nothing lost, nothing left. */
import { setTimeout as after } from "node:timers/promises";
import { Sandbox } from "alcove";
import { afterAll, beforeAll, expect, test } from "vitest";
import { census, nothing } from "../harness/census.js";
import { TestDaemon } from "../harness/daemon.js";
import { isLong } from "../harness/long.js";
import { seeded } from "../harness/seeded.js";

const kills = isLong ? 20 : 8;
const seed = Number(process.env.ALCOVE_TEST_SEED ?? Date.now() % 1_000_000);

let daemon: TestDaemon;
beforeAll(async () => {
  daemon = await TestDaemon.start({ hasOwnData: true });
}, 600_000);
afterAll(() => daemon[Symbol.asyncDispose]());

test(`Killed ${kills} times under load with seed ${seed}, it loses and leaves nothing`, async () => {
  const random = seeded(seed);
  const kept = await Sandbox.create({ image: "debian", memory: "512Mi", alcove: daemon.alcove });
  await kept.files.write("/root/kept", "kept");
  const counter = await kept.spawn("i=0; while :; do i=$((i+1)); echo $i; sleep 0.1; done", { detached: true });
  await counter[Symbol.asyncDispose]();
  const answered = new Set<string>([kept.id]);
  const deleted = new Set<string>();
  const load = new AbortController();
  const clients = [1, 2].map(() => client({ answered, deleted, isOver: () => load.signal.aborted }));

  for (let kill = 0; kill < kills; kill += 1) {
    await after(100 + random() * 1_400);
    await daemon.kill();
    await daemon.restart();
  }
  load.abort();
  await Promise.all(clients);

  expect(await kept.files.readText("/root/kept")).toBe("kept");
  expect((await kept.execs.get(counter.id)).state).toBe("Running");
  const attached = await kept.execs.attach(counter.id, { offset: 0 });
  expect(await firstLine(attached.stdout)).toMatch(/^\d+$/);
  await attached[Symbol.asyncDispose]();
  for (const id of answered)
    if (!deleted.has(id)) expect((await daemon.alcove.sandboxes.connect(id).info()).state).toBe("Running");
  await daemon.deleteAll();
  await expect.poll(() => census(daemon), { timeout: 30_000 }).toEqual(nothing);
}, 300_000);

interface Books {
  readonly answered: Set<string>;
  readonly deleted: Set<string>;
  readonly isOver: () => boolean;
}

/** Creates, uses and deletes until told to end; notes what was answered. */
async function client({ answered, deleted, isOver }: Books): Promise<void> {
  while (!isOver()) {
    try {
      const sandbox = await Sandbox.create({ image: "debian", memory: "512Mi", alcove: daemon.alcove });
      answered.add(sandbox.id);
      await sandbox.exec("echo used > /root/used", { signal: AbortSignal.timeout(10_000) });
      deleted.add(sandbox.id);
      await sandbox.delete();
    } catch {
      // The daemon was killed under this call; what it had answered before is in the books.
      await after(50);
    }
  }
}

async function firstLine(chunks: AsyncIterable<Uint8Array>): Promise<string> {
  let text = "";
  for await (const chunk of chunks) {
    text += Buffer.from(chunk).toString();
    if (text.includes("\n")) break;
  }
  return text.split("\n")[0] ?? "";
}
