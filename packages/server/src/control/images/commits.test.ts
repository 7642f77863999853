import { expect, test } from "vitest";
import { waitFor } from "../../lib/backoff.js";
import { debian, group, never, type TestDaemon, TestHost } from "../test-daemon.js";

async function ready({ control }: Pick<TestDaemon, "control">, name: string) {
  const read = async () => {
    const image = await control.images.get(group, name);
    return image.state === "Building" ? undefined : image;
  };
  return waitFor(read, AbortSignal.timeout(20_000));
}

test("a sandbox's disk becomes an image of its group, without its environment, and leaves no snapshot", async () => {
  await using host = new TestHost();
  const { control } = await host.daemon();
  const asked = { ...debian, environment: { COLOUR: "red" }, cmd: ["sleep", "600"], workingDirectory: "/root" };
  const origin = await control.sandboxes.create(group, asked, never);
  await control.execs.runShellCommand(origin, { command: "echo installed > /root/tool" }, never);
  const image = await control.snapshots.commit(origin, { name: "tools:1", labels: { by: "me" } }, never);
  expect(image).toMatchObject({ name: "tools:1", state: "Building", source: { kind: "commit", sandboxId: origin.id } });
  await control.execs.runShellCommand(origin, { command: "echo later > /root/tool" }, never);
  expect(await ready({ control }, "tools:1")).toMatchObject({
    ...{ state: "Ready", labels: { by: "me" }, isPublic: false },
    config: { cmd: ["sleep", "600"], workingDirectory: "/root", environment: {} },
  });
  await waitFor(() => (host.fake.snapshots.size === 0 ? true : undefined), AbortSignal.timeout(20_000));
  await control.sandboxes.delete(origin, never);
  const child = await control.sandboxes.create(group, { sourcesRef: { diskImage: { name: "tools:1" } } }, never);
  expect(child.cmd).toEqual(["sleep", "600"]);
  const run = await control.execs.runShellCommand(child, { command: "cat tool; echo .$COLOUR" }, never);
  expect(run.stdout).toMatch(/^(installed|later)\n\.\n$/);
});

test("a commit is refused where an image would be, before anything is kept", async () => {
  await using host = new TestHost();
  const { control, store } = await host.daemon();
  await control.groups.create({ name: "team", quota: { images: 0 } });
  const origin = await control.sandboxes.create("team", debian, never);
  await expect(control.snapshots.commit(origin, { name: "mine" }, never)).rejects.toMatchObject({
    code: "QuotaExceeded",
  });
  const missing = { group, id: origin.id };
  await expect(control.snapshots.commit(missing, { name: "mine" }, never)).rejects.toMatchObject({
    code: "SandboxNotFound",
  });
  expect(store.snapshots.all()).toEqual([]);
  expect(host.images.orders).toEqual([]);
});

test("a sandbox with a smaller disk than the image had is refused", async () => {
  await using host = new TestHost();
  const { control } = await host.daemon();
  host.images.config = { ...host.images.config, minimumDiskMiB: 40_960 };
  await control.images.create(group, {
    name: "large",
    source: { kind: "registry", imageUrl: "registry.example.com/x" },
  });
  await ready({ control }, "large");
  const create = (disk: string) =>
    control.sandboxes.create(group, { sourcesRef: { diskImage: { name: "large" } }, resources: { disk } }, never);
  await expect(create("20Gi")).rejects.toMatchObject({ code: "InvalidRequest", field: "resources.disk" });
  await expect(create("40Gi")).resolves.toMatchObject({ state: "Running" });
});
