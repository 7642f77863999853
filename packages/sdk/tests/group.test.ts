import { Alcove } from "alcove";
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import { type Served, serve } from "../../server/src/http/serve-for-tests.js";

let served: Served;
beforeAll(async () => {
  served = await serve();
});
afterAll(() => served[Symbol.asyncDispose]());
afterEach(() => {
  vi.unstubAllEnvs();
});

test("what a server client has is the default group's", async () => {
  using alcove = new Alcove({ socketPath: served.socketPath });
  await using sandbox = await alcove.group("default").sandboxes.create({ image: "debian" });
  expect(sandbox.group).toBe("default");
  expect((await alcove.sandboxes.get(sandbox.id)).id).toBe(sandbox.id);
  expect((await alcove.images.listPublic()).map(({ name }) => name)).toContain("debian");
});

test("a group that is not there is told when it is used", async () => {
  using alcove = new Alcove({ socketPath: served.socketPath });
  const nobody = alcove.group("nobody");
  expect(nobody.name).toBe("nobody");
  await expect(nobody.sandboxes.count()).rejects.toMatchObject({ code: "GroupNotFound" });
});

test("the default group is the option's, else the environment's", async () => {
  vi.stubEnv("ALCOVE_GROUP", "from-environment");
  using fromEnvironment = new Alcove({ socketPath: served.socketPath });
  using fromOption = new Alcove({ socketPath: served.socketPath, group: "default" });
  expect(fromEnvironment.defaultGroup.name).toBe("from-environment");
  await expect(fromEnvironment.sandboxes.count()).rejects.toMatchObject({ code: "GroupNotFound" });
  expect(await fromOption.sandboxes.count()).toBe(0);
});
