import { Alcove, type SandboxChange } from "alcove";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Served, serve } from "../../server/src/http/serve-for-tests.js";

let served: Served;
let alcove: Alcove;

beforeAll(async () => {
  served = await serve();
  alcove = new Alcove({ socketPath: served.socketPath });
});
afterAll(async () => {
  alcove[Symbol.dispose]();
  await served[Symbol.asyncDispose]();
});

const shown = (change: SandboxChange) =>
  change.type === "gone" ? `gone ${change.id}` : `${change.sandbox.state} ${change.sandbox.id}`;

async function until(changes: AsyncIterator<SandboxChange>, wanted: string): Promise<string[]> {
  const seen: string[] = [];
  for (;;) {
    const { value } = await changes.next();
    seen.push(shown(value));
    if (seen.at(-1) === wanted) return seen;
  }
}

test("those that have the labels are told as they are, as they change, and when they are gone", async () => {
  const labels = { watch: "1" };
  const there = await alcove.sandboxes.create({ image: "debian", labels });
  const other = await alcove.sandboxes.create({ image: "debian" });
  const changes = alcove.sandboxes.watch({ labels })[Symbol.asyncIterator]();
  expect(await until(changes, `Running ${there.id}`)).toHaveLength(1);
  const next = await alcove.sandboxes.create({ image: "debian", labels });
  const seen = await until(changes, `Running ${next.id}`);
  await there.setLabels({ watch: null });
  seen.push(...(await until(changes, `gone ${there.id}`)));
  await other.delete();
  await next.delete();
  seen.push(...(await until(changes, `gone ${next.id}`)));
  expect(seen.filter((line) => line.includes(other.id))).toEqual([]);
  await changes.return?.();
});

test("a watch goes on over a restart of the daemon, without losing what changed meanwhile", async () => {
  const sandbox = await alcove.sandboxes.create({ image: "debian", labels: { watch: "2" } });
  const changes = alcove.sandboxes.watch({ labels: { watch: "2" } })[Symbol.asyncIterator]();
  await until(changes, `Running ${sandbox.id}`);
  await served.restart();
  await sandbox.delete();
  await until(changes, `gone ${sandbox.id}`);
  await changes.return?.();
});

test("one sandbox is watched to its end", async () => {
  const sandbox = await alcove.sandboxes.create({ image: "debian" });
  const states: string[] = [];
  let deleting: Promise<void> | undefined;
  for await (const { state } of sandbox.watch()) {
    states.push(state);
    deleting ??= sandbox.delete();
  }
  await deleting;
  expect(states).toEqual(["Running", "Deleting"]);
});
