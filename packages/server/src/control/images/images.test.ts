import { AlcoveError, type CreateImage } from "@alcove/contract";
import { describe, expect, test, vi } from "vitest";
import type { Engine } from "../../engines/engine.js";
import { waitFor } from "../../lib/backoff.js";
import { untilAborted } from "../../lib/until-aborted.js";
import type { Control } from "../control.js";
import { debian, group, never, TestHost, withMembers } from "../test-daemon.js";

const tools: CreateImage = {
  name: "tools:1",
  source: { kind: "registry", imageUrl: "registry.example.com/team/tools:1" },
};
const useTools = { sourcesRef: { diskImage: { name: "tools:1" } } };

function stateOf(control: Control, name: string, state: string) {
  return waitFor(async () => {
    const image = await control.images.get(group, name);
    return image.state === state ? image : undefined;
  }, never);
}

async function* bytes(text: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(text);
}

test("a pulled image is the group's own: Building at once, then Ready, with its source but without the credentials", async () => {
  await using host = new TestHost();
  const { control, store } = await host.daemon();
  const authentication = { registryCredentials: { username: "u", token: "secret-token" } };
  const begun = await control.images.create(group, { ...tools, source: { ...tools.source, authentication } });
  expect(begun).toMatchObject({ name: "tools:1", state: "Building", isPublic: false });
  const ready = await stateOf(control, "tools:1", "Ready");
  expect(ready).toMatchObject({ source: { kind: "registry", isAuthenticated: true }, sizeBytes: 1, progress: 1 });
  expect(host.images.orders[0]).toMatchObject({ credentials: { token: "secret-token" } });
  const told = store.events.after(group, 0, 1_000).map(({ body }) => body);
  expect(JSON.stringify([store.images.all(), told, ready])).not.toContain("secret-token");
  expect((await control.images.list(group, {})).map(({ name }) => name)).toEqual(["tools:1"]);
  expect((await control.groups.get(group)).used.images).toBe(1);
});

test("a name of the group goes before the catalogue's, unless the catalogue is asked for", async () => {
  await using host = new TestHost();
  const { control } = await host.daemon();
  await control.images.create(group, { ...tools, name: "debian" });
  await stateOf(control, "debian", "Ready");
  expect(await control.images.get(group, "debian")).toMatchObject({ isPublic: false });
  expect(await control.images.get(group, "debian", { isPublic: true })).toMatchObject({ isPublic: true });
  const own = await control.sandboxes.create(group, debian, never);
  const theirs = { sourcesRef: { diskImage: { name: "debian", isPublic: true } } };
  const shared = await control.sandboxes.create(group, theirs, never);
  expect(own.sourcesRef).toEqual(debian.sourcesRef);
  expect(shared.sourcesRef).toEqual(theirs.sourcesRef);
});

test("a name of the catalogue whose registry nobody configured says so; when it fails, why is said once", async () => {
  await using host = new TestHost();
  const { control } = await host.daemon();
  const entry = (imageUrl: string) =>
    ({ name: "alpine", description: "", fingerprint: imageUrl, origin: { kind: "registry", imageUrl } }) as const;
  host.images.catalogue.set("alpine", entry(""));
  expect(await control.images.get(group, "alpine")).toMatchObject({
    state: "Missing",
    message: "Cannot be built yet: no reference",
  });
  host.images.catalogue.set("alpine", entry("registry.example.com/alpine"));
  expect(await control.images.get(group, "alpine")).toMatchObject({
    state: "Missing",
    message: expect.stringMatching(/^Not built yet/),
  });
  const building = Promise.reject(new AlcoveError("ImageNotReady", "The registry is closed.", { hint: "Open it." }));
  building.catch(() => undefined);
  host.images.building = building;
  await control.images.prepare(group, "alpine");
  const failed = await stateOf(control, "alpine", "Failed");
  expect(failed).toMatchObject({ message: "The registry is closed.", hint: "Open it." });
});

test("what the image says about its program is honoured, what was asked for goes before it", async () => {
  await using host = new TestHost();
  host.images.config = {
    entrypoint: ["sh", "-c"],
    cmd: ["echo from the image"],
    environment: { A: "image", B: "image" },
    user: "root",
    workingDirectory: "/tmp",
    exposedPorts: ["80/tcp"],
  };
  const { control } = await host.daemon();
  await control.images.create(group, tools);
  await stateOf(control, "tools:1", "Ready");
  const plain = await control.sandboxes.create(group, { ...useTools, environment: { B: "mine" } }, never);
  expect(plain).toMatchObject({ entrypoint: ["sh", "-c"], cmd: ["echo from the image"], workingDirectory: "/tmp" });
  const run = { command: "sh", args: ["-c", 'echo "$A $B"; pwd'] };
  expect((await control.execs.runCommand(plain, run, never)).stdout).toBe("image mine\n/tmp\n");
  const entry = await control.execs.get({ ...plain, execId: plain.entrypointExecId ?? "" }, 5_000, never);
  expect(entry).toMatchObject({ args: ["sh", "-c", "echo from the image"], exitCode: 0 });
  const none = await control.sandboxes.create(group, { ...useTools, entrypoint: [], workingDirectory: "/" }, never);
  expect(none).toMatchObject({ entrypoint: [], cmd: [], workingDirectory: "/" });
  expect(none).not.toHaveProperty("entrypointExecId");
});

test("an image that sandboxes stand on is not deleted, and the refusal names them; then it goes, and its bytes with it", async () => {
  await using host = new TestHost();
  const { control } = await host.daemon();
  await control.images.create(group, tools);
  await stateOf(control, "tools:1", "Ready");
  const { id } = await control.sandboxes.create(group, useTools, never);
  await expect(control.images.delete(group, "tools:1")).rejects.toMatchObject({
    code: "ImageInUse",
    message: `1 sandbox stands on the image tools:1: ${id}.`,
  });
  expect(await control.images.prune(group, {})).toEqual({ deleted: [], freedBytes: 0 });
  expect(host.images.contents.size).toBe(2);
  await control.sandboxes.delete({ group, id }, never);
  await control.images.delete(group, "tools:1");
  await control.images.delete(group, "tools:1");
  await expect(control.images.get(group, "tools:1")).rejects.toMatchObject({ code: "ImageNotFound" });
  expect(host.images.contents.size).toBe(1);
  expect((await control.groups.get(group)).used.images).toBe(0);
});

test("bytes that two names share stay while one of them is left", async () => {
  await using host = new TestHost();
  const { control } = await host.daemon();
  await control.images.create(group, tools);
  await control.images.create(group, { ...tools, name: "again" });
  await Promise.all([stateOf(control, "tools:1", "Ready"), stateOf(control, "again", "Ready")]);
  await control.images.delete(group, "tools:1");
  expect(host.images.contents.size).toBe(2);
  expect(await control.images.prune(group, { olderThanSeconds: 3_600 })).toEqual({ deleted: [], freedBytes: 0 });
  expect(await control.images.prune(group, {})).toEqual({ deleted: ["again"], freedBytes: 1 });
});

test("a sandbox keeps the bytes that it stands on when its image is pulled anew", async () => {
  await using host = new TestHost();
  const { control } = await host.daemon();
  await control.images.create(group, tools);
  await stateOf(control, "tools:1", "Ready");
  const { id } = await control.sandboxes.create(group, useTools, never);
  const source = { kind: "registry", imageUrl: "registry.example.com/team/tools:2" } as const;
  await control.images.create(group, { ...tools, source });
  await waitFor(async () => (host.images.contents.size === 3 ? true : undefined), never);
  await stateOf(control, "tools:1", "Ready");
  expect(host.images.contents.size).toBe(3);
  await control.sandboxes.delete({ group, id }, never);
  await control.images.prune(group, { labels: { no: "image" } });
  expect(host.images.contents.size).toBe(2);
});

test("a build that fails says why and what to do; one that had a disk keeps it", async () => {
  await using host = new TestHost();
  const { control } = await host.daemon();
  const failure = new AlcoveError("ImageNotReady", "The registry wants credentials.", { hint: "Give them." });
  host.images.building = Promise.reject(failure);
  host.images.building.catch(() => undefined);
  await control.images.create(group, tools);
  expect(await stateOf(control, "tools:1", "Failed")).toMatchObject({ message: failure.message, hint: "Give them." });
  await expect(control.sandboxes.create(group, useTools, never)).rejects.toMatchObject({
    code: "ImageNotReady",
    message: "The image tools:1 could not be built: The registry wants credentials.",
  });
  const works = host.images.building;
  host.images.building = Promise.resolve();
  await control.images.create(group, tools);
  await stateOf(control, "tools:1", "Ready");
  host.images.building = works;
  await control.images.create(group, tools);
  const kept = await waitFor(async () => {
    const image = await control.images.get(group, "tools:1");
    return image.hint === undefined ? undefined : image;
  }, never);
  expect(kept).toMatchObject({ state: "Ready", message: expect.stringContaining("wants credentials"), sizeBytes: 1 });
  expect((await control.sandboxes.create(group, useTools, never)).state).toBe("Running");
});

test("a template that could not be made is no more said of an image that is pulled anew", async () => {
  await using host = new TestHost();
  const { control } = await host.daemon();
  await control.images.create(group, tools);
  await stateOf(control, "tools:1", "Ready");
  host.fake.faults.prepareError = new AlcoveError("EngineUnavailable", "The kernel did not boot.");
  await control.images.prepare(group, "tools:1");
  expect(await stateOf(control, "tools:1", "Failed")).toMatchObject({ message: "The kernel did not boot." });
  await control.images.create(group, tools);
  expect(await stateOf(control, "tools:1", "Ready")).toMatchObject({ message: "Built." });
});

describe("a template that is being made ends", () => {
  /** A host whose engine makes templates without end, unless it is told to stop; and how many it makes now. */
  async function preparing() {
    const host = new TestHost();
    const under = { way: 0 };
    const engine = (own: Engine): Engine => ({
      ...withMembers(own),
      async prepare(_disk, _size, { signal }) {
        under.way += 1;
        await untilAborted(new Promise<never>(() => undefined), signal).finally(() => {
          under.way -= 1;
        });
      },
    });
    const daemon = await host.daemon({ engine });
    await daemon.control.images.create(group, tools);
    await stateOf(daemon.control, "tools:1", "Ready");
    await daemon.control.images.prepare(group, "tools:1");
    await waitFor(() => (under.way === 1 ? true : undefined), never);
    return { host, under, daemon, ...daemon };
  }

  test.each([
    ["its image is deleted", (control: Control) => control.images.delete(group, "tools:1")],
    ["its image is pruned", (control: Control) => control.images.prune(group, {})],
    ["its image is pulled anew", (control: Control) => control.images.create(group, tools)],
  ])("when %s", async (_, act) => {
    const { host, under, control } = await preparing();
    await using _host = host;
    await act(control);
    await waitFor(() => (under.way === 0 ? true : undefined), never);
  });

  test("before the daemon does", async () => {
    const { host, under, daemon } = await preparing();
    await using _host = host;
    await daemon.close();
    expect(under.way).toBe(0);
  });
});

test("a pull that is refused, since one is under way, does not end the preparation that waits for it", async () => {
  await using host = new TestHost();
  let finish = () => {};
  host.images.building = new Promise<void>((resolve) => {
    finish = resolve;
  });
  const { control } = await host.daemon();
  await control.images.create(group, tools);
  await control.images.prepare(group, "tools:1");
  await expect(control.images.create(group, tools)).rejects.toMatchObject({ code: "ImageBusy" });
  finish();
  await waitFor(() => (host.fake.templates.size === 1 ? true : undefined), never);
});

test("what is not the caller's fault is told without paths of the host", async () => {
  await using host = new TestHost();
  host.images.building = Promise.reject(new Error("ENOENT: /var/lib/alcove/images"));
  host.images.building.catch(() => undefined);
  const { control } = await host.daemon();
  await control.images.create(group, tools);
  const { message } = await stateOf(control, "tools:1", "Failed");
  expect(message).toBe("Alcove failed; the daemon's log has the cause.");
});

test("while an image is built another build of the name is refused, a sandbox waits for it, and deleting it ends the build", async () => {
  await using host = new TestHost();
  host.images.building = new Promise(() => undefined);
  const { control } = await host.daemon();
  await control.images.create(group, tools);
  await expect(control.images.create(group, tools)).rejects.toMatchObject({ code: "ImageBusy" });
  const send = () =>
    control.images.writeContent({ group, name: "tools:1" }, bytes("x"), { format: "tar", labels: {} }, never);
  await expect(send()).rejects.toMatchObject({ code: "ImageBusy" });
  await control.images.delete(group, "tools:1");
  await expect(control.images.get(group, "tools:1")).rejects.toMatchObject({ code: "ImageNotFound" });
});

test("a daemon that died during builds: what needs nothing but its source is pulled anew, the rest has failed", async () => {
  await using host = new TestHost();
  host.images.building = new Promise(() => undefined);
  const first = await host.daemon();
  await first.control.images.create(group, tools);
  const authentication = { registryCredentials: { username: "u", token: "t" } };
  await first.control.images.create(group, { name: "private", source: { ...tools.source, authentication } });
  await first.control.images.writeContent({ group, name: "sent" }, bytes("x"), { format: "tar", labels: {} }, never);
  await first.close();
  host.images.building = Promise.resolve();
  const { control } = await host.daemon();
  await stateOf(control, "tools:1", "Ready");
  for (const name of ["private", "sent"]) {
    expect(await control.images.get(group, name)).toMatchObject({
      state: "Failed",
      message: "The daemon ended during the build.",
    });
  }
});

test("two groups do not see each other's images, and a group that is deleted takes its images with it", async () => {
  await using host = new TestHost();
  const { control } = await host.daemon();
  await control.groups.create({ name: "other" });
  await control.images.create("other", tools);
  await waitFor(async () => {
    const { state } = await control.images.get("other", "tools:1");
    return state === "Ready" ? true : undefined;
  }, never);
  await expect(control.images.get(group, "tools:1")).rejects.toMatchObject({ code: "ImageNotFound" });
  await expect(control.sandboxes.create(group, useTools, never)).rejects.toMatchObject({ code: "ImageNotFound" });
  await control.images.delete(group, "tools:1");
  await expect(control.groups.delete("other", { force: false }, never)).rejects.toThrow("has 1 image in it");
  await control.groups.delete("other", { force: true }, never);
  expect(host.images.contents.size).toBe(1);
});

test("a quota on images counts names, not pulls of a name that is there", async () => {
  await using host = new TestHost();
  const { control } = await host.daemon();
  await control.groups.setQuota(group, { images: 1 });
  await control.images.create(group, tools);
  await stateOf(control, "tools:1", "Ready");
  await control.images.create(group, tools);
  await expect(control.images.create(group, { ...tools, name: "two" })).rejects.toMatchObject({
    code: "QuotaExceeded",
  });
  await vi.waitFor(async () => expect((await control.images.list(group, {})).length).toBe(1), { timeout: 20_000 });
});
