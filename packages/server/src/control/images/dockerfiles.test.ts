import { expect, test, vi } from "vitest";
import { waitFor } from "../../lib/backoff.js";
import { daemonOwner } from "../../policy/access.js";
import type { Control } from "../control.js";
import { type DaemonChanges, group, never, TestHost } from "../test-daemon.js";

async function* bytes(text: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(text);
}

function build(control: Control, name: string, dockerfile: string) {
  return control.images.writeContent({ group, name }, bytes(dockerfile), { format: "dockerfile", labels: {} }, never);
}

function settled(control: Control, name: string) {
  return waitFor(async () => {
    const image = await control.images.get(group, name);
    return image.state === "Building" ? undefined : image;
  }, never);
}

/** A host whose catalogue has the builder; its disk is the fake engine's as any other. */
function hostWithBuilder(): TestHost {
  const host = new TestHost();
  const debian = host.images.catalogue.get("debian");
  if (debian === undefined) throw new Error("no debian");
  host.images.catalogue.set("builder", { ...debian, name: "builder" });
  return host;
}

async function orderOf(host: TestHost, changes: DaemonChanges = {}) {
  const daemon = await host.daemon(changes);
  await build(daemon.control, "app", "FROM scratch");
  await settled(daemon.control, "app");
  const order = host.images.orders.at(-1);
  if (order?.kind !== "dockerfile") throw new Error(`the order is ${order?.kind}`);
  return { ...daemon, order };
}

test("a FROM means what a sandbox's image would: the group's own as it was pulled, the catalogue's, else a registry's", async () => {
  await using host = new TestHost();
  host.images.catalogue.set("small", {
    ...{ name: "small", description: "", fingerprint: "" },
    origin: { kind: "registry", imageUrl: "registry.example.com/small:9" },
  });
  const { control } = await host.daemon();
  const tools = { kind: "registry", imageUrl: "registry.example.com/team/tools:1" } as const;
  await control.images.create(group, { name: "tools", source: tools });
  await settled(control, "tools");
  const text = "FROM tools\nFROM small\nFROM registry.example.com/other:2";
  expect(await build(control, "app", text)).toMatchObject({ state: "Building", source: { kind: "dockerfile" } });
  await settled(control, "app");
  const order = host.images.orders.at(-1);
  if (order?.kind !== "dockerfile") throw new Error(`the order is ${order?.kind}`);
  expect(order.context.bases.map(({ reference }) => order.pullOf(reference))).toEqual([
    { imageUrl: "registry.example.com/team/tools:1", isAdministrators: false },
    { imageUrl: "registry.example.com/small:9", isAdministrators: true },
    { imageUrl: "registry.example.com/other:2", isAdministrators: false },
  ]);
});

test("an image without a registry is no base, and says so before anything is recorded", async () => {
  await using host = new TestHost();
  const { control } = await host.daemon();
  await control.images.writeContent({ group, name: "own" }, bytes("x"), { format: "tar", labels: {} }, never);
  await settled(control, "own");
  for (const base of ["own", "debian"]) {
    await expect(build(control, "app", `FROM ${base}`)).rejects.toThrow(`The image ${base} came from no registry`);
  }
  await expect(control.images.get(group, "app")).rejects.toMatchObject({ code: "ImageNotFound" });
});

test("a group builds two Dockerfiles at once, not more", async () => {
  await using host = new TestHost();
  const { control } = await host.daemon();
  let finish = () => {};
  host.images.building = new Promise((resolve) => (finish = resolve));
  await build(control, "one", "FROM scratch");
  await build(control, "two", "FROM scratch");
  await expect(build(control, "three", "FROM scratch")).rejects.toMatchObject({ code: "TooManyRequests" });
  finish();
  await settled(control, "one");
  await build(control, "three", "FROM scratch");
  await settled(control, "three");
});

test("the machine of a build runs programs, tells their lines, counts in admission, and is gone afterwards", async () => {
  await using host = hostWithBuilder();
  const { control, order } = await orderOf(host);
  const committed = async () => (await control.system.health(daemonOwner)).memory?.committedMiB;
  const before = await committed();
  {
    await using machine = await order.openMachine(never, () => undefined);
    expect(host.fake.machines.size).toBe(1);
    expect(await committed()).not.toBe(before);
    const lines: string[] = [];
    await machine.write("/work/file", bytes("content"), never);
    const argv = ["sh", "-c", "cat /work/file; echo; echo second >&2; exit 3"];
    expect(await machine.run(argv, (line) => void lines.push(line), never)).toBe(3);
    expect(lines.sort()).toEqual(["content", "second"]);
  }
  expect(host.fake.machines.size).toBe(0);
  expect(await committed()).toBe(before);
});

test("a build that is not done in time ends with a sentence", async () => {
  await using host = hostWithBuilder();
  const { order } = await orderOf(host, { options: { imageBuildTimeoutMs: 50 } });
  await using machine = await order.openMachine(never, () => undefined);
  await vi.waitFor(() => expect(machine.signal.aborted).toBe(true), { timeout: 20_000 });
  expect(machine.signal.reason).toMatchObject({ code: "Timeout" });
});

test("a build whose machine is lost ends with what was seen of it", async () => {
  await using host = hostWithBuilder();
  const { order } = await orderOf(host);
  await using machine = await order.openMachine(never, () => undefined);
  const [fake] = host.fake.machines.values();
  fake?.stop({ reason: "EngineLost", message: "It was killed." });
  await vi.waitFor(() => expect(machine.signal.aborted).toBe(true), { timeout: 20_000 });
  expect(machine.signal.reason).toMatchObject({ message: expect.stringContaining("It was killed.") });
});
