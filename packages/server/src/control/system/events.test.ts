import { AlcoveError, type AlcoveEvent } from "@alcove/contract";
import { expect, test } from "vitest";
import { openStore } from "../../store/store.js";
import { temporaryDirectory } from "../../store/test-record.js";
import { debian, group, never, TestHost } from "../test-daemon.js";
import { Events } from "./events.js";

async function take(events: AsyncIterable<AlcoveEvent>, count: number): Promise<AlcoveEvent[]> {
  const taken: AlcoveEvent[] = [];
  for await (const event of events) if (taken.push(event) === count) break;
  return taken;
}

const summary = (event: AlcoveEvent) => (event.type === "sandbox.changed" ? event.sandbox.state : event.type);

test("the life of a sandbox is told as it happens, numbered one by one, and after a restart goes on from there", async () => {
  await using host = new TestHost();
  const first = await host.daemon();
  const told = take(first.control.events.follow(group, undefined, never), 4);
  const sandbox = await first.control.sandboxes.create(group, debian, never);
  await first.control.sandboxes.delete(sandbox, never);
  const events = await told;
  expect(events.map(summary)).toEqual(["Creating", "Running", "Deleting", "sandbox.deleted"]);
  expect(events.map(({ sequence }) => sequence)).toEqual([1, 2, 3, 4]);
  await first.close();
  const second = await host.daemon();
  expect(await take(second.control.events.follow(group, 2, never), 2)).toEqual(events.slice(2));
  await second.control.sandboxes.create(group, debian, never);
  expect((await take(second.control.events.follow(group, 4, never), 1))[0]?.sequence).toBe(5);
});

test("a stream ends with its signal and with the daemon", async () => {
  await using host = new TestHost();
  const { control, close } = await host.daemon();
  const client = new AbortController();
  const cut = take(control.events.follow(group, undefined, client.signal), 1);
  const open = take(control.events.follow(group, undefined, never), 1);
  client.abort(new Error("gone"));
  expect(await cut).toEqual([]);
  await close();
  expect(await open).toEqual([]);
});

test("a reader that fell behind what is kept gets a gap and then what is kept", async () => {
  using directory = temporaryDirectory();
  const store = openStore(directory.path);
  const events = new Events(store);
  const deleted = (sandboxId: string) => events.append(group, { type: "sandbox.deleted", sandboxId });
  deleted("first");
  const slow = events.follow(group, 0, never);
  expect((await slow.next()).value).toMatchObject({ sequence: 1 });
  store.transaction(() => {
    for (let count = 0; count < 10_100; count++) deleted(`${count}`);
  });
  expect((await slow.next()).value).toMatchObject({ type: "gap", sequence: 101, after: 1 });
  expect((await slow.next()).value).toMatchObject({ type: "sandbox.deleted", sequence: 102 });
  await slow.return(undefined);
  store.close();
});

test("a reader from a future that never was is told so, and follows from now", async () => {
  using directory = temporaryDirectory();
  const store = openStore(directory.path);
  const events = new Events(store);
  const ahead = events.follow(group, 1_000, never);
  expect((await ahead.next()).value).toMatchObject({ type: "gap", sequence: 0, after: 1_000 });
  events.append(group, { type: "sandbox.deleted", sandboxId: "now" });
  expect((await ahead.next()).value).toMatchObject({ sandboxId: "now", sequence: 1 });
  await ahead.return(undefined);
  store.close();
});

test("preparing an image is told with its progress, and a repeat joins it", async () => {
  await using host = new TestHost();
  let finish: () => void = () => undefined;
  host.images.building = new Promise((resolve) => (finish = resolve));
  host.images.forgetDebian();
  const { control } = await host.daemon();
  const follow = control.events.follow(group, 0, never)[Symbol.asyncIterator]();
  await control.images.prepare(group, "debian");
  await control.images.prepare(group, "debian");
  expect((await follow.next()).value).toMatchObject({ image: { state: "Building", message: "Starting" } });
  host.images.step({ message: "Unpacking", progress: 0.5 });
  expect(await control.images.get(group, "debian")).toMatchObject({
    state: "Building",
    message: "Unpacking",
    progress: 0.35,
    log: "a line\n",
  });
  finish();
  expect((await follow.next()).value).toMatchObject({
    image: { state: "Building", message: "Checking the template", progress: 0.7 },
  });
  expect((await follow.next()).value).toMatchObject({ image: { state: "Ready", progress: 1 } });
  expect(host.fake.templates.size).toBe(1);
  await follow.return?.(undefined);
});

test.each([
  [new AlcoveError("EngineUnavailable", "The kernel did not boot."), "The kernel did not boot."],
  [new Error("ENOENT: no such file, open '/var/lib/alcove/x'"), "Alcove failed; the daemon's log has the cause."],
])("a template that cannot be made is told at its image, without paths of the host: %s", async (error, message) => {
  await using host = new TestHost();
  host.fake.faults.prepareError = error;
  const { control } = await host.daemon();
  const follow = control.events.follow(group, 0, never);
  await control.images.prepare(group, "debian");
  const [first, second] = await take(follow, 2);
  expect(first).toMatchObject({ image: { state: "Building", message: "Checking the template" } });
  expect(second).toMatchObject({ image: { state: "Failed", message } });
  expect(await control.images.listPublic(group)).toMatchObject([{ state: "Failed" }]);
});

test("a follower of one sandbox, or of labels, gets what is about them", async () => {
  await using host = new TestHost();
  const { control } = await host.daemon();
  const red = await control.sandboxes.create(group, { ...debian, labels: { team: "red" } }, never);
  const blue = await control.sandboxes.create(group, { ...debian, labels: { team: "blue" } }, never);
  await control.sandboxes.delete(red, never);
  await control.sandboxes.delete(blue, never);
  const of = async (about: { sandboxId?: string; labels?: Record<string, string> }, count: number) =>
    (await take(control.events.follow(group, 0, never, about), count)).map((event) =>
      event.type === "sandbox.changed" ? event.sandbox.labels.team : event.type,
    );
  expect(await of({ sandboxId: blue.id }, 4)).toEqual(["blue", "blue", "blue", "sandbox.deleted"]);
  expect(await of({ labels: { team: "red" } }, 5)).toEqual(["red", "red", "red", "sandbox.deleted", "sandbox.deleted"]);
});

/** What a group is told, as its sequence numbers. */
const numbers = (events: readonly AlcoveEvent[]) => events.map(({ sequence }) => sequence);

function twoGroups(path: string) {
  const store = openStore(path);
  const common = { state: "Ready", tags: {}, defaults: {}, quota: {} } as const;
  for (const name of ["quiet", "busy"]) store.groups.insert({ ...common, name, createdAt: 1_000 });
  return { store, events: new Events(store) };
}

test("a busy group neither pushes another's events out nor shows in the other's numbers", async () => {
  using directory = temporaryDirectory();
  const { store, events } = twoGroups(directory.path);
  const tell = (name: string, sandboxId: string) => events.append(name, { type: "sandbox.deleted", sandboxId });
  tell("quiet", "first");
  store.transaction(() => {
    for (let count = 0; count < 10_100; count++) tell("busy", `${count}`);
  });
  tell("quiet", "second");
  const told = await take(events.follow("quiet", 0, never), 2);
  expect(told).toMatchObject([{ sandboxId: "first" }, { sandboxId: "second" }]);
  expect(numbers(told)).toEqual([1_001, 1_002]);
  expect((await take(events.follow("busy", 0, never), 1))[0]).toMatchObject({ type: "gap", sequence: 1_100 });
  store.close();
});

test("what becomes of the catalogue's images is told to every group, in the group's own numbers", async () => {
  using directory = temporaryDirectory();
  const { store, events } = twoGroups(directory.path);
  events.append("busy", { type: "sandbox.deleted", sandboxId: "a" });
  events.append(null, { type: "image.deleted", name: "debian" });
  expect(numbers(await take(events.follow("quiet", 0, never), 1))).toEqual([1_001]);
  expect(numbers(await take(events.follow("busy", 1_001, never), 1))).toEqual([1_002]);
  store.close();
});

test("who followed a group that is gone gets a gap from the one that has its name now", async () => {
  using directory = temporaryDirectory();
  const { store, events } = twoGroups(directory.path);
  events.append("quiet", { type: "sandbox.deleted", sandboxId: "old" });
  store.groups.remove("quiet");
  store.events.removeGroup("quiet");
  store.groups.insert({ name: "quiet", state: "Ready", tags: {}, defaults: {}, quota: {}, createdAt: 9_000 });
  for (const sandboxId of ["one", "two"]) events.append("quiet", { type: "sandbox.deleted", sandboxId });
  const told = await take(events.follow("quiet", 1_001, never), 3);
  expect(told).toMatchObject([{ type: "gap", after: 1_001 }, { sandboxId: "one" }, { sandboxId: "two" }]);
  store.close();
});
