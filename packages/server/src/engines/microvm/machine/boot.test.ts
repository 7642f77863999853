import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { afterEach, beforeEach, expect, test } from "vitest";
import { boot } from "./boot.js";
import type { MachineHost } from "./machine-host.js";

let place: string;
beforeEach(async () => {
  place = await mkdtemp(join(tmpdir(), "alcove-boot-"));
});
afterEach(() => rm(place, { recursive: true }));

test("a QEMU that ends while it boots is told of, and its sockets are waited for no longer", async () => {
  const sockets = { qmp: join(place, "qmp"), agent: join(place, "agent"), host: join(place, "host") };
  const devices = { vcpus: 1, memoryMiB: 256, disk: join(place, "disk"), sockets };
  await writeFile(join(place, "agent-that-ends"), "#!/bin/sh\nsleep 0.2\nexit 3\n", { mode: 0o755 });
  const platform = { architecture: "x86-64", accelerator: "tcg", qemuVersion: [7, 2] };
  const assets = { agent: join(place, "agent-that-ends"), kernel: "/nowhere", initramfs: "/nowhere" };
  const installation = { qemu: { program: "qemu" }, platform, assets };
  const host = { installation, namespaces: "none", programPaths: [], devicePaths: [] } as unknown as MachineHost;
  const plan = { devices, uid: undefined, groups: [], backing: [], deadlineMs: 10_000, tries: 1 };
  await expect(boot(host, plan, new AbortController().signal)).rejects.toThrow("ended with exit code 3");

  let calls = 0;
  const late = createServer((socket) => {
    calls++;
    socket.destroy();
  });
  await new Promise<void>((resolve) => late.listen(sockets.qmp, resolve));
  await setTimeout(300);
  await new Promise((resolve) => late.close(resolve));
  expect(calls).toBe(0);
});
