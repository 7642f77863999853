import { Alcove } from "alcove";
import { expect, test } from "vitest";
import { serve } from "../../server/src/http/serve-for-tests.js";

test("a pool is made, waited for, read, listed, used and deleted", async () => {
  await using served = await serve();
  using alcove = new Alcove({ socketPath: served.socketPath });
  const { pools, sandboxes } = alcove.defaultGroup;
  const prime = ["sh", "-c", "echo warm > /tmp/note"];
  const made = await pools.set("fast", { image: "debian", tier: "XS", minimum: 2, prime });
  expect(made).toMatchObject({ name: "fast", resources: { cpu: "250m" }, minimum: 2, maximum: 2, prime });
  expect(await pools.waitUntilReady("fast", { signal: AbortSignal.timeout(10_000) })).toMatchObject({ ready: 2 });
  await using sandbox = await sandboxes.create({ image: "debian", tier: "XS", env: { NAME: "ada" } });
  expect((await sandbox.exec("cat /tmp/note; echo $NAME")).stdout).toBe("warm\nada\n");
  expect(await pools.get("fast")).toMatchObject({ claimed: 1 });
  expect((await pools.list()).map(({ name }) => name)).toEqual(["fast"]);
  await pools.delete("fast");
  await expect(pools.get("fast")).rejects.toMatchObject({ code: "PoolNotFound", status: 404 });
});

test("a pool that cannot be is refused by the field", async () => {
  await using served = await serve();
  using alcove = new Alcove({ socketPath: served.socketPath });
  const { pools } = alcove.defaultGroup;
  const refused = (options: object) => pools.set("fast", { image: "debian", minimum: 1, ...options }).catch((e) => e);
  expect(await refused({ minimum: 3, maximum: 2 })).toMatchObject({ code: "InvalidRequest", field: "maximum" });
  expect(await refused({ minimum: 101 })).toMatchObject({ code: "InvalidRequest", field: "minimum" });
  expect(await refused({ prime: [] })).toMatchObject({ code: "InvalidRequest", field: "prime" });
  expect(await refused({ image: "nowhere" })).toMatchObject({ code: "ImageNotFound" });
});
