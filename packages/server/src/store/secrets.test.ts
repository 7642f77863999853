import { expect, test } from "vitest";
import { openStore } from "./store.js";
import { temporaryDirectory, testRecord } from "./test-record.js";

const canary = "c4n4ry-51d0";

test("a copy of the database has the secrets of sandboxes, until their sandbox is deleted", async () => {
  using home = temporaryDirectory();
  const store = openStore(home.path);
  const [kept, deleted] = [testRecord(), testRecord()];
  for (const record of [kept, deleted]) store.sandboxes.insert(record);
  store.secrets.insert(kept.id, { B: "2", A: "1" });
  store.secrets.insert(deleted.id, { SMALL: canary, LARGE: `${canary}.`.repeat(5_000) });
  expect(store.secrets.names(kept.id)).toEqual(["A", "B"]);
  expect(store.secrets.find(kept.id, "B")).toBe("2");
  expect(store.secrets.find(kept.id, "SMALL")).toBeUndefined();
  expect(await copied(store)).toContain(canary);
  store.sandboxes.remove(deleted.id);
  expect(store.secrets.names(deleted.id)).toEqual([]);
  expect(await copied(store)).not.toContain(canary);
  store.close();
});

async function copied(store: ReturnType<typeof openStore>): Promise<string> {
  const copy = await store.copy();
  const chunks: Buffer[] = [];
  for await (const chunk of copy.content()) chunks.push(chunk);
  await copy.close();
  return Buffer.concat(chunks).toString("latin1");
}
