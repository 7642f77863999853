import { AlcoveError } from "@alcove/contract";
import { Alcove, type Sandbox, WaitError } from "alcove";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Served, serve } from "../../server/src/http/serve-for-tests.js";

let served: Served;
let alcove: Alcove;
const create = () => alcove.sandboxes.create({ image: "debian" });

beforeAll(async () => {
  served = await serve();
  alcove = new Alcove({ socketPath: served.socketPath });
});
afterAll(async () => {
  alcove[Symbol.dispose]();
  await served[Symbol.asyncDispose]();
});

const failure = (waiting: Promise<unknown>) =>
  waiting.then(
    () => expect.unreachable("it was fulfilled"),
    (error: unknown) => error as WaitError,
  );

test("a sandbox that nobody waited for is waited for until it runs, and a state that is there already is no wait", async () => {
  await using sandbox = await alcove.sandboxes.create({ image: "debian", wait: false });
  expect(await sandbox.waitUntil("Running")).toMatchObject({ id: sandbox.id, state: "Running" });
  expect((await sandbox.waitUntil("Running", { timeoutMs: 1_000 })).state).toBe("Running");
});

test("a state that comes later is told when it comes; those that cannot come any more are told as that, at once", async () => {
  await using sandbox = await create();
  const stopped = sandbox.waitUntil("Stopped");
  const running = failure(sandbox.waitUntil("Failed"));
  await sandbox.exec("poweroff").catch(() => undefined);
  expect(await stopped).toMatchObject({ state: "Stopped", stateDetails: { stoppedReason: "GuestExited" } });
  expect(await running).toBeInstanceOf(WaitError);
  const late = await failure(sandbox.waitUntil("Running"));
  expect(late).toBeInstanceOf(WaitError);
  expect(late).toMatchObject({
    message: expect.stringMatching(/^Sandbox \S+ will not be Running any more: it is Stopped\. ./),
    sandbox: { id: sandbox.id, state: "Stopped" },
  });
});

test("that it is gone ends every waiting for a state, and fulfils the waiting for that", async () => {
  const sandbox = await create();
  const [gone, stopped] = [sandbox.waitUntilDeleted(), failure(sandbox.waitUntil("Stopped"))];
  await sandbox.delete();
  await gone;
  expect(await stopped).toMatchObject({ name: "WaitError", message: expect.stringContaining("will not be Stopped") });
  await sandbox.waitUntilDeleted();
  const never: Sandbox = alcove.sandboxes.connect("00000000-0000-4000-8000-000000000000");
  expect(await failure(never.waitUntil("Running"))).toMatchObject({ message: expect.stringContaining("not there") });
});

test("it is given up in time, and at once by its signal", async () => {
  await using sandbox = await create();
  expect(await failure(sandbox.waitUntil("Stopped", { timeoutMs: 50 }))).toMatchObject({
    name: "WaitError",
    message: `Sandbox ${sandbox.id} was not Stopped within 50 ms: it is Running.`,
    sandbox: { state: "Running" },
  });
  const controller = new AbortController();
  const waiting = failure(sandbox.waitUntil("Stopped", { signal: controller.signal }));
  controller.abort(new Error("enough"));
  expect(await waiting).toMatchObject({ message: "enough" });
});

test("over a restart of the daemon the waiting goes on", async () => {
  await using sandbox = await create();
  const stopped = sandbox.waitUntil("Stopped", { timeoutMs: 15_000 });
  await served.restart();
  await sandbox.exec("poweroff").catch(() => undefined);
  expect((await stopped).state).toBe("Stopped");
});

test.each([
  ["refused", () => Promise.reject(new AlcoveError("Forbidden"))],
  ["held back by a proxy", () => new Promise<never>(() => undefined)],
])("where events are %s, it is looked at again and again", async (_, next) => {
  await using deaf = await serve((control) => ({
    ...control,
    events: { follow: () => ({ next, [Symbol.asyncIterator]: () => ({ next }) }) as never },
  }));
  using client = new Alcove({ socketPath: deaf.socketPath });
  await using sandbox = await client.sandboxes.create({ image: "debian" });
  const stopped = sandbox.waitUntil("Stopped");
  await sandbox.exec("poweroff").catch(() => undefined);
  expect((await stopped).state).toBe("Stopped");
});

test("an image is waited for with its progress; one that is not there is told", async () => {
  const seen: string[] = [];
  const image = await alcove.images.waitUntilReady("debian", { onProgress: ({ state }) => void seen.push(state) });
  expect(image.state).toBe("Ready");
  expect(seen).toEqual(["Ready"]);
  await expect(alcove.images.waitUntilReady("nothing")).rejects.toMatchObject({ code: "ImageNotFound" });
});
