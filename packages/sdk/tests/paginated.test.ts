import { AlcoveError } from "@alcove/contract";
import { Alcove, Paginated } from "alcove";
import fc from "fast-check";
import { expect, test } from "vitest";
import { serve } from "../../server/src/http/serve-for-tests.js";

/** A list as the server keeps it: newest first, read behind an id that must be there. */
function listOf(ids: number[]) {
  const requests: (string | undefined)[] = [];
  const read = async ({ before, pageSize }: { readonly before?: string; readonly pageSize: number }) => {
    requests.push(before);
    const from = before === undefined ? 0 : ids.indexOf(Number(before)) + 1;
    if (before !== undefined && from === 0) throw new AlcoveError("SandboxNotFound", "gone", { field: "before" });
    return ids.slice(from, from + pageSize);
  };
  return {
    requests,
    list: (pageSize: number) =>
      new Paginated({ read, idOf: String, createdAt: (id) => `${id}`.padStart(9, "0"), pageSize }),
  };
}

test("whatever is created and deleted meanwhile, what is there all the time comes once, in order", async () => {
  const change = fc.record({ at: fc.nat(30), remove: fc.array(fc.nat(40), { maxLength: 8 }), add: fc.nat(5) });
  await fc.assert(
    fc.asyncProperty(
      fc.nat(40),
      fc.integer({ min: 1, max: 7 }),
      fc.array(change, { maxLength: 10 }),
      async (count, pageSize, changes) => {
        const ids = Array.from({ length: count }, (_, index) => count - index);
        const lasting = new Set(ids);
        const seen: number[] = [];
        let next = 1_000;
        for await (const id of listOf(ids).list(pageSize)) {
          seen.push(id);
          for (const { remove, add } of changes.filter(({ at }) => at === seen.length)) {
            for (const victim of remove) if (ids.includes(victim)) ids.splice(ids.indexOf(victim), 1);
            for (const victim of remove) lasting.delete(victim);
            for (let made = 0; made < add; made += 1) ids.unshift(next++);
          }
        }
        expect(new Set(seen).size).toBe(seen.length);
        expect(seen.filter((id) => lasting.has(id))).toEqual([...lasting]);
      },
    ),
  );
});

test("pages are asked for as they are needed, and deleting on the way walks through all of them", async () => {
  const ids = [5, 4, 3, 2, 1];
  const { requests, list } = listOf(ids);
  const walk = list(2)[Symbol.asyncIterator]();
  await walk.next();
  await walk.next();
  expect(requests).toEqual([undefined]);
  await walk.return?.(undefined);
  const seen: number[] = [];
  for await (const id of list(2)) {
    seen.push(id);
    ids.splice(ids.indexOf(id), 1);
  }
  expect(seen).toEqual([5, 4, 3, 2, 1]);
  expect(ids).toEqual([]);
});

test("a walk ends that replaces everything it meets by something new", async () => {
  const ids = [5, 4, 3, 2, 1];
  let next = 6;
  const seen: number[] = [];
  for await (const id of listOf(ids).list(2)) {
    seen.push(id);
    ids.splice(ids.indexOf(id), 1);
    ids.unshift(next++);
  }
  expect(seen).toEqual([5, 4, 3, 2, 1]);
});

test("a group's sandboxes are walked while others create and delete, and each of them is met once", async () => {
  await using served = await serve();
  using alcove = new Alcove({ socketPath: served.socketPath });
  const labels = { walk: "yes" };
  const { sandboxes } = await alcove.sandboxes.createMany(23, { image: "debian", labels });
  const seen: string[] = [];
  for await (const { id } of alcove.sandboxes.list({ labels, pageSize: 5 })) {
    seen.push(id);
    if (seen.length % 4 === 0) await alcove.sandboxes.create({ image: "debian", labels });
    if (seen.length % 5 === 0) await alcove.sandboxes.connect(id).delete();
  }
  // Those that were made in the same millisecond as the last of the beginning may be met too.
  expect(new Set(seen).size).toBe(seen.length);
  expect(seen).toEqual(expect.arrayContaining(sandboxes.map(({ id }) => id)));
  const pages: unknown[][] = [];
  for await (const page of alcove.sandboxes.list({ labels, pageSize: 10 }).pages()) pages.push(page);
  expect(pages.map(({ length }) => length)).toEqual([10, 10, 4]);
  expect(await alcove.sandboxes.list({ labels, state: "Stopped" }).toArray()).toEqual([]);
  await expect(alcove.sandboxes.list({ pageSize: 5_000 }).toArray()).rejects.toMatchObject({ field: "pageSize" });
});
